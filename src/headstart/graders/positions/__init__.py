"""Chapter 05: sinusoids, buckets, rotation, linear biases and longer contexts, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.positions import sinusoidal, buckets, frequencies
from headstart.graders.positions import rotate, interleaved, conversion, rotary_attention, rotary_witness
from headstart.graders.positions import alibi, stretched, yarn

__all__ = [
    "alibi", "buckets", "conversion", "frequencies", "interleaved", "rotary_attention", "rotary_witness", "rotate",
    "sinusoidal", "stretched", "yarn",
]  # fmt: skip
