"""The feed-forward network: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import agree, exercise

feed_forward = exercise("feed_forward", "feed_forward", chapter="transformer")

SHAPES = [((2, 3), 4, 6), ((1, 5), 6, 2), ((4,), 5, 5), ((), 3, 7), ((2, 2), 1, 4)]  # leading axes, d_model, d_ff


def draw_plain(draw, lead, d_model, d_ff):
    """A token array and the weights of a plain network."""
    return draw(*lead, d_model), draw(d_model, d_ff), draw(d_ff), draw(d_ff, d_model), draw(d_model)


def plain_by_loops(x, W_1, b_1, W_2, b_2):
    """The plain network, one token and one hidden unit at a time."""
    out = np.zeros(x.shape)
    for at in np.ndindex(x.shape[:-1]):
        out[at] = b_2 + sum(max(0.0, x[at] @ W_1[:, j] + b_1[j]) * W_2[j] for j in range(len(b_1)))
    return out


@feed_forward.law
def widened_cut_and_narrowed(candidate, draw):
    """The output is max(0, x W_1 + b_1) W_2 + b_2, for every shape."""
    for sizes in SHAPES:
        inputs = draw_plain(draw, *sizes)
        agree(candidate(*inputs), plain_by_loops(*inputs))


@feed_forward.law
def nothing_open_leaves_the_bias(candidate, draw):
    """Where every hidden unit is negative the output is b_2, whatever the token says."""
    x, W_1, b_1, W_2, b_2 = draw_plain(draw, (2, 3), 4, 5)
    agree(candidate(x, W_1, b_1 - 50.0, W_2, b_2), np.broadcast_to(b_2, x.shape), "the output with all units closed")


@feed_forward.law
def open_units_are_linear(candidate, draw):
    """Where every hidden unit is positive nothing is cut off, however large the units are."""
    x, W_1, b_1, W_2, b_2 = draw_plain(draw, (2, 3), 4, 5)
    b_1 = b_1 + 50.0
    agree(candidate(x, W_1, b_1, W_2, b_2), (x @ W_1 + b_1) @ W_2 + b_2, "the output with all units open", atol=1e-3)


@feed_forward.law
def tokens_think_alone(candidate, draw):
    """Changing one token changes no other token's output."""
    x, *W = draw_plain(draw, (2, 4), 5, 6)
    moved = x.copy()
    moved[0, 1] += 1.0
    change = np.asarray(candidate(moved, *W)) - np.asarray(candidate(x, *W))
    agree(change, plain_by_loops(moved, *W) - plain_by_loops(x, *W), "the change of the output")


@feed_forward.law(wings=("in_torch",))
def feed_forward_passes_gradients(candidate, draw):
    """The tokens and all four weights get their gradients, equal to finite differences."""
    inputs, g = draw_plain(draw, (3,), 3, 6), draw(3, 3)
    for got, want in zip(candidate.gradients(g, *inputs), slopes(plain_by_loops, g, *inputs), strict=True):
        agree(got, want, "the gradient")


def sigmoid(a):
    """1 / (1 + e⁻ᵃ) without overflow."""
    return (1.0 + np.tanh(a / 2.0)) / 2.0


def gelu(a):
    """a times the share of a standard normal below it."""
    return a * (1.0 + np.vectorize(math.erf, otypes=[float])(a / math.sqrt(2.0))) / 2.0


@feed_forward.mutant("a GELU for the ReLU, as GPT-2 and BERT have it")
def gelu_for_relu(x, W_1, b_1, W_2, b_2):
    return gelu(x @ W_1 + b_1) @ W_2 + b_2


@feed_forward.mutant("a feed-forward network without its ReLU: two linear maps, which are one linear map")
def without_relu(x, W_1, b_1, W_2, b_2):
    return (x @ W_1 + b_1) @ W_2 + b_2


@feed_forward.mutant("a ReLU on the output instead of the hidden layer")
def relu_at_the_end(x, W_1, b_1, W_2, b_2):
    return np.maximum((x @ W_1 + b_1) @ W_2 + b_2, 0.0)


@feed_forward.mutant("a second ReLU on the output: the residual stream could then only grow")
def relu_twice(x, W_1, b_1, W_2, b_2):
    return np.maximum(np.maximum(x @ W_1 + b_1, 0.0) @ W_2 + b_2, 0.0)


@feed_forward.mutant("a ReLU before the bias b_1 is added: no unit can then be moved across its threshold")
def bias_after_relu(x, W_1, b_1, W_2, b_2):
    return (np.maximum(x @ W_1, 0.0) + b_1) @ W_2 + b_2


@feed_forward.mutant("a feed-forward network that forgets its biases")
def without_biases(x, W_1, b_1, W_2, b_2):
    return np.maximum(x @ W_1, 0.0) @ W_2


@feed_forward.mutant("a feed-forward network with the residual connection inside: the block adds x a second time")
def residual_inside(x, W_1, b_1, W_2, b_2):
    return x + np.maximum(x @ W_1 + b_1, 0.0) @ W_2 + b_2


@feed_forward.mutant("a sigmoid for the ReLU")
def sigmoid_for_relu(x, W_1, b_1, W_2, b_2):
    return sigmoid(x @ W_1 + b_1) @ W_2 + b_2


@feed_forward.style
def relu_by_where(x, W_1, b_1, W_2, b_2):
    """einsum and np.where."""
    hidden = np.einsum("...d,df->...f", x, W_1) + b_1
    return np.einsum("...f,fd->...d", np.where(hidden > 0, hidden, 0.0), W_2) + b_2


@feed_forward.style
def plain_in_float32(*arrays):
    """float32 throughout."""
    x, W_1, b_1, W_2, b_2 = (array.astype(np.float32) for array in arrays)
    return np.maximum(x @ W_1 + b_1, 0) @ W_2 + b_2
