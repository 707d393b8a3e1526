"""Chapter 01: softmax, the soft dictionary, weights, attention, self-attention, additive attention, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.attention import softmax, look_up, weights, attention, self_attention, additive
from headstart.graders.attention import softmax_answers, mistakes, mask_mistakes, styles, additive_answers

__all__ = [
    "additive", "additive_answers", "attention", "look_up", "mask_mistakes", "mistakes", "self_attention",
    "softmax", "softmax_answers", "styles", "weights",
]  # fmt: skip
