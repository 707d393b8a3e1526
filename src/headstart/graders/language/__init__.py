"""Chapter 13: pooling, what a decoder reads, tags and their spans, the answer's span, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.language import pooling, forcing, transitions, spans, best_path, answer

__all__ = ["answer", "best_path", "forcing", "pooling", "spans", "transitions"]
