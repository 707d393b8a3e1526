"""Scores by distance in the order of the keys: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

relative_shift = exercise("relative_shift", "conformer", chapter="audio")

SHAPES = ((1, 1), (2, 3), (3, 4), (2, 3, 2), (5,), (6, 6))  # leading axes and T


def shift_by_loops(scores):
    """Query by query, key by key."""
    T = scores.shape[-2]
    out = np.zeros((*scores.shape[:-1], T))
    for i in range(T):
        for j in range(T):
            out[..., i, j] = scores[..., i, (T - 1) - (i - j)]
    return out


@relative_shift.law
def each_key_gets_the_score_of_its_distance(candidate, draw):
    """Entry (i, j) is row i's score for the distance i - j, for every length and any leading axes."""
    for *lead, T in SHAPES:
        scores = draw(*lead, T, 2 * T - 1)
        agree(candidate(scores), shift_by_loops(scores), f"the scores of {T} queries")


@relative_shift.law
def one_score_for_each_distance(candidate, draw):
    """If all queries have the same scores, the result is constant along its diagonals."""
    row = draw(9)
    got = np.asarray(candidate(np.tile(row, (2, 5, 1))))
    want = np.array([[row[4 - i + j] for j in range(5)] for i in range(5)])
    agree(got, np.stack([want, want]), "the scores of queries that are all alike")


@relative_shift.law
def the_middle_is_the_own_place(candidate, draw):
    """The diagonal is the middle column, the distance 0; nothing of another query's row is read."""
    scores = draw(2, 4, 7)
    agree(np.diagonal(candidate(scores), axis1=-2, axis2=-1), scores[..., 3], "the diagonal")
    moved = scores.copy()
    moved[:, 2] += 1.0
    change = np.abs(np.asarray(candidate(moved)) - np.asarray(candidate(scores))).max(axis=(0, 2))
    agree(change, np.array([0.0, 0.0, 1.0, 0.0]), "the change of each row when row 2 grows by one")


@relative_shift.law(wings=("in_torch",))
def scores_get_their_gradients(candidate, draw):
    """The gradient of each score stands in its own place; scores that no key asks for get none."""
    g, place = draw(2, 4, 4), np.arange(4)
    want = np.zeros((2, 4, 7))
    want[:, place[:, None], 3 - place[:, None] + place] = g
    agree(candidate.gradients(g, draw(2, 4, 7))[0], want, "the gradient for the scores")


@relative_shift.law
def distances_must_fit(candidate, draw):
    """Any other number of distances than 2T - 1 is refused by an exception."""
    for T, distances in ((3, 4), (3, 6), (3, 3), (2, 5)):
        expect(candidate.refuses(draw(T, distances)), f"it took {distances} distances for {T} queries")


def by_place(scores, place):
    """Gather the column that `place(i, j, T)` names, for the right number of columns."""
    T = scores.shape[-2]
    if scores.shape[-1] != 2 * T - 1:
        raise ValueError("the distances do not fit")
    i, j = np.arange(T)[:, None], np.arange(T)
    return scores[..., i, place(i, j, T) % (2 * T - 1)]


@relative_shift.mutant("the first T columns: every query read the same distances and the rows were never shifted")
def never_shifted(scores):
    return by_place(scores, lambda i, j, T: 0 * i + j)


@relative_shift.mutant("the last T columns, without any shift")
def last_columns(scores):
    return by_place(scores, lambda i, j, T: 0 * i + j + T - 1)


@relative_shift.mutant("the scores of the distances j - i: past and future are exchanged")
def past_for_future(scores):
    return by_place(scores, lambda i, j, T: T - 1 + i - j)


@relative_shift.mutant("rows shifted by one place too many: the diagonal holds the distance -1")
def one_too_many(scores):
    return by_place(scores, lambda i, j, T: T - i + j)


@relative_shift.mutant("rows shifted by one place too few: the diagonal holds the distance 1")
def one_too_few(scores):
    return by_place(scores, lambda i, j, T: T - 2 - i + j)


@relative_shift.mutant("one score for |i - j|: past and future at the same distance are not told apart")
def no_direction(scores):
    return by_place(scores, lambda i, j, T: T - 1 - np.abs(i - j))


@relative_shift.mutant("the causal shift of Transformer-XL: keys in the future get zeros")
def zeros_for_the_future(scores):
    return by_place(scores, lambda i, j, T: T - 1 - i + j) * np.tri(scores.shape[-2])


@relative_shift.mutant("the shift's answer transposed")
def shifted_transposed(scores):
    return by_place(scores, lambda i, j, T: T - 1 - i + j).swapaxes(-1, -2)


@relative_shift.style
def pad_and_reshape(scores):
    """The trick of the paper: a column of zeros in front, read in rows that are one shorter."""
    *lead, T, distances = scores.shape
    assert distances == 2 * T - 1
    padded = np.concatenate([np.zeros((*lead, T, 1)), scores], axis=-1)  # (..., T, 2T)
    return padded.reshape(*lead, 2 * T, T)[..., 1:, :].reshape(*lead, T, 2 * T - 1)[..., :T]


@relative_shift.style
def row_by_row(scores):
    """A slice for every query."""
    T = scores.shape[-2]
    if scores.shape[-1] != 2 * T - 1:
        raise ValueError("the distances do not fit")
    return np.stack([scores[..., i, T - 1 - i : 2 * T - 1 - i] for i in range(T)], axis=-2)
