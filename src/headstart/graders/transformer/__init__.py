"""Chapter 06: norms, feed-forward networks, blocks, models and counts, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.transformer import norms, feed_forward, encoder, cross, decoder, models, counts

__all__ = ["counts", "cross", "decoder", "encoder", "feed_forward", "models", "norms"]
