"""Chapter 14: patches and back, operations, rollout, windows and their mask, boxes, and matching."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.vision import patches, flops, rollout, windows, mask, boxes, cost, matching

__all__ = ["boxes", "cost", "flops", "mask", "matching", "patches", "rollout", "windows"]
