"""Top-k, top-p and min-p: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, softmax_by_loops
from headstart.graders.kit import again, agree, exercise, expect

NEEDS = ("softmax",)

top_k_probabilities = exercise("top_k_probabilities", "sampling", chapter="generation", needs=NEEDS)
top_p_probabilities = exercise("top_p_probabilities", "sampling", chapter="generation", needs=NEEDS)
min_p_probabilities = exercise("min_p_probabilities", "sampling", chapter="generation", needs=NEEDS)

SHAPES = ((6,), (1, 5), (2, 3, 8), (4, 1))


def row_by_row(keep, scores, limit):
    """The softmax of the scores that `keep(list of scores, list of probabilities, limit)` names, row by row."""
    out = np.zeros_like(scores)
    for at in np.ndindex(scores.shape[:-1]):
        row = [float(s) for s in scores[at]]
        stays = keep(row, softmax_by_loops(row), limit)
        out[at] = softmax_by_loops([s if i in stays else -np.inf for i, s in enumerate(row)])
    return out


def best_by_loops(row, p, top_k):
    """Everything that fewer than top_k tokens beat."""
    return {i for i, s in enumerate(row) if sum(other > s for other in row) < top_k}


def nucleus_by_loops(row, p, top_p):
    """Take the most probable token that is left until the total has reached top_p."""
    stays, total, left = set(), 0.0, list(range(len(row)))
    while left and total < top_p:
        best = max(left, key=lambda i: (p[i], -i))
        left.remove(best)
        stays.add(best)
        total += p[best]
    return stays


def near_the_best(row, p, min_p):
    """Everything that is at least min_p times as probable as the best."""
    return {i for i in range(len(row)) if p[i] >= min_p * max(p)}


def forbidden_rows(draw):
    """Scores with some forbidden tokens, a row of one allowed token, and a row with nothing allowed."""
    scores = np.where(draw.mask(4, 6), draw(4, 6), -np.inf)
    scores[1, 1:], scores[2] = -np.inf, -np.inf
    return scores


def far_from_zero(draw):
    """Rows of scores near -2000, 0 and 2000 that float32 holds exactly."""
    return np.round(8 * draw(3, 6)) / 4 + np.array([[-2000.0], [0.0], [2000.0]])


@top_k_probabilities.law
def the_k_best_stay(candidate, draw):
    """The top_k highest scores stay, with the softmax over them, for every shape; a large top_k keeps all."""
    for shape in again(*SHAPES):
        scores = draw(*shape, scale=2.0)
        for top_k in (1, 2, 4, 50):
            agree(candidate(scores, top_k), row_by_row(best_by_loops, scores, top_k), f"top_k = {top_k}: the result")


@top_k_probabilities.law
def ties_stay_together(candidate, draw):
    """Tokens with the same score as the last one that stays all stay."""
    scores = np.array([[2.0, 1.0, 1.0, 1.0, -3.0], [0.0, 0.0, 0.0, 0.0, 0.0]]) + draw(2, 1)
    for top_k in (1, 2, 3):
        agree(candidate(scores, top_k), row_by_row(best_by_loops, scores, top_k), f"top_k = {top_k}: the result")


@top_k_probabilities.law
def forbidden_tokens_do_not_come_back(candidate, draw):
    """A token at -inf keeps probability zero; a row of nothing but -inf gives zeros."""
    scores = forbidden_rows(draw)
    for top_k in (1, 3, 6):
        agree(candidate(scores, top_k), row_by_row(best_by_loops, scores, top_k), f"top_k = {top_k}: the result")


@top_k_probabilities.law
def scores_far_off_are_cut_too(candidate, draw):
    """Scores near -2000 or 2000 are cut like any others: no overflow, and what is cut off stays below all of them."""
    scores = far_from_zero(draw)
    for top_k in (2, 4):
        agree(candidate(scores, top_k), row_by_row(best_by_loops, scores, top_k), f"top_k = {top_k}: the result")


@top_k_probabilities.law
def no_token_at_all_is_refused(candidate, draw):
    """A top_k below one is refused by an exception."""
    for top_k in (0, -1):
        expect(candidate.refuses(draw(5), top_k), f"it took top_k = {top_k}, it should raise ValueError")


@top_p_probabilities.law
def the_nucleus_stays(candidate, draw):
    """The smallest set of most probable tokens that reaches top_p stays, the token that crosses it included."""
    for shape in again(*SHAPES):
        scores = draw(*shape, scale=2.0)
        for top_p in (0.05, 0.5, 0.9, 1.0):
            agree(candidate(scores, top_p), row_by_row(nucleus_by_loops, scores, top_p), f"top_p = {top_p}: the result")


@top_p_probabilities.law
def of_equals_the_first(candidate, draw):
    """Four equal tokens and top_p = 0.5: exactly two stay, those with the lower numbers; likewise among many equals."""
    equal = np.zeros((2, 4)) + draw(2, 1)
    agree(candidate(equal, 0.5), np.tile([0.5, 0.5, 0.0, 0.0], (2, 1)), "the result for four equal tokens")
    many = np.tile([0.0, -1e9, 0.0], 100)  # every third is forbidden; an unstable sort mixes the 200 that are not
    first = np.cumsum(many == 0) <= 51  # 50 hold 0.25: no sum is near the border, in float32 either
    agree(candidate(many, 0.2525), np.where(first & (many == 0), 1 / 51, 0.0), "the result for 200 equal tokens")


@top_p_probabilities.law
def a_sure_model_keeps_one(candidate, draw):
    """A token that holds more than top_p stays alone; whatever top_p is, one stays."""
    scores = draw(3, 6)
    scores[:, 2] += 30.0
    for top_p in (1e-6, 0.5, 0.99):
        agree(candidate(scores, top_p), np.tile(np.eye(6)[2], (3, 1)), f"top_p = {top_p}: the result")


@top_p_probabilities.law
def forbidden_tokens_have_no_share(candidate, draw):
    """A token at -inf keeps probability zero and counts for nothing; a row of nothing but -inf gives zeros."""
    scores = forbidden_rows(draw)
    for top_p in (0.4, 1.0):
        agree(candidate(scores, top_p), row_by_row(nucleus_by_loops, scores, top_p), f"top_p = {top_p}: the result")


@top_p_probabilities.law
def a_nucleus_far_from_zero(candidate, draw):
    """Scores near -2000 or 2000 are cut like any others: no overflow, and what is cut off stays below all of them."""
    scores = far_from_zero(draw)
    for top_p in (0.3, 0.8):
        agree(candidate(scores, top_p), row_by_row(nucleus_by_loops, scores, top_p), f"top_p = {top_p}: the result")


@top_p_probabilities.law
def shares_beyond_all_are_refused(candidate, draw):
    """A top_p of zero, below it or above one is refused by an exception."""
    for top_p in (0.0, -0.5, 1.1, 90.0):
        expect(candidate.refuses(draw(5), top_p), f"it took top_p = {top_p}, it should raise ValueError")


@min_p_probabilities.law
def the_near_best_stay(candidate, draw):
    """A token stays if its probability is at least min_p times the highest one, for every shape."""
    for shape in SHAPES:
        scores = draw(*shape, scale=2.0)
        for min_p in (0.0, 0.05, 0.3, 0.9):
            agree(candidate(scores, min_p), row_by_row(near_the_best, scores, min_p), f"min_p = {min_p}: the result")


@min_p_probabilities.law
def the_bar_moves_with_the_best(candidate, draw):
    """Among many equal tokens all stay, though each is improbable; beside a sure token none of them does."""
    for min_p in (0.1, 1.0):
        agree(candidate(np.zeros(50), min_p), np.full(50, 0.02), "the result for 50 equal tokens")
    agree(candidate(np.array([0.0, -8.0]), 0.0), plain_softmax(np.array([0.0, -8.0])), "min_p = 0: the result")
    agree(candidate(np.append(np.zeros(49), 8.0), 0.1), np.eye(50)[49], "the result beside a sure token")


@min_p_probabilities.law
def nothing_forbidden_returns(candidate, draw):
    """A token at -inf keeps probability zero; a row of nothing but -inf gives zeros."""
    scores = forbidden_rows(draw)
    for min_p in (0.0, 0.3):
        agree(candidate(scores, min_p), row_by_row(near_the_best, scores, min_p), f"min_p = {min_p}: the result")


@min_p_probabilities.law
def a_bar_far_from_zero(candidate, draw):
    """Scores near -2000 or 2000 are cut like any others: no overflow, and what is cut off stays below all of them."""
    scores = far_from_zero(draw)
    for min_p in (0.1, 0.7):
        agree(candidate(scores, min_p), row_by_row(near_the_best, scores, min_p), f"min_p = {min_p}: the result")


@min_p_probabilities.law
def bars_beyond_the_best_are_refused(candidate, draw):
    """A min_p below zero or above one is refused by an exception."""
    for min_p in (-0.1, 1.1):
        expect(candidate.refuses(draw(5), min_p), f"it took min_p = {min_p}, it should raise ValueError")


def kept(scores, stays):
    """Softmax over what stays."""
    return plain_softmax(np.where(stays, scores, -np.inf))


def before(p):
    """The probability that stands before each token in falling order, in the tokens' own order; and that order."""
    order = np.argsort(-p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, -1)
    return np.take_along_axis(ranked.cumsum(-1) - ranked, order.argsort(-1), -1), order


