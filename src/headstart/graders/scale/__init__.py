"""Chapter 11: heads on ranks, exchanges, merging, the ring and its way back, and what is sent, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.scale import kv_heads, shards, exchange, merge, schedule, ring, zigzag, ring_backward, traffic

__all__ = ["exchange", "kv_heads", "merge", "ring", "ring_backward", "schedule", "shards", "traffic", "zigzag"]
