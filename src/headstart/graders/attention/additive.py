"""Additive attention: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import mix_by_loops, plain_softmax, slopes, softmax_by_loops
from headstart.graders.kit import agree, exercise

additive_attention = exercise("additive_attention", "attention", needs=("softmax",))


def draw_additive(draw, lead, T_q, T_k, d_q, d_k, d_a, d_v):
    """Inputs of additive attention, keys of another width than queries."""
    return (
        draw(*lead, T_q, d_q), draw(*lead, T_k, d_k), draw(*lead, T_k, d_v),
        draw(d_q, d_a), draw(d_k, d_a), draw(d_a),
    )  # fmt: skip


def additive_by_loops(q, k, v, W_q, W_k, w, mask=None):
    """Bahdanau's attention, one pair at a time."""
    lead, T_q, T_k = q.shape[:-2], q.shape[-2], k.shape[-2]
    allowed = np.broadcast_to(True if mask is None else mask, (*lead, T_q, T_k))
    weights = np.zeros((*lead, T_q, T_k))
    for at in np.ndindex(*lead, T_q):
        scores = [sum(w * np.tanh(q[at] @ W_q + key @ W_k)) for key in k[at[:-1]]]
        weights[at] = softmax_by_loops([s if ok else -math.inf for s, ok in zip(scores, allowed[at], strict=True)])
    return mix_by_loops(weights, v)


@additive_attention.law
def additive_by_the_definition(candidate, draw):
    """Each score is w . tanh(q W_q + k W_k); the rest is softmax and average as ever."""
    for sizes in (
        ((), 3, 5, 4, 2, 6, 3),
        ((2,), 4, 4, 3, 3, 3, 3),
        ((2, 2), 2, 3, 2, 5, 1, 4),
        ((1,), 1, 4, 3, 2, 5, 2),
    ):
        inputs = draw_additive(draw, *sizes)
        agree(candidate(*inputs), additive_by_loops(*inputs))


@additive_attention.law
def additive_under_masks(candidate, draw):
    """Masked keys contribute nothing, and a query without keys gets zeros."""
    inputs = draw_additive(draw, (2,), 4, 5, 3, 2, 4, 3)
    nothing = draw.mask(4, 5)
    nothing[1] = False
    for mask in (draw.mask(2, 4, 5), draw.mask(5), nothing):
        agree(candidate(*inputs, mask), additive_by_loops(*inputs, np.broadcast_to(mask, (2, 4, 5))))


@additive_attention.law
def tanh_saturates(candidate, draw):
    """Huge queries and keys cannot push a score beyond sum(|w|): some weight stays on every key."""
    q, k, v, W_q, W_k, w = draw_additive(draw, (), 3, 5, 4, 4, 6, 2)
    inputs = (q * 1e4, k * 1e4, v, W_q, W_k, w)
    agree(candidate(*inputs), additive_by_loops(*inputs))


@additive_attention.law(wings=("in_torch",))
def additive_passes_gradients(candidate, draw):
    """Every input and every weight gets its gradient, equal to finite differences."""
    inputs, mask, g = draw_additive(draw, (), 2, 3, 2, 3, 2, 2), draw.mask(2, 3), draw(2, 2)
    wanted = slopes(lambda *arrays: additive_by_loops(*arrays, mask), g, *inputs)
    for got, want in zip(candidate.gradients(g, *inputs, mask), wanted, strict=True):
        agree(got, want, "the gradient")


def additive_with(score, mask_value=-np.inf, block=None):
    """Additive attention around a (wrong) score function of the hidden layer's pre-activation."""

    def attention(q, k, v, W_q, W_k, w, mask=None):
        scores = score((q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :], w)
        return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v

    return attention


@additive_attention.mutant("additive attention without the tanh: the query then shifts all scores alike and drops out")
def no_tanh(*args):
    return additive_with(lambda hidden, w: hidden @ w)(*args)


@additive_attention.mutant("additive attention with w left out: the hidden units are simply added up")
def no_output_weights(*args):
    return additive_with(lambda hidden, w: np.tanh(hidden).sum(-1))(*args)


@additive_attention.mutant("additive attention scaled by 1/√d although its scores are bounded already")
def scaled_additive(*args):
    return additive_with(lambda hidden, w: np.tanh(hidden) @ w / math.sqrt(hidden.shape[-1]))(*args)


@additive_attention.mutant("additive attention with the tanh outside the weighted sum: tanh(w . hidden)")
def tanh_outside(*args):
    return additive_with(lambda hidden, w: np.tanh(hidden @ w))(*args)


@additive_attention.mutant("multiplicative (bilinear) attention: the projections are multiplied, not added")
def product_of_projections(q, k, v, W_q, W_k, w, mask=None):
    hidden = (q @ W_q)[..., :, None, :] * (k @ W_k)[..., None, :, :]
    scores = np.tanh(hidden) @ w
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


@additive_attention.mutant("additive attention that ignores its mask")
def additive_mask_dropped(q, k, v, W_q, W_k, w, mask=None):
    return additive_with(lambda hidden, w: np.tanh(hidden) @ w)(q, k, v, W_q, W_k, w)


@additive_attention.mutant("additive attention normalised over the queries instead of the keys")
def additive_over_the_queries(q, k, v, W_q, W_k, w, mask=None):
    scores = np.tanh((q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :]) @ w
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf), axis=-2) @ v


@additive_attention.mutant("additive attention that gives NaN to a query that may attend to nothing")
def additive_nan_rows(q, k, v, W_q, W_k, w, mask=None):
    scores = np.tanh((q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :]) @ w
    scores = scores if mask is None else np.where(mask, scores, -np.inf)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


@additive_attention.style
def additive_by_stacking(q, k, v, W_q, W_k, w, mask=None):
    """[q; k] times the stacked matrix, as Bahdanau's layer is often written, with a loop over the queries."""
    W = np.concatenate([W_q, W_k])
    rows = []
    for i in range(q.shape[-2]):
        pair = np.concatenate([np.broadcast_to(q[..., i : i + 1, :], (*k.shape[:-1], q.shape[-1])), k], axis=-1)
        rows.append(np.tanh(pair @ W) @ w)
    scores = np.stack(rows, axis=-2)
    weights = plain_softmax(scores if mask is None else np.where(mask, scores, -1e9))
    return (weights if mask is None else weights * np.any(mask, axis=-1, keepdims=True)) @ v


@additive_attention.style
def additive_in_float32(*args):
    """float32 throughout."""
    args = [a.astype(np.float32) if a.dtype == np.float64 else a for a in args]
    return additive_with(lambda hidden, w: np.tanh(hidden) @ w)(*args)
