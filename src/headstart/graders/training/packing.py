"""Packing documents first fit: laws; see packing_answers.py for answers."""

import numpy as np

from headstart.graders.kit import Broken, agree, exercise, expect

pack_documents = exercise("pack_documents", "training_packing", chapter="training")

CASES = [  # lengths, T
    ([3, 4, 2, 1, 5], 6),
    ([5, 4, 1, 2, 3], 6),
    ([4], 4),
    ([4, 0], 4),
    ([2, 1, 0], 3),
    ([1, 1, 1], 2),
    ([2, 0, 3], 4),
    ([0, 3], 3),
    ([3, 3, 3], 3),
    ([4, 5, 5, 5, 5, 2], 6),
]


def packed_by_search(lengths, T):
    """Both arrays, document by document: look through all rows for the first with room, token by token."""
    rows = []  # lists of (document, position)
    for document, n in enumerate(lengths):
        fitting = [row for row in rows if len(row) + n <= T]
        if not fitting:
            rows.append([])
        (fitting or rows[-1:])[0].extend((document, place) for place in range(n))
    full = [row + [(-1, 0)] * (T - len(row)) for row in rows]
    return tuple(np.array([[token[part] for token in row] for row in full]).reshape(-1, T) for part in (0, 1))


def both(got):
    """The two arrays of an answer, which must be whole numbers of one shape."""
    expect(isinstance(got, list | tuple) and len(got) == 2, "the result should be document_ids and positions")
    for array, what in zip(got, ("document_ids", "positions"), strict=True):
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
            kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            raise Broken(f"{what} is {kind}, it should be an array of whole numbers")
    return got


def same_rows(got, want):
    """Compare ids and positions with what is right."""
    for array, right, what in zip(both(got), want, ("document_ids", "positions"), strict=True):
        agree(array, right, what, rtol=0, atol=0)


@pack_documents.law
def first_row_with_room(candidate, draw):
    """Each document, in the given order, stands in the first row that has room, its positions counted from zero."""
    for lengths, T in CASES:
        same_rows(candidate(np.array(lengths), T), packed_by_search(lengths, T))


@pack_documents.law
def many_documents(candidate, draw):
    """The same for random lengths."""
    for T in (5, 9):
        lengths = draw.rng.integers(0, T + 1, size=12)
        same_rows(candidate(lengths, T), packed_by_search(lengths, T))


@pack_documents.law
def every_token_once(candidate, draw):
    """Every token of every document stands in the rows exactly once; what is left is padding."""
    lengths = draw.rng.integers(1, 8, size=9)
    ids, positions = both(candidate(lengths, 7))
    got = sorted(zip(ids[ids >= 0].tolist(), positions[ids >= 0].tolist(), strict=True))
    expect(got == [(d, p) for d, n in enumerate(lengths) for p in range(n)], "a token is missing or stands there twice")
    expect(
        np.isin(ids[ids < 0], -1).all() and (positions[ids < 0] == 0).all(), "padding has the id -1 and the position 0"
    )


@pack_documents.law
def no_document_is_cut(candidate, draw):
    """A document longer than a row, or shorter than nothing, is refused by an exception."""
    for lengths in ([3, 7, 2], [2, -1]):
        expect(candidate.refuses(np.array(lengths), 6), f"lengths {lengths} were packed into rows of 6")
