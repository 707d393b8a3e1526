"""Chapter 04: the witness; back through softmax, maps, dropout, attention, self-attention, norms and the layer."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.backward import differences, softmax, cross_entropy, linear, dropout, attention
from headstart.graders.backward import attention_mistakes, from_output, self_attention, norm, layer, layer_mistakes

__all__ = [
    "attention", "attention_mistakes", "cross_entropy", "differences", "dropout", "from_output", "layer",
    "layer_mistakes", "linear", "norm", "self_attention", "softmax",
]  # fmt: skip
