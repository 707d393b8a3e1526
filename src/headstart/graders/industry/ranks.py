"""HR@k and NDCG@k: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect

hit_and_ndcg = exercise("hit_and_ndcg", "ranking", chapter="industry", wings=("in_numpy",))

SHAPES = ((4, 7), (1, 5), (3, 12), (5, 2))


def rank_by_rank(scores, targets, top_k):
    """Walk through all ranks that a target can have, one query at a time."""
    hit, ndcg = np.zeros(len(scores)), np.zeros(len(scores))
    for i, (row, target) in enumerate(zip(scores.tolist(), targets.tolist(), strict=True)):
        first = 1 + sum(s > row[target] for s in row)
        possible = range(first, first + sum(s == row[target] for s in row))
        counted = [rank for rank in possible if rank <= top_k]
        hit[i] = len(counted) / len(possible)
        ndcg[i] = sum(1 / math.log2(rank + 1) for rank in counted) / len(possible)
    return hit, ndcg


def both_agree(got, want, what=""):
    """Compare the two measures."""
    expect(isinstance(got, tuple | list) and len(got) == 2, "it should return two arrays: hit and ndcg")
    for name, mine, right in zip(("hit", "ndcg"), got, want, strict=True):
        agree(mine, right, name + what)


def draw_targets(draw, B, n):
    """An item for each query."""
    return draw.rng.integers(n, size=B)


def grid(draw, B, n):
    """Scores without two equal ones in a row, apart far enough for float32."""
    return draw.rng.permuted(np.tile(np.arange(n) - n / 2.0, (B, 1)), axis=1)


@hit_and_ndcg.law
def the_rank_decides(candidate, draw):
    """Without ties hit is 1 where the rank is at most top_k and ndcg is 1 / log2(rank + 1) there, else both are 0."""
    for B, n in SHAPES:
        scores, targets = grid(draw, B, n), draw_targets(draw, B, n)
        for top_k in (1, 3, n, n + 5):
            both_agree(candidate(scores, targets, top_k), rank_by_rank(scores, targets, top_k), f" for top_k = {top_k}")


@hit_and_ndcg.law
def every_rank_by_itself(candidate, draw):
    """The item of rank r, for every r from 1 to n: hit falls from 1 to 0 behind top_k, ndcg falls from 1 on."""
    scores, targets = np.tile(-np.arange(9.0), (9, 1)), np.arange(9)
    both_agree(candidate(scores, targets, 5), rank_by_rank(scores, targets, 5))


@hit_and_ndcg.law
def ties_are_shared(candidate, draw):
    """Of items that score the same as the target, each order is as likely: the measures are means over its ranks."""
    scores = np.round(draw(6, 8))
    scores[0], scores[1, ::2] = 1.0, 5.0
    targets = np.array([0, 2, 7, 3, 0, 5])
    for top_k in (1, 2, 4, 8):
        both_agree(candidate(scores, targets, top_k), rank_by_rank(scores, targets, top_k), " with ties")


@hit_and_ndcg.law
def almost_equal_is_no_tie(candidate, draw):
    """Scores that nearly agree stand in one order, and -inf is behind every number, however low."""
    targets = np.array([1, 3, 5])
    for scores in (grid(draw, 3, 6) / 512 - 1000.0, grid(draw, 3, 6) * 1e-9):
        scores[:, 0] = -np.inf
        for top_k in (2, 6):
            want = rank_by_rank(scores, targets, top_k)
            both_agree(candidate(scores, targets, top_k), want, " for nearly equal scores")


@hit_and_ndcg.law
def a_constant_is_a_guess(candidate, draw):
    """A model that gives every item the same score hits top_k / n, wherever the target stands."""
    for place in (0, 4, 9):
        hit, _ = candidate(np.zeros((2, 10)), np.full(2, place), 3)
        agree(hit, np.full(2, 0.3), "hit for equal scores")


@hit_and_ndcg.law
def forbidden_items_stand_last(candidate, draw):
    """Items at -inf stand behind all others; a target among them shares the last ranks."""
    scores = np.where(draw.mask(4, 6), grid(draw, 4, 6), -np.inf)
    targets = np.array([0, 2, 5, 3])
    for top_k in (2, 5):
        both_agree(candidate(scores, targets, top_k), rank_by_rank(scores, targets, top_k), " with items at -inf")


@hit_and_ndcg.law
def no_place_at_all_is_refused(candidate, draw):
    """A top_k below one is refused by an exception."""
    for top_k in (0, -2):
        expect(candidate.refuses(draw(2, 4), np.array([0, 1]), top_k), f"it took top_k = {top_k}")


def own_score(scores, targets):
    """The target's score as a column."""
    return scores[np.arange(len(scores)), targets][:, None]


