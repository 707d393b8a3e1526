"""Windows of a map of tokens and back: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.vision.witness import windows_by_loops

cut_windows = exercise("cut_windows", "shifted_windows", chapter="vision", wings=("in_numpy",))
merge_windows = exercise("merge_windows", "shifted_windows", chapter="vision", wings=("in_numpy",))

CASES = (  # shape of the map, window, shift: no batch, one channel, a single window, two leading axes, far
    ((2, 4, 6, 3), 2, 0),
    ((2, 4, 6, 3), 2, 1),
    ((6, 9, 2), 3, 1),
    ((6, 3, 1), 3, 2),
    ((1, 4, 4, 2), 4, 3),
    ((2, 2, 4, 2, 2), 2, 1),
    ((3, 2, 2), 1, 0),
    ((4, 4, 1), 2, 3),
)


@cut_windows.law
def every_token_in_its_window(candidate, draw):
    """Place (i, j) of the rolled map is token (i + shift, j + shift), around the edge; windows go right, then down."""
    for shape, window, shift in CASES:
        x = draw(*shape)
        what = f"the windows of {shape} with window {window} and shift {shift}"
        agree(candidate(x, window, shift), windows_by_loops(x, window, shift), what)


@cut_windows.law
def no_shift_by_default(candidate, draw):
    """Without a shift the first window is the upper left corner."""
    x = draw(4, 6, 2)
    agree(candidate(x, 2)[0], x[:2, :2].reshape(4, 2), "the first window")
    agree(candidate(x, 2), windows_by_loops(x, 2), "the windows without a shift")


@cut_windows.law
def maps_do_not_mix(candidate, draw):
    """A batch gives each map the windows that it would get alone."""
    x = draw(3, 4, 4, 2)
    for n in range(3):
        agree(candidate(x, 2, 1)[n], candidate(x[n], 2, 1), f"the windows of map {n}")


@cut_windows.law
def windows_that_leave_a_rest(candidate, draw):
    """A window that leaves a rest of the map is refused by an exception."""
    for shape, window in (((5, 4, 1), 2), ((4, 5, 1), 2), ((2, 4, 3), 4)):
        expect(candidate.refuses(draw(*shape), window), f"it cut {shape} into windows of {window}, it should raise")


def rolled_windows(x, window, rows, columns):
    """Windows of a map rolled by any two numbers."""
    return windows_by_loops(np.roll(x, (rows, columns), axis=(-3, -2)), window)


@cut_windows.mutant("windows of the map rolled the other way: down and to the right")
def rolled_down(x, window, shift=0):
    return rolled_windows(x, window, shift, shift)


@cut_windows.mutant("windows of the map moved up alone, not to the left")
def rolled_up_alone(x, window, shift=0):
    return rolled_windows(x, window, -shift, 0)


@cut_windows.mutant("windows that are not shifted at all")
def never_shifted(x, window, shift=0):
    return windows_by_loops(x, window)


@cut_windows.mutant("windows shifted by half a window whatever the shift is")
def half_a_window(x, window, shift=0):
    return windows_by_loops(x, window, window // 2)


@cut_windows.mutant("strips of the map instead of windows: reshape alone, without exchanging the two middle axes")
def strips(x, window, shift=0):
    rolled = np.roll(x, (-shift, -shift), axis=(-3, -2))
    return rolled.reshape(*x.shape[:-3], -1, window * window, x.shape[-1])


@cut_windows.mutant("windows of a map whose shifted-out tokens were replaced by zeros instead of coming in again")
def zeros_from_the_edge(x, window, shift=0):
    moved = np.zeros_like(x)
    height, width = x.shape[-3] - shift, x.shape[-2] - shift
    moved[..., :height, :width, :] = x[..., shift:, shift:, :]
    return windows_by_loops(moved, window)


@cut_windows.style
def by_slices(x, window, shift=0):
    """Concatenate the map around its edge, then slice."""
    x = np.concatenate([x[..., shift:, :, :], x[..., :shift, :, :]], axis=-3)
    x = np.concatenate([x[..., shift:, :], x[..., :shift, :]], axis=-2)
    height, width = x.shape[-3:-1]
    assert height % window == width % window == 0
    cuts = [
        x[..., i : i + window, j : j + window, :] for i in range(0, height, window) for j in range(0, width, window)
    ]
    return np.stack([cut.reshape(*x.shape[:-3], window * window, -1) for cut in cuts], axis=-3)


@cut_windows.style
def by_index(x, window, shift=0):
    """The same windows of the numbers of the places, used as an index; float32 inside."""
    height, width, d = x.shape[-3:]
    numbers = windows_by_loops(np.arange(height * width).reshape(height, width, 1), window, shift)[..., 0].astype(int)
    assert height % window == width % window == 0
    return x.astype(np.float32).reshape(*x.shape[:-3], height * width, d)[..., numbers, :]


@merge_windows.law
def every_token_back_in_its_place(candidate, draw):
    """What was cut by the rule of cut_windows comes back as it was, shift included."""
    for shape, window, shift in CASES:
        x = draw(*shape)
        got = candidate(windows_by_loops(x, window, shift), *shape[-3:-1], window, shift)
        agree(got, x, f"the map {shape} put together from windows of {window} with shift {shift}")


@merge_windows.law
def merges_without_a_shift(candidate, draw):
    """The shift is 0 unless it is given: the second window then fills the square beside the first."""
    windows, want = np.zeros((6, 4, 2)), np.zeros((4, 6, 2))
    windows[1], want[:2, 2:4] = 5.0, 5.0
    agree(candidate(windows, 4, 6, 2), want, "the map of one bright window")


@merge_windows.law
def merged_alone_or_together(candidate, draw):
    """A batch gives each map what it would get alone."""
    windows = draw(3, 6, 4, 2)
    for n in range(3):
        agree(candidate(windows, 4, 6, 2, 1)[n], candidate(windows[n], 4, 6, 2, 1), f"map {n}")


@merge_windows.law
def as_many_windows_as_fit(candidate, draw):
    """Windows that do not fill the map, too many, too few or of another size, are refused by an exception."""
    for shape, sizes in (
        ((12, 4, 2), (4, 6, 2)),
        ((3, 4, 2), (4, 6, 2)),
        ((6, 8, 2), (4, 6, 2)),
        ((4, 4, 2), (5, 4, 2)),
        ((4, 4, 2), (4, 5, 2)),
        ((3, 8, 2), (4, 6, 2)),
    ):
        expect(candidate.refuses(draw(*shape), *sizes), f"it merged {shape} for {sizes}, it should raise")


def laid_out(windows, height, width, window):
    """The map of windows, still rolled."""
    *lead, _, _, d = windows.shape
    grid = windows.reshape(*lead, height // window, width // window, window, window, d)
    return grid.swapaxes(-4, -3).reshape(*lead, height, width, d)


@merge_windows.mutant("a map that is still rolled: the shift was not undone")
def still_rolled(windows, height, width, window, shift=0):
    return laid_out(windows, height, width, window)


@merge_windows.mutant("a map rolled twice in the same direction instead of back")
def rolled_on(windows, height, width, window, shift=0):
    return np.roll(laid_out(windows, height, width, window), (-shift, -shift), axis=(-3, -2))


@merge_windows.mutant("windows poured into the map: reshape alone, without exchanging the two middle axes")
def poured(windows, height, width, window, shift=0):
    rolled = windows.reshape(*windows.shape[:-3], height, width, windows.shape[-1])
    return np.roll(rolled, (shift, shift), axis=(-3, -2))


@merge_windows.mutant("a map rolled back before the windows were laid out: the windows moved, not the tokens")
def windows_moved(windows, height, width, window, shift=0):
    return laid_out(np.roll(windows, shift, axis=-3), height, width, window)


@merge_windows.mutant("a map for any number of windows: what is too much went into the features")
def never_counted(windows, height, width, window, shift=0):
    grid = windows.reshape(*windows.shape[:-3], height // window, width // window, window, window, -1)
    laid = grid.swapaxes(-4, -3).reshape(*windows.shape[:-3], height, width, -1)
    return np.roll(laid, (shift, shift), axis=(-3, -2))


@merge_windows.style
def token_by_token(windows, height, width, window, shift=0):
    """Write each token to where it came from."""
    columns = width // window
    assert height % window == width % window == 0
    assert windows.shape[-3:-1] == (height * width // window**2, window**2)
    x = np.empty((*windows.shape[:-3], height, width, windows.shape[-1]))
    for n, place in np.ndindex(windows.shape[-3], windows.shape[-2]):
        i, j = n // columns * window + place // window + shift, n % columns * window + place % window + shift
        x[..., i % height, j % width, :] = windows[..., n, place, :]
    return x
