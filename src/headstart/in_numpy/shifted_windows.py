"""Attention within windows of an image, and the shifted windows that let neighbours talk."""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.vision import grid_of


@shapes(x="... height width d")
def cut_windows(x, window, shift=0):
    """Cut a map of tokens into square windows, after moving it up and to the left by `shift`, around the edge.

    x       (..., height, width, d)        one token a place
    window  int                            a side that divides height and width, else ShapeError
    shift   int                            places that the map is rolled before it is cut: what leaves at the top
                                           comes in at the bottom, and so with left and right
    return  (..., num_windows, places, d)  windows from left to right, then down; places = window², likewise

    Law: with shift 0 the first window is x[..., :window, :window, :]; merge_windows undoes it.
    Source: Liu et al. 2021, section 3.2.
    """
    rows, columns = grid_of("cut_windows", *x.shape[-3:-1], window)
    *lead, _, _, d = x.shape
    rolled = np.roll(x, (-shift, -shift), axis=(-3, -2))
    strips = rolled.reshape(*lead, rows, window, columns, window * d)
    return strips.swapaxes(-3, -2).reshape(*lead, rows * columns, window * window, d)


@shapes(windows="... num_windows places d")
def merge_windows(windows, height, width, window, shift=0):
    """Put windows back in their places and move the map back by `shift`: the inverse of cut_windows.

    windows  (..., num_windows, places, d)   as cut_windows lays them out; other numbers of them are a ShapeError
    height   int                             of the map, in tokens
    width    int
    window   int                             a side that divides height and width, else ShapeError
    shift    int                             the shift that the map was cut with
    return   (..., height, width, d)

    Law: merge_windows(cut_windows(x, window, shift), height, width, window, shift) = x.
    Source: Liu et al. 2021, section 3.2 ("reverse cyclic shift" in figure 4).
    """
    rows, columns = grid_of("merge_windows", height, width, window)
    *lead, num_windows, places, _ = windows.shape
    if (num_windows, places) != (rows * columns, window * window):
        raise ShapeError(f"merge_windows: {num_windows} windows of {places} tokens do not fill {height} by {width}")
    strips = windows.reshape(*lead, rows, columns, window, -1).swapaxes(-3, -2)
    return np.roll(strips.reshape(*lead, height, width, -1), (shift, shift), axis=(-3, -2))


def shifted_window_mask(height, width, window, shift):
    """Keep apart, within a window of a rolled map, tokens that are no neighbours: some came around the edge.

    height  int                            of the map, in tokens
    width   int
    window  int                            a side that divides height and width, else ShapeError
    shift   int                            from 0 to window - 1, else ShapeError (a ValueError)
    return  (num_windows, places, places)  boolean, in the order of cut_windows: True where a query may attend, which is
                                           where query and key both came around the bottom edge or both did not, and
                                           the same for the right edge

    Law: with shift 0 every token of a window sees every other one.
    Source: Liu et al. 2021, section 3.2 and figure 4.
    """
    grid_of("shifted_window_mask", height, width, window)
    if shift < 0 or shift >= window:
        raise ShapeError(f"shifted_window_mask: shift must lie between 0 and window - 1, {window - 1}, got {shift}")
    below = np.arange(height) + shift >= height  # (height,): rows of the rolled map that came around the edge
    right = np.arange(width) + shift >= width  # (width,)
    came = np.stack(np.broadcast_arrays(below[:, None], right), axis=-1)  # (height, width, 2)
    came = cut_windows(came, window)  # (num_windows, places, 2)
    return (came[:, :, None] == came[:, None, :]).all(axis=-1)
