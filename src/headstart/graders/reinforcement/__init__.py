"""Chapter 18: returns, tokens of a trajectory, the loss, the gate, memory, advantages, in this order."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.reinforcement import returns, tokens, loss, gate, memory, advantages

__all__ = ["advantages", "gate", "loss", "memory", "returns", "tokens"]
