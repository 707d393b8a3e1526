"""Chapter 06: norms, feed-forward networks, blocks, models and counts, in this order."""

from headstart.graders.transformer import norms

__all__ = ["norms"]
