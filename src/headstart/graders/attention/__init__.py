"""Chapter 01: softmax, the soft dictionary, weights, attention, self-attention, additive attention, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.attention import softmax, look_up, weights, attention, self_attention, additive, mistakes

__all__ = ["additive", "attention", "look_up", "mistakes", "self_attention", "softmax", "weights"]
