"""Chapter 08: the tail cut off, the cache, the model with a cache, blocks, drafts, dialogues, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.generation import tails, cache, rotary_cache, decoder, pages, append, prefix
from headstart.graders.generation import pick, residual, accept, tree, dialogue

__all__ = [
    "accept", "append", "cache", "decoder", "dialogue", "pages", "pick", "prefix", "residual", "rotary_cache", "tails",
    "tree",
]  # fmt: skip
