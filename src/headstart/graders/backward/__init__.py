"""Chapter 04: the witness; back through softmax, maps, dropout, attention, self-attention, norms and the layer."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.backward import differences, softmax, linear, dropout, attention, from_output
from headstart.graders.backward import self_attention, norm, layer

__all__ = [
    "attention", "differences", "dropout", "from_output", "layer", "linear", "norm", "self_attention", "softmax",
]  # fmt: skip
