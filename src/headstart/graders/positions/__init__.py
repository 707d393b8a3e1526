"""Chapter 05: sinusoids, buckets of distance, linear biases and rotary frequencies, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.positions import sinusoidal, buckets, alibi, frequencies, stretched, yarn

__all__ = ["alibi", "buckets", "frequencies", "sinusoidal", "stretched", "yarn"]
