"""Chapter 19: dilution, rank collapse, counterfactual weights, circuits, induction, ablation, the order of sums."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.limits import dilution, rank, counterfactual, circuits, induction, ablation, order

__all__ = ["ablation", "circuits", "counterfactual", "dilution", "induction", "order", "rank"]
