"""log Σ exp: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import softmax_by_loops
from headstart.graders.kit import again, agree, exercise

log_sum_exp = exercise("log_sum_exp", "stability", bans=("torch.logsumexp",))


def one_row(row):
    """The definition, for one short row; nothing but -inf gives -inf."""
    top = max(row)
    return -math.inf if top == -math.inf else top + math.log(sum(math.exp(x - top) for x in row))


def by_rows(x, axis=-1):
    """The definition along an axis."""
    return np.apply_along_axis(one_row, axis, x)


@log_sum_exp.law
def log_of_the_sum(candidate, draw):
    """The result is the logarithm of the sum of exp(x) over the axis, which disappears."""
    for shape, axis in again(((5,), -1), ((3, 4), -1), ((2, 3, 4), 1), ((2, 1, 6), 0), ((3, 1), -1)):
        x = draw(*shape, scale=2.0)
        agree(candidate(x, axis=axis), by_rows(x, axis), f"log_sum_exp of shape {shape} along axis {axis}")
    x = draw(2, 3, 5)
    agree(candidate(x), by_rows(x), "log_sum_exp without an axis (the last)")


@log_sum_exp.law
def a_shift_comes_out(candidate, draw):
    """Adding one number to a row adds it to the result, however large it is: nothing overflows or vanishes."""
    x = draw(3, 5) + np.array([[0.0], [3000.0], [-3000.0]])
    agree(candidate(x), by_rows(x))
    agree(candidate(x, axis=0), by_rows(x, 0), "log_sum_exp of numbers thousands apart along axis 0")


@log_sum_exp.law
def zeros_add_nothing(candidate, draw):
    """An entry of -inf adds nothing, and a row of nothing else gives -inf, the logarithm of zero."""
    x = draw(4, 5)
    x[0, 2] = x[1, :4] = x[3] = -np.inf
    agree(candidate(x), by_rows(x))


@log_sum_exp.law(wings=("in_torch",))
def gradient_is_softmax(candidate, draw):
    """The gradient is softmax(x); a row of -inf passes zeros back, not NaN."""
    x, g = draw(4, 5), draw(4)
    x[0, 2] = x[3] = -np.inf
    agree(candidate.gradients(g, x)[0], g[:, None] * np.apply_along_axis(softmax_by_loops, -1, x), "the gradient")


@log_sum_exp.mutant("log of the sum of exp without the maximum taken out, which overflows for large entries")
def formula_as_it_stands(x, axis=-1):
    return np.log(np.exp(x).sum(axis=axis))


@log_sum_exp.mutant("a log-sum-exp that takes the maximum out and forgets to add it again")
def maximum_never_returned(x, axis=-1):
    top = np.max(x, axis=axis, keepdims=True)
    return np.log(np.exp(x - np.where(np.isfinite(top), top, 0.0)).sum(axis=axis))


@log_sum_exp.mutant("a log-sum-exp that takes out the maximum of the whole array: rows far below it underflow to -inf")
def maximum_of_everything(x, axis=-1):
    return np.log(np.exp(x - x.max()).sum(axis=axis)) + x.max()


@log_sum_exp.mutant("a log-sum-exp that gives NaN for a row of nothing but -inf: -inf minus -inf is not a number")
def nan_for_an_empty_row(x, axis=-1):
    top = np.max(x, axis=axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis=axis)) + np.squeeze(top, axis)


@log_sum_exp.mutant("a log-sum-exp that takes out the mean instead of the maximum: entries far above it overflow")
def mean_taken_out(x, axis=-1):
    mean = np.mean(x, axis=axis, keepdims=True)
    return np.log(np.exp(x - mean).sum(axis=axis)) + np.squeeze(mean, axis)


@log_sum_exp.mutant("the maximum alone, which is only the leading part of log-sum-exp")
def maximum_alone(x, axis=-1):
    return np.max(x, axis=axis)


@log_sum_exp.mutant("log-sum-exp with the reduced axis kept as an axis of size 1")
def axis_kept(x, axis=-1):
    return np.expand_dims(by_rows(x, axis), axis)


@log_sum_exp.mutant("the log of the mean of exp: log n is missing")
def log_of_the_mean(x, axis=-1):
    return by_rows(x, axis) - math.log(x.shape[axis])


@log_sum_exp.style
def by_logaddexp(x, axis=-1):
    """np.logaddexp, two at a time."""
    return np.logaddexp.reduce(x, axis=axis)


@log_sum_exp.style
def in_float32_by_rows(x, axis=-1):
    """float32 and a loop over the rows."""
    rows = np.moveaxis(x.astype(np.float32), axis, -1)
    out = np.empty(rows.shape[:-1], np.float32)
    for at in np.ndindex(out.shape):
        out[at] = one_row(rows[at])
    return out if out.ndim else float(out)