@top_k_probabilities.mutant("top-k that keeps the k lowest scores: sorted the wrong way round")
def k_lowest(scores, top_k):
    return kept(scores, scores <= np.sort(scores, -1)[..., min(top_k, scores.shape[-1]) - 1, None])


@top_k_probabilities.mutant("top-k without the k-th token itself: > where >= belongs")
def k_less_one(scores, top_k):
    return kept(scores, scores > np.sort(scores, -1)[..., -min(top_k, scores.shape[-1]), None])


@top_k_probabilities.mutant("top-k with zero instead of -inf for the scores cut off: zero is a score like any other")
def cut_to_zero(scores, top_k):
    return plain_softmax(np.where(scores >= np.sort(scores, -1)[..., -min(top_k, scores.shape[-1]), None], scores, 0.0))


@top_k_probabilities.mutant("top-k without renormalising: what stays does not sum to one")
def k_not_renormalised(scores, top_k):
    last = np.sort(scores, -1)[..., -min(top_k, scores.shape[-1]), None]
    return np.where(scores >= last, plain_softmax(scores), 0.0)


@top_k_probabilities.mutant("top-k that breaks ties by position: of equal scores only some stay")
def exactly_k(scores, top_k):
    return kept(scores, np.argsort(np.argsort(-scores, -1, kind="stable"), -1) < top_k)


