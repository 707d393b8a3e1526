"""Patches of a series: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

series_patches = exercise("series_patches", "industry", wings=("in_numpy",))

CASES = (((), 10, 4, 2), ((2,), 11, 4, 3), ((1, 3), 7, 3, 3), ((2,), 5, 5, 2), ((), 6, 1, 1), ((3,), 9, 2, 5))


def by_lists(series, window, step):
    """Step back from the newest value, one piece at a time, and turn the list round."""
    pieces, end = [], series.shape[-1]
    while end >= window:
        pieces.append(series[..., end - window : end])
        end -= max(step, 1)  # a step of zero would never end
    return np.stack(pieces[::-1], axis=-2)


@series_patches.law
def pieces_in_order(candidate, draw):
    """Row n holds `window` values in their order, `step` values behind row n - 1, for every shape."""
    for lead, T, window, step in again(*CASES):
        series = draw(*lead, T)
        agree(candidate(series, window, step), by_lists(series, window, step), f"T = {T}, {window}, {step}: the pieces")


@series_patches.law
def the_newest_value_stays(candidate, draw):
    """The last piece ends with the newest value, and what does not fit is dropped where the series begins."""
    series = np.arange(23.0) + draw(1)
    for window, step in ((4, 4), (5, 3), (16, 8), (2, 9)):
        agree(candidate(series, window, step)[-1], series[-window:], f"the last of the pieces of {window}, step {step}")


@series_patches.law
def single_values(candidate, draw):
    """Pieces of one value give one token a value; a piece as long as the series gives one token."""
    series = draw(2, 6)
    agree(candidate(series, 1, 1), series[..., None], "window = 1: the pieces")
    for step in (1, 4, 50):
        agree(candidate(series, 6, step), series[:, None], "window = T: the pieces")


@series_patches.law
def impossible_pieces_are_refused(candidate, draw):
    """A piece longer than the series or without values, and a step below one, are refused by an exception."""
    for window, step in ((7, 1), (0, 1), (-1, 2), (2, 0), (2, -1)):
        expect(candidate.refuses(draw(6), window, step), f"it took window = {window}, step = {step} for T = 6")


def from_the_start(series, window, step):
    """Pieces that begin with the oldest value."""
    starts = np.arange(0, series.shape[-1] - window + 1, max(step, 1))
    return series[..., starts[:, None] + np.arange(window)]


@series_patches.mutant("pieces that begin with the oldest value: what does not fit is the newest, which matters most")
def newest_dropped(series, window, step):
    return from_the_start(series, window, step)


@series_patches.mutant("pieces without the last one: the end of a range is not part of it")
def one_too_few(series, window, step):
    return by_lists(series, window, step)[..., 1:, :]


@series_patches.mutant("pieces side by side: the step was ignored")
def step_ignored(series, window, step):
    return by_lists(series, window, window)


@series_patches.mutant("the newest piece first: order is turned round")
def newest_first(series, window, step):
    return by_lists(series, window, step)[..., ::-1, :]


@series_patches.mutant("tokens along the last axis and values before it: the transpose")
def transposed(series, window, step):
    return by_lists(series, window, step).mT


@series_patches.mutant("every step-th value in a piece: the step was taken within a piece and not between pieces")
def dilated(series, window, step):
    span = (window - 1) * max(step, 1) + 1
    starts = np.arange(max(series.shape[-1] - span + 1, 0))
    return series[..., starts[:, None] + np.arange(window) * max(step, 1)]


@series_patches.mutant(
    "the end padded with copies of the newest value, as one paper does, where the contract drops the oldest"
)
def padded(series, window, step):
    missing = -(series.shape[-1] - window) % max(step, 1)
    return from_the_start(np.concatenate([series, np.repeat(series[..., -1:], missing, -1)], -1), window, step)


@series_patches.style
def piece_by_piece(series, window, step):
    """A loop from the end."""
    if not 0 < window <= series.shape[-1] or step <= 0:
        raise ValueError("no pieces")
    return by_lists(series, window, step)


@series_patches.style
def by_views(series, window, step):
    """All windows as a view, every step-th of them counted from the end."""
    if step < 1:
        raise IndexError("no step")
    every = np.lib.stride_tricks.sliding_window_view(series, window, axis=-1)
    return every[..., (every.shape[-2] - 1) % step :: step, :] if window else 1 / 0
