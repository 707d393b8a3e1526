"""Chapter 12: patches, the kernel, shifts, heads that convolve, how far it sees, counts, depthwise, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.convolution import patches, kernel, shifts, by_heads, field, counts, depthwise

__all__ = ["by_heads", "counts", "depthwise", "field", "kernel", "patches", "shifts"]
