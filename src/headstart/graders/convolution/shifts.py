"""Scores that prefer a shift: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

shift_scores = exercise("shift_scores", "convolution", chapter="convolution", wings=("in_numpy",))

SIZES = ((3, 4, 3, 0.7), (2, 5, 1, 2.0), (4, 2, 5, 0.3), (1, 1, 3, 1.5))


def scores(height, width, size, sharpness, sign=1, order=1, power=2, middle=None, along=None):
    """One head, one query and one key at a time; the other arguments are for the mistakes."""
    middle = size // 2 if middle is None else middle
    pixels = [divmod(t, along or width) for t in range(height * width)]
    shifts = [(i - middle, j - middle)[::order] for i in range(size) for j in range(size)]
    return np.array([[
        [-sharpness * sum(abs(sign * (key[a] - query[a]) - shift[a]) ** power for a in (0, 1)) for key in pixels]
        for query in pixels] for shift in shifts])  # fmt: skip


@shift_scores.law
def the_squared_distance_from_the_shift(candidate, draw):
    """Score (h, p, r) is -sharpness · ‖r - p - shift‖² for the shift of head h."""
    for sizes in SIZES:
        agree(candidate(*sizes), scores(*sizes), f"the scores for height, width, size, sharpness = {sizes}")


@shift_scores.law
def largest_at_the_shifted_pixel(candidate, draw):
    """A query's largest score, 0, stands at the pixel its head's shift leads to; all others are below."""
    got = np.asarray(candidate(5, 5, 3, 3.0))
    expect(got.shape == (9, 25, 25), f"the scores for a 5 by 5 image and a 3 by 3 kernel have shape {got.shape}")
    want = [12 + 5 * i + j for i in (-1, 0, 1) for j in (-1, 0, 1)]
    agree(got[:, 12].argmax(axis=-1), want, "the key with the largest score for the middle pixel, head by head")
    agree(got[:, 12].max(axis=-1), np.zeros(9), "the largest scores of the middle pixel")


@shift_scores.law
def places_count_only_by_their_difference(candidate, draw):
    """Moving query and key by the same way leaves the score as it was."""
    got = np.asarray(candidate(4, 6, 3, 0.5))
    expect(got.size == 9 * 24 * 24, f"the scores for a 4 by 6 image and a 3 by 3 kernel have shape {got.shape}")
    got = got.reshape(9, 4, 6, 4, 6)
    agree(got[:, 1:, 2:, 1:, 2:], got[:, :-1, :-2, :-1, :-2], "the scores one row down and two columns to the right")


@shift_scores.law
def refuses_kernels_without_a_middle(candidate, draw):
    """Even sizes, and sizes of nothing, are refused by an exception."""
    for sizes in ((3, 3, 2), (3, 3, 4), (3, 3, 0), (3, 3, -1), (0, 3, 3), (3, 0, 3)):
        expect(candidate.refuses(*sizes, 1.0), f"it took height, width, size = {sizes}")


@shift_scores.mutant("scores with query and key exchanged: every head looks the opposite way")
def opposite_shifts(height, width, size, sharpness):
    return scores(height, width, size, sharpness, sign=-1)


@shift_scores.mutant("scores whose heads count the shifts column by column")
def heads_column_by_column(height, width, size, sharpness):
    return scores(height, width, size, sharpness, order=-1)


@shift_scores.mutant("scores that fall with the distance along rows and columns, not with its square")
def not_squared(height, width, size, sharpness):
    return scores(height, width, size, sharpness, power=1)


@shift_scores.mutant("scores whose shifts begin at zero: the kernel's corner stands on the query, not its middle")
def not_centred(height, width, size, sharpness):
    return scores(height, width, size, sharpness, middle=0)


@shift_scores.mutant("scores with the sign lost: heads avoid the pixel they should look at")
def repelled(height, width, size, sharpness):
    return -scores(height, width, size, sharpness)


@shift_scores.mutant("scores without the sharpness")
def sharpness_ignored(height, width, size, sharpness):
    return scores(height, width, size, 1.0)


@shift_scores.mutant("scores for pixels numbered with the height for the width")
def numbered_by_height(height, width, size, sharpness):
    return scores(height, width, size, sharpness, along=height)


@shift_scores.mutant("scores without ‖r - p‖²: not a distance, so that far pixels win")
def inner_products_alone(height, width, size, sharpness):
    full = scores(height, width, size, sharpness)
    return full - full[size * size // 2]


@shift_scores.style
def from_the_quadratic_encoding(height, width, size, sharpness):
    """The products of lemma 2: (1, -2Δ₁, -2Δ₂) with (‖δ‖², δ₁, δ₂), and the constant ‖Δ‖², times -sharpness."""
    if size % 2 == 0 or size < 1 or height < 1 or width < 1:
        raise ValueError("no middle")
    row, column = np.indices((height, width)).reshape(2, -1)
    down, right = row - row[:, None], column - column[:, None]
    r = np.stack([down**2 + right**2, down, right], axis=-1)  # (T, T, 3)
    i, j = np.indices((size, size)).reshape(2, -1) - size // 2
    v = np.stack([np.ones(size * size), -2.0 * i, -2.0 * j], axis=-1)  # (size², 3)
    return -sharpness * (np.einsum("qkd,hd->hqk", r, v) + (i**2 + j**2)[:, None, None])


@shift_scores.style
def loops_in_float32(height, width, size, sharpness):
    """The definition, in single precision."""
    if min(height, width, size) < 1 or size % 2 != 1:
        raise ValueError("no middle")
    return scores(height, width, size, sharpness).astype(np.float32)
