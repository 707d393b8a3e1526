"""Back through attention: the known mistakes."""

import math

import numpy as np

from headstart.graders.attention.witness import scores_of
from headstart.graders.backward.attention import attention_backward, back


@attention_backward.mutant("attention backward with dq and dk not scaled by 1/√d_head")
def gradient_not_scaled(*args):
    return back(*args, scale=1.0)


@attention_backward.mutant("attention backward with the softmax Jacobian reduced to p(1 - p)")
def diagonal_jacobian(*args):
    return back(*args, jacobian=lambda dp, p: dp * p * (1 - p))


@attention_backward.mutant("attention backward with the row sum term of the softmax dropped")
def without_row_sum(*args):
    return back(*args, jacobian=lambda dp, p: dp * p)


@attention_backward.mutant("attention backward that goes through the softmax as if it were the identity")
def softmax_skipped(*args):
    return back(*args, jacobian=lambda dp, p: dp)


@attention_backward.mutant("attention backward scaled by 1/d_head, as if the factor were applied twice")
def scaled_twice(dout, q, *rest):
    return back(dout, q, *rest, scale=1 / q.shape[-1])


@attention_backward.mutant("attention backward with dq and dk exchanged, where that fits")
def exchanged(*args):
    dq, dk, dv = back(*args)
    return (dk, dq, dv) if dq.shape == dk.shape else (dq, dk, dv)


@attention_backward.mutant("attention backward that ignores the mask")
def backward_without_mask(dout, q, k, v, mask=None, kept=None, rate=0.0):
    return back(dout, q, k, v, None, kept, rate)


@attention_backward.mutant("attention backward with the mask inverted: True was taken to mean blocked")
def backward_inverted_mask(dout, q, k, v, mask=None, kept=None, rate=0.0):
    return back(dout, q, k, v, None if mask is None else ~mask, kept, rate)


@attention_backward.mutant("attention backward that gives NaN where a query may attend to nothing")
def backward_nan(dout, q, k, v, mask=None, kept=None, rate=0.0):
    dq, dk, dv = back(dout, q, k, v, mask, kept, rate)
    if mask is None or np.any(mask, axis=-1).all():
        return dq, dk, dv
    rows = np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2])).any(-1)
    return np.where(rows[..., None], dq, np.nan), dk * np.nan, dv * np.nan


@attention_backward.mutant("attention backward that ignores dropout")
def backward_without_dropout(dout, q, k, v, mask=None, kept=None, rate=0.0):
    return back(dout, q, k, v, mask)


@attention_backward.mutant("attention backward with dropout in dv but not on the way to the scores")
def dropout_in_dv_only(dout, q, k, v, mask=None, kept=None, rate=0.0):
    dq, dk, _ = back(dout, q, k, v, mask)
    return dq, dk, back(dout, q, k, v, mask, kept, rate)[2]


@attention_backward.mutant("attention backward with dropout on the way to the scores but not in dv")
def dropout_missing_in_dv(dout, q, k, v, mask=None, kept=None, rate=0.0):
    dq, dk, _ = back(dout, q, k, v, mask, kept, rate)
    return dq, dk, back(dout, q, k, v, mask)[2]


@attention_backward.mutant("attention backward that goes through the softmax first and through the dropout after it")
def dropout_after_the_softmax_rule(dout, q, k, v, mask=None, kept=None, rate=0.0):
    keep = 1.0 if kept is None else kept / (1 - rate)
    dq, dk, _ = back(dout, q, k, v, mask, jacobian=lambda dp, p: p * (dp - (dp * p).sum(-1, keepdims=True)) * keep)
    return dq, dk, back(dout, q, k, v, mask, kept, rate)[2]


@attention_backward.mutant("attention backward with the dropped weights, not the softmax's own, in the softmax rule")
def dropped_weights_in_the_softmax_rule(dout, q, k, v, mask=None, kept=None, rate=0.0):
    keep = 1.0 if kept is None else kept / (1 - rate)

    def rule(dp, p):
        return p * keep * (dp - (dp * p * keep).sum(-1, keepdims=True))

    return back(dout, q, k, v, mask, kept, rate, jacobian=rule)


@attention_backward.mutant("attention backward that takes exp of scores without subtracting their maximum")
def backward_overflowing(dout, q, k, v, mask=None, kept=None, rate=0.0):
    e = np.exp(scores_of(q, k, mask))
    total = e.sum(-1, keepdims=True)
    weights = e / np.where(total == 0, 1.0, total)
    keep = 1.0 if kept is None else kept / (1 - rate)
    dscores = weights * ((dp := dout @ v.mT * keep) - (dp * weights).sum(-1, keepdims=True)) / math.sqrt(q.shape[-1])
    return dscores @ k, dscores.mT @ q, (weights * keep).mT @ dout


@attention_backward.mutant("attention backward whose dropout forgets the factor 1/(1 - rate)")
def backward_not_rescaled(dout, q, k, v, mask=None, kept=None, rate=0.0):
    return back(dout, q, k, v, mask, kept, rate, keep=1.0 if kept is None else kept * 1.0)
