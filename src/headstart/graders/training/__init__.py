"""Chapter 07: dropout, clipping, schedules, first weights, packing, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.training import first_weights, dropout, dropout_answers, warm_up, cosine, clipping, packing, loss

__all__ = ["clipping", "cosine", "dropout", "dropout_answers", "first_weights", "loss", "packing", "warm_up"]
