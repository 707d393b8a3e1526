"""Attention with a bias from pairs: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    lifted,
    plain_softmax,
    scores_of,
    softmax_by_loops,
)
from headstart.graders.kit import again, agree, exercise

pair_bias_attention = exercise("pair_bias_attention", "industry", wings=("in_numpy",), needs=("softmax",), bans=FUSED)

SHAPES = (((2,), 3, 4, 5, 2, 3, 2), ((), 2, 3, 3, 4, 2, 1), ((2, 1), 1, 2, 6, 3, 3, 3), ((3,), 4, 1, 4, 2, 2, 2))


def draw_all(draw, lead, H, T_q, T_k, d_head, d_v, d_pair):
    """Queries, keys, values, pairs, and the matrix that turns pairs into one bias a head."""
    qkv = draw(*lead, H, T_q, d_head), draw(*lead, H, T_k, d_head), draw(*lead, H, T_k, d_v)
    return *qkv, draw(*lead, T_q, T_k, d_pair), draw(d_pair, H)


def query_by_query(q, k, v, pair, W_b, mask=None):
    """One head and one query at a time."""
    shape = (*q.shape[:-1], k.shape[-2])
    allowed = np.broadcast_to(True if mask is None else mask, shape)
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for at in np.ndindex(q.shape[:-1]):
        *lead, h, i = at
        scores = np.array([key @ q[at] / math.sqrt(q.shape[-1]) for key in k[*lead, h]])
        scores += pair[*lead, i] @ W_b[:, h]
        weights = softmax_by_loops([s if ok else -math.inf for s, ok in zip(scores, allowed[at], strict=True)])
        out[at] = weights @ v[*lead, h]
    return out


@pair_bias_attention.law
def each_head_reads_the_pairs_its_own_way(candidate, draw):
    """To the score of query i and key j head h adds pair[i, j] @ W_b[:, h], for every shape."""
    for shape in again(*SHAPES):
        inputs = draw_all(draw, *shape)
        agree(candidate(*inputs), query_by_query(*inputs))


@pair_bias_attention.law
def no_bias_no_difference(candidate, draw):
    """With W_b of zeros, and with the same bias for all keys of a query, it is plain attention."""
    q, k, v, pair, W_b = draw_all(draw, (2,), 2, 4, 4, 3, 2, 3)
    agree(candidate(q, k, v, pair, np.zeros((3, 2))), by_loops(q, k, v), "the output for W_b of zeros")
    agree(candidate(q, k, v, pair[:, :, :1].repeat(4, axis=2), W_b), by_loops(q, k, v), "the output for equal pairs")


@pair_bias_attention.law
def pairs_alone_can_point(candidate, draw):
    """With q of zeros the pairs decide: a large bias leads each query to the value of its own partner."""
    _, k, v, _, _ = draw_all(draw, (), 1, 5, 5, 3, 2, 1)
    partner = np.array([3, 4, 0, 1, 2])
    pair = np.eye(5)[partner][..., None]  # (5, 5, 1): a contact from i to its partner, and none back
    agree(candidate(np.zeros((1, 5, 3)), k, v, pair, np.full((1, 1), 40.0)), v[:, partner], "the output for contacts")


@pair_bias_attention.law
def forbidden_stays_forbidden(candidate, draw):
    """A mask wins over any bias; one with fewer axes broadcasts; a query without keys gets zeros."""
    q, k, v, pair, W_b = draw_all(draw, (2,), 2, 3, 4, 3, 2, 2)
    mask = draw.mask(2, 2, 3, 4)
    mask[0, :, 1] = False
    for m in (mask, mask[1, 0], mask[1], mask[0, 0, 0], mask[0, 0, :1, :1] * False):
        agree(candidate(q, k, v, pair, W_b, m), query_by_query(q, k, v, pair, W_b, m), f"the output, mask {m.shape}")
    tempting = pair + 300.0 * ~mask[:, 0][..., None]  # forbidden pairs that W_b makes look best
    m, W_b = mask[:, :1], np.abs(W_b)
    agree(candidate(q, k, v, tempting, W_b, m), query_by_query(q, k, v, tempting, W_b, m), "the output, tempted")


@pair_bias_attention.law
def large_scores_are_safe(candidate, draw):
    """A bias in the hundreds overflows nothing; where scores are in the thousands, what is forbidden stays so."""
    q, k, v, pair, W_b = draw_all(draw, (2,), 2, 3, 4, 3, 2, 1)
    pair = np.round(pair) * 500.0 + 2000.0
    W_b = np.ones_like(W_b)
    agree(candidate(q, k, v, pair, W_b), query_by_query(q, k, v, pair, W_b), **ROUGH)
    q, k, v, pair, W_b = draw_all(draw, (), 2, 4, 5, 4, 3, 1)
    inputs = lifted(q), lifted(k), v, np.round(pair), np.ones_like(W_b), best_forbidden(4, 5)
    agree(candidate(*inputs), query_by_query(*inputs), "the output where the best keys are forbidden", **ROUGH)


def biases(pair, W_b):
    """(..., H, T_q, T_k)"""
    return np.einsum("...ijp,ph->...hij", pair, W_b)


def finish(scores, v, mask):
    """Mask, softmax, mix."""
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


@pair_bias_attention.mutant("plain attention: the pairs were not used")
def pairs_forgotten(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k), v, mask)


@pair_bias_attention.mutant("the bias divided by √d_head too: it was added before the scale")
def bias_scaled(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k) + biases(pair, W_b) / math.sqrt(q.shape[-1]), v, mask)


@pair_bias_attention.mutant("one bias for all heads: their mean")
def one_for_all(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k) + biases(pair, W_b).mean(-3, keepdims=True), v, mask)


@pair_bias_attention.mutant("the bias added to the weights, behind the softmax")
def behind_softmax(q, k, v, pair, W_b, mask=None):
    weights = finish(scores_of(q, k), np.eye(k.shape[-2]), mask)
    return (weights + biases(pair, W_b) * (True if mask is None else mask)) @ v


@pair_bias_attention.mutant("the bias subtracted: a contact repels")
def subtracted(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k) - biases(pair, W_b), v, mask)


@pair_bias_attention.mutant("the bias multiplied with the scores instead of added")
def multiplied(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k) * biases(pair, W_b), v, mask)


@pair_bias_attention.mutant("the pair (j, i) for query i and key j: the bias is the transpose")
def transposed(q, k, v, pair, W_b, mask=None):
    bias = biases(pair, W_b)
    return finish(scores_of(q, k) + (bias.mT if bias.shape[-1] == bias.shape[-2] else bias), v, mask)


@pair_bias_attention.mutant("the heads' columns of W_b in reverse order")
def heads_reversed(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k) + biases(pair, W_b[:, ::-1]), v, mask)


@pair_bias_attention.mutant("the mask before the bias, with a finite number: a large bias opens what is forbidden")
def mask_first(q, k, v, pair, W_b, mask=None):
    scores = scores_of(q, k)
    return plain_softmax((scores if mask is None else np.where(mask, scores, -50.0)) + biases(pair, W_b)) @ v


@pair_bias_attention.mutant("scores that are not divided by √d_head")
def not_scaled(q, k, v, pair, W_b, mask=None):
    return finish(scores_of(q, k, scale=1.0) + biases(pair, W_b), v, mask)


@pair_bias_attention.style
def head_by_head(q, k, v, pair, W_b, mask=None):
    """A list over heads."""
    m = np.broadcast_to(True if mask is None else mask, (*q.shape[:-1], k.shape[-2]))
    outs = []
    for h in range(W_b.shape[1]):
        scores = q[..., h, :, :] @ k[..., h, :, :].swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + pair @ W_b[:, h]
        outs.append(plain_softmax(np.where(m[..., h, :, :], scores, -np.inf)) @ v[..., h, :, :])
    return np.stack(outs, axis=-3)


@pair_bias_attention.style
def as_extra_features(q, k, v, pair, W_b, mask=None):
    """einsum throughout, float32 inside, exp and a sum by hand."""
    scores = np.einsum("...id,...jd->...ij", q, k) / q.shape[-1] ** 0.5
    scores = (scores + biases(pair, W_b)).astype(np.float32)
    scores = scores if mask is None else np.where(mask, scores, -np.float32(np.inf))
    top = np.maximum(scores.max(-1, keepdims=True), -1e30)
    e = np.exp(scores - top)
    return np.einsum("...ij,...jd->...id", e / np.maximum(e.sum(-1, keepdims=True), 1e-30), v)
