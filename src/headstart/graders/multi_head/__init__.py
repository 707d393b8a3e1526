"""Chapter 03: heads cut and joined, multi-head attention, what each head adds, the layer, and counts, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.multi_head import heads, function, contributions, layer, mistakes, mask_mistakes, counts, flops

__all__ = ["contributions", "counts", "flops", "function", "heads", "layer", "mask_mistakes", "mistakes"]
