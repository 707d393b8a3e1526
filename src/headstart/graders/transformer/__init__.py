"""Chapter 06: norms, feed-forward networks, blocks, models and counts, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.transformer import layer_norm, rms_norm, feed_forward, gated, encoder, cross, decoder
from headstart.graders.transformer import encoder_answers, cross_answers, decoder_answers
from headstart.graders.transformer import decoder_only, encoder_decoder, parameters, flops

__all__ = [
    "cross", "cross_answers", "decoder", "decoder_answers", "decoder_only", "encoder", "encoder_answers",
    "encoder_decoder", "feed_forward", "flops", "gated", "layer_norm", "parameters", "rms_norm",
]  # fmt: skip
