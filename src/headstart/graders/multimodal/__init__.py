"""Chapter 16: gated cross-attention, resampling, missing modalities, alignment, masks of images, their tokens."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.multimodal import gated, resampler, missing, blocks, last_image, tokens, contrastive

__all__ = ["blocks", "contrastive", "gated", "last_image", "missing", "resampler", "tokens"]