@top_k_probabilities.mutant("the threshold over the whole array instead of row by row")
def one_threshold(scores, top_k):
    return kept(scores, scores >= np.sort(scores, axis=None)[-min(top_k, scores.shape[-1])])


@top_p_probabilities.mutant("top-p without the token that crosses top_p: too few stay, or none")
def crossing_lost(scores, top_p):
    p = plain_softmax(scores)
    return kept(scores, before(p)[0] + p <= top_p)


@top_p_probabilities.mutant(
    "a fixed threshold: tokens with p >= 1 - top_p instead of the smallest set that holds top_p"
)
def fixed_threshold(scores, top_p):
    return kept(scores, plain_softmax(scores) >= 1.0 - top_p)


@top_p_probabilities.mutant("the mask in sorted order, put on tokens in their own order: the sort was not undone")
def not_unsorted(scores, top_p):
    ranked = -np.sort(-plain_softmax(scores), -1)
    return kept(scores, ranked.cumsum(-1) - ranked < top_p)


@top_p_probabilities.mutant("a nucleus filled from the least probable token on: sorted the wrong way round")
def rising_order(scores, top_p):
    p = plain_softmax(scores)
    order = np.argsort(p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, -1)
    return kept(scores, np.take_along_axis(ranked.cumsum(-1) - ranked < top_p, order.argsort(-1), -1))


@top_p_probabilities.mutant("top-p without renormalising: what stays does not sum to one")
def p_not_renormalised(scores, top_p):
    p = plain_softmax(scores)
    return np.where(before(p)[0] < top_p, p, 0.0)


@top_p_probabilities.mutant("running sums in the tokens' own order: never sorted")
def never_sorted(scores, top_p):
    p = plain_softmax(scores)
    return kept(scores, p.cumsum(-1) - p < top_p)


@min_p_probabilities.mutant("an absolute bar: p >= min_p instead of min_p times the highest probability")
def absolute_bar(scores, min_p):
    return kept(scores, plain_softmax(scores) >= min_p)


@min_p_probabilities.mutant("min_p times the highest score instead of the highest probability")
def bar_on_scores(scores, min_p):
    return kept(scores, scores >= min_p * scores.max(-1, keepdims=True))


@min_p_probabilities.mutant("the bar from the highest probability of the whole array instead of the row's")
def bar_of_all_rows(scores, min_p):
    p = plain_softmax(scores)
    return kept(scores, p >= min_p * p.max())


@min_p_probabilities.mutant("min-p without renormalising: what stays does not sum to one")
def bar_not_renormalised(scores, min_p):
    p = plain_softmax(scores)
    return np.where(p >= min_p * p.max(-1, keepdims=True), p, 0.0)


@min_p_probabilities.mutant("the improbable tokens kept and the probable ones cut off")
def below_the_bar(scores, min_p):
    p = plain_softmax(scores)
    return kept(scores, p < min_p * p.max(-1, keepdims=True))


@top_k_probabilities.style
def k_by_renormalising(scores, top_k):
    """Probabilities first, cut, then divided by what is left."""
    assert top_k > 0, "no token would stay"
    p = plain_softmax(scores)
    last = np.partition(p, -min(top_k, p.shape[-1]), axis=-1)[..., -min(top_k, p.shape[-1])]
    p = p * (p >= last[..., None])
    return p / np.maximum(p.sum(-1, keepdims=True), 1e-30)


@top_p_probabilities.style
def p_row_by_row(scores, top_p):
    """A loop over rows that adds tokens until it is enough."""
    if top_p <= 0 or top_p > 1:
        raise ValueError("top_p out of range")
    out = np.zeros_like(scores)
    for at in np.ndindex(scores.shape[:-1]):
        p, total = plain_softmax(scores[at]), 0.0
        for i in np.argsort(-p, kind="stable"):
            if total < top_p:
                out[at][i] = p[i]
                total += p[i]
    return out / np.where(out.sum(-1, keepdims=True) == 0, 1, out.sum(-1, keepdims=True))


@min_p_probabilities.style
def bar_by_logarithms(scores, min_p):
    """Scores compared with the highest score plus log(min_p), and a finite mask."""
    if not 0 <= min_p <= 1:
        raise ValueError("min_p out of range")
    top = scores.max(-1, keepdims=True)
    low = top - 1e9 if min_p == 0 else top + np.log(min_p)
    p = plain_softmax(np.where(scores >= np.maximum(low, -1e30), scores, -np.inf))
    return p * (scores > -1e30)
