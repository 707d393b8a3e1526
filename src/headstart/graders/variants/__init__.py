"""Chapter 10: shared heads, cache sizes, latents, windows, sinks, linear memories, selection, differences, blocks."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.variants import grouped, pooling, cache, windowed, latent, absorbed, window, sinks
from headstart.graders.variants import linear, chunked, delta, selection, differential, blocks

__all__ = [
    "absorbed", "blocks", "cache", "chunked", "delta", "differential", "grouped", "latent", "linear", "pooling",
    "selection", "sinks", "window", "windowed",
]  # fmt: skip
