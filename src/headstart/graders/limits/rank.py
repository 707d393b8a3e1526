"""Distance to rank one: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise

distance_to_rank_one = exercise("distance_to_rank_one", "limits", wings=("in_numpy",))


def by_loops(x):
    """Token by token: the squares of what the mean leaves over, and of the whole."""
    distance = np.zeros(x.shape[:-2])
    for at in np.ndindex(distance.shape):
        rows = x[at]
        mean = sum(rows) / len(rows)
        rest = sum(float((row - mean) @ (row - mean)) for row in rows)
        distance[at] = math.sqrt(rest / sum(float(row @ row) for row in rows))
    return distance


@distance_to_rank_one.law
def what_the_mean_leaves_over(candidate, draw):
    """The norm of x minus its mean row, relative to the norm of x, for any leading axes."""
    for shape in ((5, 4), (1, 3, 2), (2, 7, 3), (2, 3, 4, 5)):
        x = draw(*shape) + 0.5
        agree(candidate(x), by_loops(x), "the distance")


@distance_to_rank_one.law
def nothing_for_equal_rows(candidate, draw):
    """Equal tokens, a single token, and zeros have distance 0."""
    x = np.round(8 * draw(2, 1, 4)) / 8 + 16.0  # eighths: their mean is exact in float32 too
    agree(candidate(np.repeat(x, 4, axis=1)), np.zeros(2), "the distance of equal tokens")
    agree(candidate(x), np.zeros(2), "the distance of one token")
    mixed = np.stack([np.zeros((4, 3)), draw(4, 3)])
    agree(candidate(mixed), [0.0, by_loops(mixed[1])], "the distance of zeros, and of others beside them")


@distance_to_rank_one.law
def one_for_rows_that_cancel(candidate, draw):
    """Tokens whose sum is zero have distance 1."""
    x = draw(3, 4)
    agree(candidate(np.concatenate([x, -x])), 1.0, "the distance of tokens that cancel")


@distance_to_rank_one.law
def neither_scale_nor_direction_counts(candidate, draw):
    """A factor, a turn of the features, or another order of the tokens changes nothing."""
    x = draw(5, 4) + 1.0
    turn = np.linalg.qr(draw(4, 4))[0]
    for name, changed in {"10 x": 10 * x, "x / 10⁶": x / 1e6, "x turned": x @ turn, "x reordered": x[::-1]}.items():
        agree(candidate(changed), by_loops(x), f"the distance of {name}")


def norm(x):
    """Frobenius norm of the last two axes, 1 in place of 0."""
    size = np.sqrt((x**2).sum((-2, -1)))
    return np.where(size == 0, 1.0, size)


def rest(x, axis=-2):
    return np.sqrt(((x - x.mean(axis, keepdims=True)) ** 2).sum((-2, -1)))


@distance_to_rank_one.mutant(
    "the distance from equal features, not from equal tokens: the mean ran over the wrong axis"
)
def mean_over_features(x):
    return rest(x, -1) / norm(x)


@distance_to_rank_one.mutant("the distance from one number for everything: the mean ran over tokens and features")
def mean_over_both(x):
    return rest(x, (-2, -1)) / norm(x)


@distance_to_rank_one.mutant("the squared distance")
def without_the_root(x):
    return (rest(x) / norm(x)) ** 2


@distance_to_rank_one.mutant("the distance itself, not relative to the size of x: growing tokens seem to differ more")
def absolute(x):
    return rest(x)


@distance_to_rank_one.mutant("the distance relative to the mean part instead of the whole: it exceeds 1")
def relative_to_the_mean(x):
    return rest(x) / norm(np.repeat(x.mean(-2, keepdims=True), x.shape[-2], -2))


@distance_to_rank_one.mutant(
    "the distance to the nearest matrix of rank one, whose rows may be multiples of each other"
)
def singular_values(x):
    s = np.linalg.svd(x, compute_uv=False)
    return np.sqrt((s[..., 1:] ** 2).sum(-1)) / norm(x)


@distance_to_rank_one.mutant("the distance with n - 1 in the variance")
def unbiased(x):
    T = x.shape[-2]
    return rest(x) / norm(x) * np.sqrt(T / max(T - 1, 1))


@distance_to_rank_one.style
def norms_of_matrices(x):
    """Two Frobenius norms, in float32."""
    x = x.astype("f4")
    whole = np.linalg.norm(x, axis=(-2, -1))
    left = np.linalg.norm(x - x.mean(axis=-2, keepdims=True), axis=(-2, -1))
    return np.divide(left, whole, out=np.zeros_like(left), where=whole > 0)


@distance_to_rank_one.style
def by_pythagoras(x):
    """One less the share of the mean, which is orthogonal to the rest."""
    whole = np.einsum("...td,...td->...", x, x)
    mean = x.sum(axis=-2)
    share = np.einsum("...d,...d->...", mean, mean) / x.shape[-2]
    return np.sqrt(np.maximum(0.0, 1 - share / np.where(whole > 0, whole, 1.0))) * (whole > 0)
