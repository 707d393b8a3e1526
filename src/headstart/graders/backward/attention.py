"""Back through attention, masks and dropout included: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of, slopes_at_once
from headstart.graders.backward.witness import QKV, SHAPES, agree_all, closed, draw_attention, draw_kept, forward, loud
from headstart.graders.kit import agree, exercise

NEEDS = ("softmax", "attention_weights", "softmax_backward", "dropout_backward")

attention_backward = exercise("attention_backward", "backward", wings=("in_numpy",), needs=NEEDS)


@attention_backward.law
def gradients_are_slopes(candidate, draw):
    """dq, dk and dv equal finite differences, for every shape."""
    for shape in SHAPES:
        dout, *inputs = draw_attention(draw, *shape)
        agree_all(candidate(dout, *inputs), slopes_at_once(forward, dout, *inputs), QKV)


@attention_backward.law
def gradients_under_masks(candidate, draw):
    """Masked pairs pass nothing back, however the mask broadcasts, and a query without keys gets and gives zeros."""
    dout, *inputs = draw_attention(draw, (2,), 3, 3, 2, 1)
    nothing = closed(draw.mask(3, 3), 1)
    for mask in (np.tri(3, dtype=bool), draw.mask(2, 3, 3), draw.mask(2, 1, 3), draw.mask(3), nothing):
        want = slopes_at_once(lambda q, k, v, mask=mask: forward(q, k, v, mask), dout, *inputs)
        agree_all(candidate(dout, *inputs, mask), want, QKV)
    dout, *inputs = draw_attention(draw, (2, 2), 2, 2, 1, 1)
    one = draw.mask(2, 2)
    mask = np.stack([one, ~one])  # for the axis next to the queries, as broadcasting has it
    agree_all(candidate(dout, *inputs, mask), slopes_at_once(lambda *a: forward(*a, mask), dout, *inputs), QKV)


@attention_backward.law
def gradients_under_dropout(candidate, draw):
    """A dropped weight passes nothing back; kept ones carry the factor 1/(1 - rate), which is 1 by default."""
    dout, *inputs = draw_attention(draw, (2,), 2, 3, 2, 2)
    kept, mask = draw_kept(draw, 2, 2, 3), draw.mask(2, 3)
    for rate in (0.25, 0.5):
        want = slopes_at_once(lambda q, k, v, rate=rate: forward(q, k, v, mask, kept, rate), dout, *inputs)
        agree_all(candidate(dout, *inputs, mask, kept, rate), want, QKV)
    want = slopes_at_once(lambda q, k, v: forward(q, k, v, None, kept), dout, *inputs)
    agree_all(candidate(dout, *inputs, None, kept > 0), want, QKV)
    agree_all(
        candidate(dout, *inputs, None, None, 0.5), slopes_at_once(forward, dout, *inputs), QKV
    )  # no draw, no dropout


@attention_backward.law
def a_turn_of_queries_costs_nothing(candidate, draw):
    """Scores depend on q·k alone, so dq·q and dk·k have one and the same sum: sum(dq · q) = sum(dk · k)."""
    dout, q, k, v = draw_attention(draw, (), 4, 5, 3, 2)
    dq, dk, _ = candidate(dout, q, k, v)
    agree(np.sum(np.multiply(dq, q)), np.sum(np.multiply(dk, k)), "sum(dq · q)")


@attention_backward.law
def large_scores_give_finite_gradients(candidate, draw):
    """Scores in the thousands do not overflow, and a forbidden key gets nothing however well it matches."""
    dout, v = draw(3, 2), draw(3, 2)
    q, k, mask, weights = loud()
    for allowed, A in ((None, np.eye(3)), (mask, weights)):
        want = np.zeros((3, 4)), np.zeros((3, 4)), A.T @ dout  # saturated: scores have no slope
        agree_all(candidate(dout, q, k, v, allowed), want, QKV, atol=1e-3)


def back(dout, q, k, v, mask=None, kept=None, rate=0.0, jacobian=None, keep=None, scale=None):
    """Attention backward around a (wrong) Jacobian, dropout factor or scale."""
    weights = plain_softmax(scores_of(q, k, mask))
    if keep is None:
        keep = 1.0 if kept is None else kept / (1 - rate)
    dweights = dout @ v.mT * keep
    row = (dweights * weights).sum(-1, keepdims=True)
    dscores = weights * (dweights - row) if jacobian is None else jacobian(dweights, weights)
    dscores = dscores * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    return dscores @ k, dscores.mT @ q, (weights * keep).mT @ dout


@attention_backward.style
def backward_query_by_query(dout, q, k, v, mask=None, kept=None, rate=0.0):
    """A loop over the queries that adds up dk and dv."""
    dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    pairs = (*q.shape[:-1], k.shape[-2])
    allowed = np.broadcast_to(True if mask is None else mask, pairs)
    keep = np.broadcast_to(1.0 if kept is None else kept / (1 - rate), pairs)
    for i in range(q.shape[-2]):
        s = slice(i, i + 1)
        kept_row = keep[..., s, :]
        step = back(dout[..., s, :], q[..., s, :], k, v, allowed[..., s, :], keep=kept_row)
        dq[..., s, :], dk, dv = step[0], dk + step[1], dv + step[2]
    return dq, dk, dv


@attention_backward.style
def backward_by_einsum(dout, q, k, v, mask=None, kept=None, rate=0.0):
    """einsum for the contractions, the scale on q and k beforehand, float32 throughout."""
    dout, q, k, v = (a.astype(np.float32) for a in (dout, q, k, v))
    s = q.shape[-1] ** -0.25
    weights = plain_softmax(scores_of(q * s, k * s, mask, scale=1.0))
    keep = np.float32(1) if kept is None else (kept / (1 - rate)).astype(np.float32)
    dweights = np.einsum("...iv,...jv->...ij", dout, v) * keep
    dscores = weights * (dweights - np.einsum("...ij,...ij->...i", dweights, weights)[..., None])
    dq, dk = np.einsum("...ij,...jd->...id", dscores, k * s), np.einsum("...ij,...id->...jd", dscores, q * s)
    return dq * s, dk * s, np.einsum("...ij,...iv->...jv", weights * keep, dout)