def by_ranks(ranks, top_k, offset=1.0):
    """Both measures from one rank a query."""
    hit = (ranks <= top_k) * 1.0
    return hit, hit / np.log2(ranks + offset)


@hit_and_ndcg.mutant("optimistic ranks: the target stands before all items of the same score, so a constant wins")
def optimistic(scores, targets, top_k):
    return by_ranks(1 + (scores > own_score(scores, targets)).sum(1), top_k)


@hit_and_ndcg.mutant("pessimistic ranks: the target stands behind all items of the same score")
def pessimistic(scores, targets, top_k):
    return by_ranks((scores >= own_score(scores, targets)).sum(1), top_k)


@hit_and_ndcg.mutant("ties broken by the item's number: who has a low number wins")
def by_number(scores, targets, top_k):
    order = np.argsort(-scores, axis=1, kind="stable")
    return by_ranks(1 + (order == targets[:, None]).argmax(1), top_k)


@hit_and_ndcg.mutant("the middle of the possible ranks instead of the mean over them")
def middle_rank(scores, targets, top_k):
    own = own_score(scores, targets)
    return by_ranks((scores > own).sum(1) + ((scores == own).sum(1) + 1) / 2, top_k)


@hit_and_ndcg.mutant("a ranking from the lowest score up: sorted the wrong way round")
def rising(scores, targets, top_k):
    return rank_by_rank(-scores, targets, top_k)


@hit_and_ndcg.mutant("NDCG with 1 / log2(rank + 2): the rank was counted from 1 and shifted as if from 0")
def discount_shifted(scores, targets, top_k):
    own = own_score(scores, targets)
    better, equal = (scores > own).sum(1, keepdims=True), (scores == own).sum(1, keepdims=True)
    ranks = np.arange(1, scores.shape[1] + 1)
    shares = ((ranks > better) & (ranks <= better + equal) & (ranks <= top_k)) / equal
    return shares.sum(1), shares @ (1 / np.log2(ranks + 2))


@hit_and_ndcg.mutant("the reciprocal rank in the place of NDCG: 1 / rank instead of 1 / log2(rank + 1)")
def reciprocal(scores, targets, top_k):
    own = own_score(scores, targets)
    better, equal = (scores > own).sum(1, keepdims=True), (scores == own).sum(1, keepdims=True)
    ranks = np.arange(1, scores.shape[1] + 1)
    shares = ((ranks > better) & (ranks <= better + equal) & (ranks <= top_k)) / equal
    return shares.sum(1), shares @ (1 / ranks)


@hit_and_ndcg.mutant("NDCG that is never cut off at top_k")
def never_cut(scores, targets, top_k):
    return rank_by_rank(scores, targets, top_k)[0], rank_by_rank(scores, targets, scores.shape[1])[1]


@hit_and_ndcg.mutant("a rank counted from 0: top_k + 1 places count as hits")
def from_zero(scores, targets, top_k):
    hit, ndcg = rank_by_rank(scores, targets, top_k + 1)
    return hit, ndcg


@hit_and_ndcg.mutant("one number for the whole batch instead of one a query")
def averaged(scores, targets, top_k):
    return tuple(measure.mean() for measure in rank_by_rank(scores, targets, top_k))


@hit_and_ndcg.style
def one_query_at_a_time(scores, targets, top_k):
    """Python lists, a loop over queries."""
    if top_k < 1:
        raise IndexError("no places")
    return tuple(list_.astype(np.float32) for list_ in rank_by_rank(scores, targets, top_k))


@hit_and_ndcg.style
def by_sums_of_discounts(scores, targets, top_k):
    """Running sums of the gains, read at the two ends of the tie, in float32."""
    assert top_k > 0
    n = scores.shape[-1]
    gains = np.where(np.arange(n) < top_k, 1 / np.log2(np.arange(n) + 2.0), 0)
    sums = np.concatenate([[0], np.cumsum(gains)])
    own = scores[range(len(targets)), targets]
    low, high = np.sum(own < scores.T, 0), np.sum(own <= scores.T, 0)
    hit = (np.minimum(high, top_k) - np.minimum(low, top_k)) / (high - low)
    return hit.astype(np.float32), ((sums[high] - sums[low]) / (high - low)).astype(np.float32)
