"""Chapter 09: counting operations and bytes, the roofline, tiled attention, the quantised cache, pruning heads."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.efficiency import flops, bytes_moved, roofline, decode, tiled, tiled_answers, backward
from headstart.graders.efficiency import quantise, quantised_attention, importance, prune

__all__ = [
    "backward", "bytes_moved", "decode", "flops", "importance", "prune", "quantise", "quantised_attention", "roofline",
    "tiled", "tiled_answers",
]  # fmt: skip
