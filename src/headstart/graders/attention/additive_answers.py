"""Wrong and unusual answers to additive attention: known mistakes and accepted styles."""

import math

import numpy as np

from headstart.graders.attention.additive import additive_attention
from headstart.graders.attention.witness import plain_softmax


def additive_scores(q, k, W_q, W_k, w):
    """Right scores."""
    return np.tanh((q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :]) @ w


def additive_with(score):
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
    scores = additive_scores(q, k, W_q, W_k, w)
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf), axis=-2) @ v


@additive_attention.mutant("additive attention that gives NaN to a query that may attend to nothing")
def additive_nan_rows(q, k, v, W_q, W_k, w, mask=None):
    scores = additive_scores(q, k, W_q, W_k, w)
    scores = scores if mask is None else np.where(mask, scores, -np.inf)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


@additive_attention.mutant("additive attention masked with -100: a forbidden key wins where allowed scores lie lower")
def additive_mask_value_too_small(q, k, v, W_q, W_k, w, mask=None):
    scores, mask = additive_scores(q, k, W_q, W_k, w), np.array(True) if mask is None else mask
    return plain_softmax(np.where(mask, scores, -100.0)) * np.any(mask, axis=-1, keepdims=True) @ v


@additive_attention.mutant("additive attention that takes a mask without any True for no mask at all")
def additive_nothing_allowed_is_no_mask(q, k, v, W_q, W_k, w, mask=None):
    scores = additive_scores(q, k, W_q, W_k, w)
    return plain_softmax(np.where(mask, scores, -np.inf) if mask is not None and mask.any() else scores) @ v


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
    args = [a.astype(np.float32) if getattr(a, "dtype", bool) == np.float64 else a for a in args]
    return additive_with(lambda hidden, w: np.tanh(hidden) @ w)(*args)
