"""The gated feed-forward network: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import agree, exercise
from headstart.graders.transformer.feed_forward import SHAPES, gelu, sigmoid

gated_feed_forward = exercise("gated_feed_forward", "feed_forward", chapter="transformer")


def draw_gated(draw, lead, d_model, d_ff):
    """A token array and the weights of a gated network."""
    return draw(*lead, d_model), draw(d_model, d_ff), draw(d_model, d_ff), draw(d_ff, d_model)


def gated_by_loops(x, W_gate, W_up, W_down):
    """The gated network, one token and one hidden unit at a time."""
    out = np.zeros(x.shape)
    for at in np.ndindex(x.shape[:-1]):
        for j in range(W_gate.shape[1]):
            gate = x[at] @ W_gate[:, j]
            out[at] += gate / (1.0 + math.exp(-gate)) * (x[at] @ W_up[:, j]) * W_down[j]
    return out


@gated_feed_forward.law
def gated_by_the_definition(candidate, draw):
    """The output is (swish(x W_gate) · (x W_up)) W_down with swish(a) = a / (1 + e⁻ᵃ), for every shape."""
    for sizes in SHAPES:
        inputs = draw_gated(draw, *sizes)
        agree(candidate(*inputs), gated_by_loops(*inputs))


@gated_feed_forward.law
def linear_in_the_open_branch(candidate, draw):
    """Twice W_up gives twice the output; a gate of zeros closes everything."""
    x, W_gate, W_up, W_down = draw_gated(draw, (2, 3), 4, 5)
    agree(candidate(x, W_gate, 2 * W_up, W_down), 2 * gated_by_loops(x, W_gate, W_up, W_down), "with twice W_up")
    agree(candidate(x, 0 * W_gate, W_up, W_down), np.zeros(x.shape), "the output with a gate of zeros")


@gated_feed_forward.law
def an_open_gate_is_linear(candidate, draw):
    """Far above zero the gate passes itself through: swish(a) is nearly a; far below it is nearly zero, never NaN."""
    x = np.ones((3, 2))
    for level in (40.0, 1000.0):  # e¹⁰⁰⁰ overflows
        W_gate, W_up, W_down = np.array([[level, -level], [0.0, 0.0]]), draw(2, 2), draw(2, 2)
        want = (np.array([level, 0.0]) * (x @ W_up)) @ W_down
        agree(candidate(x, W_gate, W_up, W_down), want, f"the output with gates at ±{level:.0f}", atol=1e-3)


@gated_feed_forward.law(wings=("in_torch",))
def gated_passes_gradients(candidate, draw):
    """The tokens and all three matrices get their gradients, through the gate as well."""
    inputs, g = draw_gated(draw, (2,), 3, 4), draw(2, 3)
    for got, want in zip(candidate.gradients(g, *inputs), slopes(gated_by_loops, g, *inputs), strict=True):
        agree(got, want, "the gradient")


@gated_feed_forward.mutant("gate and value exchanged: swish(x W_up) · (x W_gate)")
def branches_exchanged(x, W_gate, W_up, W_down):
    a = x @ W_up
    return (a * sigmoid(a) * (x @ W_gate)) @ W_down


@gated_feed_forward.mutant("a sigmoid gate (GLU) where the contract says swish")
def sigmoid_gate(x, W_gate, W_up, W_down):
    return (sigmoid(x @ W_gate) * (x @ W_up)) @ W_down


@gated_feed_forward.mutant("a ReLU gate (ReGLU) where the contract says swish")
def relu_gate(x, W_gate, W_up, W_down):
    return (np.maximum(x @ W_gate, 0.0) * (x @ W_up)) @ W_down


@gated_feed_forward.mutant("branches that are added instead of multiplied: nothing is gated")
def branches_added(x, W_gate, W_up, W_down):
    a = x @ W_gate
    return (a * sigmoid(a) + x @ W_up) @ W_down


@gated_feed_forward.mutant("a plain network with swish: W_up is never used")
def without_up(x, W_gate, W_up, W_down):
    a = x @ W_gate
    return (a * sigmoid(a)) @ W_down


@gated_feed_forward.mutant("a bilinear network: the product of the two branches without any swish")
def bilinear(x, W_gate, W_up, W_down):
    return ((x @ W_gate) * (x @ W_up)) @ W_down


@gated_feed_forward.mutant("a swish written a · eᵃ / (1 + eᵃ): where eᵃ overflows it is NaN")
def overflowing_swish(x, W_gate, W_up, W_down):
    a = x @ W_gate
    return (a * np.exp(a) / (1.0 + np.exp(a)) * (x @ W_up)) @ W_down


@gated_feed_forward.mutant("a GELU gate (GEGLU) where the contract says swish")
def gelu_gate(x, W_gate, W_up, W_down):
    return (gelu(x @ W_gate) * (x @ W_up)) @ W_down


@gated_feed_forward.style
def gate_by_exp(x, W_gate, W_up, W_down):
    """One fused matrix for both branches and the formula for swish."""
    gate, up = np.split(x @ np.concatenate([W_gate, W_up], axis=1), 2, axis=-1)
    return (gate / (1.0 + np.exp(-gate)) * up) @ W_down


@gated_feed_forward.style
def gated_in_float32(*arrays):
    """float32 throughout."""
    x, W_gate, W_up, W_down = (array.astype(np.float32) for array in arrays)
    gate = x @ W_gate
    return (gate * sigmoid(gate) * (x @ W_up)) @ W_down
