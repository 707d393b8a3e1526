"""Softmax: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, softmax_by_loops
from headstart.graders.kit import agree, exercise

softmax = exercise("softmax", "attention", bans=("torch.softmax", "torch.nn.functional.softmax"))


@softmax.law
def equals_the_definition(candidate, draw):
    """softmax(x)_i is exp(x_i) divided by the sum of exp over the axis."""
    for shape in ((5,), (3, 4), (2, 1, 6), (2, 3, 1)):
        x = draw(*shape, scale=2.0)
        agree(candidate(x), np.apply_along_axis(softmax_by_loops, -1, x))


@softmax.law
def normalises_the_axis_it_is_told(candidate, draw):
    """The weights sum to one along the axis that was asked for, whichever it is."""
    for axis in (0, 1, 2, -2):
        x = draw(3, 4, 5)
        agree(candidate(x, axis=axis), np.apply_along_axis(softmax_by_loops, axis, x), f"softmax(x, axis={axis})")


@softmax.law
def ignores_a_shift(candidate, draw):
    """Adding one number to a whole row changes nothing, however large the number: nothing overflows or vanishes."""
    x = draw(4, 6)
    for shift in (10.0, 800.0, -800.0):
        want = np.apply_along_axis(softmax_by_loops, -1, x + shift)
        agree(candidate(x + shift), want, f"softmax(x + {shift:g})", rtol=2e-3)  # float32 keeps 4 digits of 800.1


@softmax.law
def rows_of_different_size(candidate, draw):
    """Each row is normalised by itself: one huge row must not wipe out its neighbour."""
    x = draw(3, 5) + np.array([[0.0], [2000.0], [-2000.0]])
    agree(candidate(x), np.apply_along_axis(softmax_by_loops, -1, x), rtol=2e-3)


@softmax.law
def forbidden_entries(candidate, draw):
    """An entry of -inf gets exactly zero weight, and a row of nothing else gives zeros instead of NaN."""
    x = draw(4, 5)
    x[0, 2] = x[1, :4] = x[3] = -np.inf
    agree(candidate(x), np.apply_along_axis(softmax_by_loops, -1, x))


@softmax.law(wings=("in_torch",))
def gradient_of_softmax(candidate, draw):
    """The gradient is p · (g - p·g): it flows through the sum as well, and a row of -inf passes zeros back."""
    x, g = draw(4, 5), draw(4, 5)
    x[0, 2] = x[3] = -np.inf
    p = np.apply_along_axis(softmax_by_loops, -1, x)
    agree(candidate.gradients(g, x)[0], p * (g - (p * g).sum(-1, keepdims=True)), "the gradient")


@softmax.mutant("a softmax without the maximum subtracted first, which overflows for large scores")
def no_max_subtraction(x, axis=-1):
    e = np.exp(x)
    return e / np.where(e.sum(axis=axis, keepdims=True) == 0, 1.0, e.sum(axis=axis, keepdims=True))


@softmax.mutant("a softmax that subtracts the maximum of the whole array, so that rows far below it underflow")
def max_over_everything(x, axis=-1):
    e = np.exp(x - x.max())
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
