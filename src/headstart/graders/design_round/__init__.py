"""Laws for in_numpy/design: sizes of a decoder for a given memory."""

from headstart.graders.design_round import context, kv_heads, parameters

__all__ = ["context", "kv_heads", "parameters"]
