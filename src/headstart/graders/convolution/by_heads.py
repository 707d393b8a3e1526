"""Attention heads that convolve: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.convolution.shifts import scores
from headstart.graders.convolution.witness import bordered, conv_by_taps
from headstart.graders.kit import again, agree, exercise

convolution_by_heads = exercise(
    "convolution_by_heads", "convolution", chapter="convolution", wings=("in_numpy",), needs=("shift_scores", "softmax")
)

SHAPES = (((3, 4, 2), 3, 3, 0.6), ((2, 2, 5, 3), 1, 3, 0.4), ((1, 4, 2, 1), 3, 2, 1.1), ((2, 1, 3, 3, 2), 3, 1, 0.3))


def weights(height, width, size, sharpness, axis=-1):
    """Softmax of the shifts' scores."""
    s = scores(height, width, size, sharpness)
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def summed(A, x, W):
    """Head by head: read, apply the head's matrix, add."""
    size, (*lead, height, width, d_in) = len(W), x.shape
    tokens = x.reshape(*lead, height * width, d_in)
    out = sum(A[i * size + j] @ tokens @ W[i, j] for i in range(size) for j in range(size))
    return out.reshape(*lead, height, width, -1)


def head_by_head(x, W, sharpness, axis=-1):
    """The right answer."""
    return summed(weights(*x.shape[-3:-1], len(W), sharpness, axis), x, W)


@convolution_by_heads.law
def heads_read_and_add(candidate, draw):
    """Every head averages the pixels by the softmax of its scores and applies its matrix; the heads are added."""
    for shape, size, d_out, sharpness in again(*SHAPES):
        x, W = draw(*shape), draw(size, size, shape[-1], d_out)
        words = f"the output for {shape}, a kernel of {size} by {size} and sharpness {sharpness}"
        agree(candidate(x, W, sharpness), head_by_head(x, W, sharpness), words)


@convolution_by_heads.law
def sharp_heads_convolve(candidate, draw):
    """With sharp heads it is the convolution of the image with its border pixels repeated outwards."""
    x, W = draw(2, 4, 5, 2), draw(3, 3, 2, 3)
    for sharpness in (40.0, 4000.0):
        agree(candidate(x, W, sharpness), conv_by_taps(bordered(x, 1, "edge"), W), f"the output at {sharpness}")


@convolution_by_heads.law
def blunt_heads_average(candidate, draw):
    """With sharpness 0 every head reads the mean of the image."""
    x, W = draw(3, 2, 4), draw(3, 3, 4, 2)
    want = np.broadcast_to(x.mean(axis=(0, 1)) @ W.sum(axis=(0, 1)), (3, 2, 2))
    agree(candidate(x, W, 0.0), want, "the output at sharpness 0")


@convolution_by_heads.mutant("the convolution itself, with zeros around the image: no attention, and another border")
def zeros_around(x, W, sharpness):
    return conv_by_taps(bordered(x, len(W) // 2), W)


@convolution_by_heads.mutant("hard heads: each reads one pixel whatever the sharpness")
def hard_heads(x, W, sharpness):
    return conv_by_taps(bordered(x, len(W) // 2, "edge"), W)


@convolution_by_heads.mutant("the mean of the heads instead of their sum")
def heads_averaged(x, W, sharpness):
    return head_by_head(x, W, sharpness) / len(W) ** 2


@convolution_by_heads.mutant("heads paired with the matrices of the opposite taps: the kernel is turned round")
def taps_turned_round(x, W, sharpness):
    return head_by_head(x, W[::-1, ::-1], sharpness)


@convolution_by_heads.mutant("heads paired with the taps column by column: the kernel is transposed")
def taps_transposed(x, W, sharpness):
    return head_by_head(x, W.swapaxes(0, 1), sharpness)


@convolution_by_heads.mutant("a softmax over the queries instead of the keys")
def over_the_queries(x, W, sharpness):
    return head_by_head(x, W, sharpness, axis=-2)


@convolution_by_heads.mutant("scores divided by √d_in: scores of places have no width to be divided by")
def scaled_by_width(x, W, sharpness):
    return head_by_head(x, W, sharpness / np.sqrt(x.shape[-1]))


@convolution_by_heads.mutant("one set of weights for all heads: the mean of theirs")
def one_pattern(x, W, sharpness):
    A = weights(*x.shape[-3:-1], len(W), sharpness)
    return summed(np.broadcast_to(A.mean(axis=0), A.shape), x, W)


@convolution_by_heads.mutant("weights without the division by their sum")
def not_normalised(x, W, sharpness):
    return summed(np.exp(scores(*x.shape[-3:-1], len(W), sharpness)), x, W)


@convolution_by_heads.style
def project_first(x, W, sharpness):
    """Values made by W_v = all taps side by side, then mixed and added by one einsum."""
    size, (*lead, height, width, d_in) = len(W), x.shape
    values = np.einsum("...td,ijdo->...ijto", x.reshape(*lead, height * width, d_in), W)
    A = weights(height, width, size, sharpness).reshape(size, size, height * width, -1)
    return np.einsum("ijqk,...ijko->...qo", A, values).reshape(*lead, height, width, -1)


@convolution_by_heads.style
def one_output_matrix(x, W, sharpness):
    """Heads side by side and one W_o, as in the layer, in float32."""
    size, (*lead, height, width, d_in) = len(W), x.shape
    tokens = x.reshape(*lead, 1, height * width, d_in).astype(np.float32)
    heads = weights(height, width, size, sharpness).astype(np.float32) @ tokens  # (..., size², T, d_in)
    merged = heads.swapaxes(-3, -2).reshape(*lead, height, width, size * size * d_in)
    return merged @ W.reshape(size * size * d_in, -1).astype(np.float32)
