"""Chapter 05: rotation in both conventions, the way between them, attention with a cache, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.rotary import rotate, interleaved, conversion, attention

__all__ = ["attention", "conversion", "interleaved", "rotate"]
