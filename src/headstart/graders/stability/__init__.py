"""Chapter 02: log-sum-exp, the online softmax, masks, low precision, caps, norms and entropy, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.stability import log_sum_exp, online, causal, padding, documents, bias, precision, cap, qk_norm
from headstart.graders.stability import entropy

__all__ = [
    "bias", "cap", "causal", "documents", "entropy", "log_sum_exp", "online", "padding", "precision", "qk_norm",
]  # fmt: skip
