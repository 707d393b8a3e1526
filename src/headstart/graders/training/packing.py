"""Packing documents first fit: laws, known mistakes, accepted styles."""

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


def legal(lengths, T):
    assert ((lengths >= 0) & (lengths <= T)).all(), "lengths from 0 to T"


def packing_with(choose, order=lambda lengths: range(len(lengths)), place=lambda start, n: np.arange(n), padding=-1):
    """Packing with a (wrong) choice of the row, order of the documents, positions or mark of padding."""

    def pack(lengths, T):
        legal(lengths, T)
        used, ids, positions = [], [], []
        for document in order(lengths):
            n = int(lengths[document])
            row = choose([T - taken - n for taken in used])
            if row is None:
                row = len(used)
                used.append(0), ids.append(np.full(T, padding)), positions.append(np.zeros(T, dtype=int))
            own = slice(used[row], used[row] + n)
            ids[row][own], positions[row][own] = document, place(used[row], n)
            used[row] += n
        return np.array(ids).reshape(-1, T), np.array(positions).reshape(-1, T)

    return pack


def first(left):
    """The first row with room: `left` is what would be left in each."""
    return next((row for row, room in enumerate(left) if room >= 0), None)


def last(left):
    """The row filled last, if it has room."""
    return len(left) - 1 if left and left[-1] >= 0 else None


def tightest(left):
    """The row in which least is left."""
    fitting = [row for row, room in enumerate(left) if room >= 0]
    return min(fitting, key=lambda row: left[row], default=None)


@pack_documents.mutant("next fit: only the last row is looked at, rows before it are never filled up")
def next_fit(lengths, T):
    return packing_with(last)(lengths, T)


@pack_documents.mutant("best fit: the fullest row that has room instead of the first")
def best_fit(lengths, T):
    return packing_with(tightest)(lengths, T)


@pack_documents.mutant("first fit of the documents sorted by length, longest first: the contract keeps their order")
def longest_first(lengths, T):
    return packing_with(first, order=lambda lengths: np.argsort(-lengths, kind="stable"))(lengths, T)


@pack_documents.mutant("positions that run on through the row instead of starting again with each document")
def positions_run_on(lengths, T):
    return packing_with(first, place=lambda start, n: np.arange(start, start + n))(lengths, T)


@pack_documents.mutant("padding with the id 0: it looks like more of the first document")
def padding_is_document_zero(lengths, T):
    return packing_with(first, padding=0)(lengths, T)


@pack_documents.mutant("one document a row: nothing was packed")
def one_a_row(lengths, T):
    return packing_with(lambda left: None)(lengths, T)


@pack_documents.mutant("rows that are never quite full: a document that fits exactly is sent on (< for <=)")
def never_full(lengths, T):
    return packing_with(lambda left: next((row for row, room in enumerate(left) if room > 0), None))(lengths, T)


@pack_documents.style
def packed_row_by_row(lengths, T):
    """A list of lists, padded at the end."""
    legal(lengths, T)
    return packed_by_search(lengths.tolist(), T)


@pack_documents.style
def packed_by_shares(lengths, T):
    """A helper that chooses, arrays filled at once."""
    return packing_with(first)(lengths, T)
