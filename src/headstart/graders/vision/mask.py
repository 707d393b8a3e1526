"""The mask of shifted windows: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.stability.witness import same_mask
from headstart.graders.vision.witness import windows_by_loops

shifted_window_mask = exercise("shifted_window_mask", "shifted_windows", chapter="vision", wings=("in_numpy",))

CASES = (  # height, width, window, shift: not square, a map of one window, all but one place, no shift, one token
    (4, 4, 2, 1),
    (4, 6, 2, 1),
    (6, 3, 3, 1),
    (6, 9, 3, 2),
    (4, 4, 4, 3),
    (4, 8, 4, 2),
    (4, 2, 2, 0),
    (2, 3, 1, 0),
)


def neighbours_by_loops(height, width, window, shift):
    """Two tokens of a window may meet if they stand to each other in the map as they do in the window."""
    places = windows_by_loops(np.arange(height * width).reshape(height, width, 1), window, shift)[..., 0]
    mask = np.zeros((*places.shape, places.shape[1]), dtype=bool)
    for n, i, j in np.ndindex(mask.shape):
        (top, left), (low, right) = divmod(places[n, i], width), divmod(places[n, j], width)
        in_window = (j // window - i // window, j % window - i % window)
        mask[n, i, j] = (low - top, right - left) == in_window
    return mask


@shifted_window_mask.law
def neighbours_alone_may_meet(candidate, draw):
    """A query sees the keys of its window that stand to it in the map as in the window: none from beyond the edge."""
    for case in CASES:
        same_mask(candidate(*case), neighbours_by_loops(*case), f"shifted_window_mask{case}")


@shifted_window_mask.law
def inner_windows_are_open(candidate, draw):
    """Only the last row and the last column of windows hold strangers; without a shift nobody does."""
    mask = np.asarray(candidate(6, 9, 3, 1))
    agree(mask.all(axis=(-2, -1)), [True, True, False, False, False, False], "windows in which all see all")
    expect(np.all(candidate(6, 9, 3, 0)), "without a shift every token should see all of its window")


@shifted_window_mask.law
def pieces_of_the_last_window(candidate, draw):
    """The last window holds four pieces, whose sizes follow from the shift; a token sees its own piece."""
    seen = np.sum(np.asarray(candidate(8, 8, 4, 1))[-1], axis=-1).reshape(4, 4)
    want = np.outer([3, 3, 3, 1], [3, 3, 3, 1])
    agree(seen, want, "how many keys the places of the last window see, with window 4 and shift 1")


@shifted_window_mask.law
def shifts_within_a_window(candidate, draw):
    """A shift below zero or of a window and more, or a window that leaves a rest, is refused by an exception."""
    for sizes in ((4, 4, 2, 2), (4, 4, 2, -1), (4, 4, 2, 3), (5, 4, 2, 1), (4, 5, 2, 1)):
        expect(candidate.refuses(*sizes), f"shifted_window_mask{sizes} should raise a ShapeError or another ValueError")


def by_regions(height, width, window, regions):
    """True where two tokens of a window have the same region; regions is the rolled map's (height, width)."""
    cut = windows_by_loops(regions[..., None], window)[..., 0]
    return cut[:, :, None] == cut[:, None, :]


def around(length, shift):
    """True for the places of a rolled row that came around the edge."""
    return np.arange(length) >= length - shift


def mistaken(diagnosis):
    """Register a wrong mask under a name and a diagnosis."""
    return shifted_window_mask.mutant(diagnosis)


@mistaken("a mask that allows everything: tokens from opposite edges of the image attend to each other")
def everything_allowed(height, width, window, shift):
    return by_regions(height, width, window, np.zeros((height, width)))


@mistaken("the mask inverted: True marks strangers")
def inverted(height, width, window, shift):
    return ~neighbours_by_loops(height, width, window, shift)


@mistaken("a mask of rows alone: left and right edges are still joined")
def rows_alone(height, width, window, shift):
    return by_regions(height, width, window, np.broadcast_to(around(height, shift)[:, None], (height, width)))


@mistaken("a mask with three regions: what came around one edge may meet what came around the other")
def edges_joined(height, width, window, shift):
    return by_regions(height, width, window, around(height, shift)[:, None].astype(int) + around(width, shift))


@mistaken("a mask with two regions: all that came around an edge is one piece")
def one_piece(height, width, window, shift):
    return by_regions(height, width, window, around(height, shift)[:, None] | around(width, shift))


@mistaken("the mask of a map rolled the other way: the first rows and columns came around the edge")
def first_for_last(height, width, window, shift):
    rows, columns = around(height, shift)[::-1], around(width, shift)[::-1]
    return by_regions(height, width, window, 2 * rows[:, None] + columns)


@mistaken("a mask cut at window - shift rows before the edge instead of shift: right only for half a window")
def from_the_wrong_side(height, width, window, shift):
    rest = (window - shift) % window
    return by_regions(height, width, window, 2 * around(height, rest)[:, None] + around(width, rest))


@shifted_window_mask.style
def nine_regions(height, width, window, shift):
    """The published way: three slices a side, numbered, the numbers cut like tokens."""
    assert 0 <= shift < window
    assert height % window == width % window == 0
    regions, number = np.zeros((height, width)), 0
    parts = (
        slice(0, -window),
        slice(-window, -shift if shift else None),
        slice(-shift, None) if shift else slice(0, 0),
    )
    for rows in parts:
        for columns in parts:
            regions[rows, columns] = number
            number += 1
    return by_regions(height, width, window, regions)


@shifted_window_mask.style
def from_places(height, width, window, shift):
    """The difference of places in the map against that in the window."""
    if shift not in range(window) or height % window or width % window:
        raise ValueError("no such windows")
    return neighbours_by_loops(height, width, window, shift)
