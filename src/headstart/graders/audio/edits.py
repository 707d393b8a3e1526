"""Edit distance: laws, known mistakes, accepted styles."""

from functools import cache

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

edit_distance = exercise("edit_distance", "ctc", chapter="audio", wings=("in_numpy",))

PAIRS = (([2, 1, 3, 3], [1, 2, 4, 3, 5, 3]), ([1, 2, 3], [1, 2, 3]), ([1, 2, 3], [1, 3]), ([1, 3], [1, 2, 3]),
         ([1, 2, 3], [1, 4, 3]), ([1, 2], [2, 1]), ([1, 2, 3, 4], [2, 3, 4, 5]), ([3, 1, 2, 2], [1, 2, 3]),
         ([5], [1, 2, 3, 4]), ([12, 3], [1, 23]), ([300], [44]))  # fmt: skip


def distance(a, b):
    """By the definition: the last symbols agree, or one edit is spent on them."""

    @cache
    def d(i, j):
        if min(i, j) == 0:
            return max(i, j)
        if a[i - 1] == b[j - 1]:
            return d(i - 1, j - 1)
        return 1 + min(d(i - 1, j), d(i, j - 1), d(i - 1, j - 1))

    return d(len(a), len(b))


def draw_labels(draw, length):
    """Some labels out of three."""
    return draw.rng.integers(3, size=length)


@edit_distance.law
def fewest_edits(candidate, draw):
    """It is the least number of insertions, deletions and replacements, one each, a whole number."""
    pairs = [
        *PAIRS,
        *((draw_labels(draw, n).tolist(), draw_labels(draw, m).tolist()) for n, m in ((6, 8), (9, 5), (7, 7))),
    ]
    for a, b in pairs:
        whole(candidate(np.array(a), np.array(b)), distance(tuple(a), tuple(b)), f"the distance of {a} and {b}")


@edit_distance.law
def nothing_on_one_side(candidate, draw):
    """From nothing to n labels it takes n insertions, back n deletions, and from nothing to nothing none."""
    none, some = np.array([], dtype=int), draw_labels(draw, 4)
    whole(candidate(none, some), 4, "the distance of nothing and 4 labels")
    whole(candidate(some, none), 4, "the distance of 4 labels and nothing")
    whole(candidate(none, none), 0, "the distance of nothing and nothing")


@edit_distance.law
def it_is_a_metric(candidate, draw):
    """It is symmetric, and a detour through a third sequence is never shorter."""
    a, b, c = (draw_labels(draw, n) for n in (5, 7, 4))
    d = {
        pair: int(candidate(*pair_of))
        for pair, pair_of in {"ab": (a, b), "ba": (b, a), "ac": (a, c), "cb": (c, b)}.items()
    }
    expect(d["ab"] == d["ba"], f"it is {d['ab']} one way and {d['ba']} the other")
    expect(d["ab"] <= d["ac"] + d["cb"], f"the straight way costs {d['ab']}, a detour {d['ac']} + {d['cb']}")


def costs(hypothesis, reference, replace=1, insert=1, delete=1, edge=1):
    """The table with (wrong) costs; insertions are labels that the hypothesis has to be given."""
    table = np.zeros((len(hypothesis) + 1, len(reference) + 1), dtype=int)
    table[:, 0], table[0] = (
        edge * delete * np.arange(len(hypothesis) + 1),
        edge * insert * np.arange(len(reference) + 1),
    )
    for i, a in enumerate(hypothesis):
        for j, b in enumerate(reference):
            ways = table[i, j + 1] + delete, table[i + 1, j] + insert, table[i, j] + replace * int(a != b)
            table[i + 1, j + 1] = min(ways)
    return int(table[-1, -1])


@edit_distance.mutant("the number of places that differ, length included: one label too many spoils all that follow")
def place_by_place(hypothesis, reference):
    same = sum(int(a == b) for a, b in zip(hypothesis, reference, strict=False))
    return max(len(hypothesis), len(reference)) - same


@edit_distance.mutant("a distance in which a replacement costs two, a deletion and an insertion")
def replacements_cost_two(hypothesis, reference):
    return costs(hypothesis, reference, replace=2)


@edit_distance.mutant("a distance in which labels too many are free: deletions cost nothing")
def deletions_free(hypothesis, reference):
    return costs(hypothesis, reference, delete=0)


@edit_distance.mutant("a distance in which missing labels are free: insertions cost nothing")
def insertions_free(hypothesis, reference):
    return costs(hypothesis, reference, insert=0)


@edit_distance.mutant("a table whose first row and column are zeros: the ends may be left off for nothing")
def edges_of_zeros(hypothesis, reference):
    return costs(hypothesis, reference, edge=0)


@edit_distance.mutant("the distance divided by the length of the reference: a rate, not a count")
def already_a_rate(hypothesis, reference):
    return costs(hypothesis, reference) / max(len(reference), 1)


@edit_distance.mutant("the difference of the two lengths")
def difference_of_lengths(hypothesis, reference):
    return abs(len(hypothesis) - len(reference))


@edit_distance.mutant("labels counted without their order: what one bag has and the other lacks")
def without_order(hypothesis, reference):
    counts = [np.bincount(np.asarray(x, dtype=int), minlength=10) for x in (hypothesis, reference)]
    return int(max(np.maximum(counts[0] - counts[1], 0).sum(), np.maximum(counts[1] - counts[0], 0).sum()))


@edit_distance.mutant("a distance in which two neighbours that are exchanged count as one edit")
def exchange_is_one_edit(hypothesis, reference):
    @cache
    def d(i, j):
        if min(i, j) == 0:
            return max(i, j)
        ways = [d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + int(hypothesis[i - 1] != reference[j - 1])]
        turned = min(i, j) > 1 and (hypothesis[i - 1], hypothesis[i - 2]) == (reference[j - 2], reference[j - 1])
        return min([*ways, d(i - 2, j - 2) + 1] if turned else ways)

    return d(len(hypothesis), len(reference))


@edit_distance.mutant("the distance of the digits: labels were joined to one text, where 12, 3 and 1, 23 look the same")
def digit_by_digit(hypothesis, reference):
    return costs(*("".join(str(label) for label in x.tolist()) for x in (hypothesis, reference)))


@edit_distance.style
def whole_table(hypothesis, reference):
    """The whole table at once in memory, a NumPy whole number at its end."""
    return np.int64(costs(hypothesis, reference))


@edit_distance.style
def by_recursion(hypothesis, reference):
    """The definition, remembered."""
    return distance(tuple(np.asarray(hypothesis).tolist()), tuple(np.asarray(reference).tolist()))


@edit_distance.style
def by_longest_path(hypothesis, reference):
    """One row, a running minimum for the insertions."""
    row = np.arange(len(reference) + 1)
    for symbol in hypothesis:
        moved = row + 1
        moved[1:] = np.minimum(moved[1:], row[:-1] + (reference != symbol))
        row = np.minimum.accumulate(moved - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])
