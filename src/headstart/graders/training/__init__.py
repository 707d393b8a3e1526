"""Chapter 07: dropout, clipping, schedules, first weights, packing, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.training import first_weights, dropout, dropout_answers, warm_up, cosine, clipping
from headstart.graders.training import packing, packing_answers, loss, loss_answers

__all__ = ["clipping", "cosine", "dropout", "dropout_answers", "first_weights", "loss", "loss_answers", "packing"]
__all__ += ["packing_answers", "warm_up"]
