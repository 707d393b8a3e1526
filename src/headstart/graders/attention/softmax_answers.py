"""Wrong and unusual answers to softmax: known mistakes and accepted styles."""

import numpy as np

from headstart.graders.attention.softmax import softmax
from headstart.graders.attention.witness import plain_softmax


@softmax.mutant("a softmax without the maximum subtracted first, which overflows for large scores")
def no_max_subtraction(x, axis=-1):
    e = np.exp(x)
    return e / np.where(e.sum(axis=axis, keepdims=True) == 0, 1.0, e.sum(axis=axis, keepdims=True))


@softmax.mutant("a softmax that subtracts the maximum of the whole array, so that rows far below it underflow")
def max_over_everything(x, axis=-1):
    e = np.exp(x - x.max())
    return e / np.where(e.sum(axis=axis, keepdims=True) == 0, 1.0, e.sum(axis=axis, keepdims=True))


@softmax.mutant("a softmax that subtracts the mean instead of the maximum: a row whose scores lie far apart overflows")
def mean_subtracted(x, axis=-1):
    e = np.exp(x - np.where(np.isfinite(x), x, 0.0).mean(axis=axis, keepdims=True))
    return e / np.where(e.sum(axis=axis, keepdims=True) == 0, 1.0, e.sum(axis=axis, keepdims=True))


@softmax.mutant("a softmax that subtracts the largest absolute value: rows of large negative scores underflow")
def largest_size_subtracted(x, axis=-1):
    e = np.exp(x - np.where(np.isfinite(x), np.abs(x), 0.0).max(axis=axis, keepdims=True))
    return e / np.where(e.sum(axis=axis, keepdims=True) == 0, 1.0, e.sum(axis=axis, keepdims=True))


@softmax.mutant("a softmax that always normalises the last axis and ignores `axis`")
def always_the_last_axis(x, axis=-1):
    return plain_softmax(x, -1)


@softmax.mutant("a softmax over the first axis instead of the one asked for (by default the last)")
def over_the_first_axis(x, axis=-1):
    return plain_softmax(x, 0)


@softmax.mutant("a softmax normalised over the whole array instead of along one axis")
def over_everything(x, axis=-1):
    e = np.exp(x - x.max())
    return e / e.sum()


@softmax.mutant("a softmax that leaves NaN where a whole row is -inf: -inf minus -inf is not a number")
def nan_where_nothing_is_allowed(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@softmax.mutant("a hard maximum (one for the largest, zero for the rest) instead of a soft one")
def hard_maximum(x, axis=-1):
    return (x == x.max(axis=axis, keepdims=True)) * np.isfinite(x) * 1.0


@softmax.mutant("exp without the division by the sum: positive, but the weights do not sum to one")
def never_divided(x, axis=-1):
    top = x.max(axis=axis, keepdims=True)
    return np.exp(x - np.where(np.isfinite(top), top, 0.0))


@softmax.mutant("a softmax computed in float16, which has three decimal digits and overflows above 65504")
def in_float16(x, axis=-1):
    half = x.astype(np.float16)
    top = half.max(axis=axis, keepdims=True)
    e = np.exp(half - np.where(np.isfinite(top), top, np.float16(0)))
    total = e.sum(axis=axis, keepdims=True)
    return (e / np.where(total == 0, np.float16(1), total)).astype(x.dtype)


@softmax.style
def by_log_sum_exp(x, axis=-1):
    """exp(x - logsumexp(x)), the way log-probabilities are computed."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isinf(top), 0.0, top)
    with np.errstate(divide="ignore"):
        log_total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.exp(x - np.where(np.isinf(log_total), 0.0, log_total))


@softmax.style
def softmax_in_float32(x, axis=-1):
    """float32 inside, cast back at the end."""
    return plain_softmax(x.astype(np.float32), axis).astype(x.dtype)


@softmax.style
def softmax_row_by_row(x, axis=-1):
    """A loop over rows, with an extra default argument left alone."""
    rows = np.moveaxis(x, axis, -1)
    out = np.empty_like(rows)
    for at in np.ndindex(rows.shape[:-1]):
        out[at] = plain_softmax(rows[at])
    return np.moveaxis(out, -1, axis)
