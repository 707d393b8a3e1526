"""Chapter 17: ranks, patches, decay in time, precision, strands, pairs, frames, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.industry import ranks, patches, decay, precision, strands, pairs, frames

__all__ = ["decay", "frames", "pairs", "patches", "precision", "ranks", "strands"]
