"""Wrong and unusual answers to packing: known mistakes and accepted styles."""

import numpy as np

from headstart.graders.training.packing import pack_documents, packed_by_search


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
