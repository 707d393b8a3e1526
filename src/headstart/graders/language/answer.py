"""The answer's span: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

best_span = exercise("best_span", "language", wings=("in_numpy",))


def span_by_loops(start_scores, end_scores, passage, max_length):
    """Try every pair, for each text."""
    passage = np.broadcast_to(passage, start_scores.shape)
    out = np.zeros((*start_scores.shape[:-1], 2), dtype=int)
    for at in np.ndindex(start_scores.shape[:-1]):
        best = -np.inf
        for i in range(start_scores.shape[-1]):
            for j in range(i, min(i + max_length, start_scores.shape[-1])):
                total = start_scores[at][i] + end_scores[at][j]
                if passage[at][i] and passage[at][j] and total > best:
                    best, out[at] = total, (i, j)
    return out


def draw_passages(draw, lead, T):
    """Scores of first and last tokens, and for each text the run of tokens that is its passage."""
    begin = draw.rng.integers(0, T // 2 + 1, size=lead)[..., None]
    end = T - draw.rng.integers(0, (T - 1) // 2 + 1, size=lead)[..., None]
    place = np.arange(T)
    return draw(*lead, T, scale=2.0), draw(*lead, T, scale=2.0), (place >= begin) & (place < np.maximum(end, begin + 1))


def same_span(got, want, what):
    """Raise Broken unless the same tokens, as whole numbers, were chosen."""
    got = np.asarray(got)
    expect(got.dtype.kind in "iu", f"{what} is {got.dtype}, it should be whole numbers")
    agree(got, want, what)


@best_span.law
def the_best_pair(candidate, draw):
    """No allowed pair of first and last token has a higher sum of scores, for every shape and every longest answer."""
    for lead, T in (((), 6), ((1,), 5), ((2, 3), 7), ((3,), 1), ((4,), 8)):
        inputs = draw_passages(draw, lead, T)
        for max_length in (1, 3, T + 2):
            what = f"scores {inputs[0].shape}, max_length = {max_length}: the span"
            same_span(candidate(*inputs, max_length), span_by_loops(*inputs, max_length), what)


@best_span.law
def the_end_does_not_come_first(candidate, draw):
    """Where the best end stands before the best start, the best pair in the right order is taken."""
    start, end = 0.1 * draw(6), 0.1 * draw(6)
    start[4] += 5.0
    end[1] += 5.0
    end[5] += 4.0
    same_span(candidate(start, end, np.ones(6, dtype=bool), 6), np.array([4, 5]), "the span")
    start, end = start + np.array([4.8, 0, 0, 0, 0, 0]), end - np.array([0, 0, 0, 0, 0, 4.0])
    same_span(candidate(start, end, np.ones(6, dtype=bool), 6), np.array([0, 1]), "the span")


@best_span.law
def nothing_outside_the_passage(candidate, draw):
    """Question and padding hold no answer, however well they score; a passage of one token is its own answer."""
    start, end, passage = draw(2, 7), draw(2, 7), np.array([[False, False, True, True, True, True, False]] * 2)
    start[:, :2] += 20.0
    end[:, 6] += 20.0
    same_span(candidate(start, end, passage, 3), span_by_loops(start, end, passage, 3), "the span")
    same_span(candidate(start, end, np.arange(7) == np.array([[3], [5]]), 3), np.array([[3, 3], [5, 5]]), "the span")


@best_span.law
def both_ends_are_counted(candidate, draw):
    """An answer of max_length tokens is allowed, one of max_length + 1 is not."""
    start, end = np.zeros(6) + 0.01 * draw(6), np.zeros(6) + 0.01 * draw(6)
    start[1], end[3], end[2] = 9.0, 9.0, 8.0
    for max_length, last in ((3, 3), (2, 2), (5, 3)):
        got = candidate(start, end, np.ones(6, dtype=bool), max_length)
        same_span(got, np.array([1, last]), f"max_length = {max_length}: the span")


@best_span.law
def a_shift_changes_nothing(candidate, draw):
    """Numbers added to all start scores, or to all end scores, change nothing: sums below zero are compared too."""
    start, end, passage = draw_passages(draw, (3,), 6)
    want = span_by_loops(start, end, passage, 3)
    for shift in (-40.0, 40.0):
        same_span(candidate(start + shift, end, passage, 3), want, f"{shift:+g} on the start scores: the span")
        same_span(candidate(start, end + shift, passage, 3), want, f"{shift:+g} on the end scores: the span")
    same_span(candidate(300 * (start - 9), 300 * (end - 9), passage, 3), want, "scores far below zero: the span")


@best_span.law
def good_pairs_of_middling_scores(candidate, draw):
    """The best pair is found where each of its tokens alone is far from the best start and the best end."""
    slope = np.arange(60.0)
    start, end = slope + draw(60), draw(60) - slope  # starts get better and ends worse: the best ones do not meet
    inputs = start, end, np.ones(60, dtype=bool), 4
    same_span(candidate(*inputs), span_by_loops(*inputs), "the span among 60 tokens")


@best_span.law
def an_answer_has_a_token(candidate, draw):
    """A max_length below one is refused by an exception."""
    for max_length in (0, -2):
        refused = candidate.refuses(draw(4), draw(4), np.ones(4, dtype=bool), max_length)
        expect(refused, f"it took max_length = {max_length}, it should raise ValueError")


def chosen(start, end, rule, combine=np.add, blocked=-np.inf):
    """The best pair under a rule over (first, last) places, a table or a stack of tables."""
    T = start.shape[-1]
    i, j = np.arange(T)[:, None], np.arange(T)[None]
    scores = np.where(rule(i, j), combine(start[..., :, None], end[..., None, :]), blocked)
    return np.stack(np.divmod(scores.reshape(*scores.shape[:-2], -1).argmax(-1), T), -1)


def inside(passage):
    """Both tokens in the passage."""
    return passage[..., :, None] & passage[..., None, :]


@best_span.mutant("best start and best end chosen apart: the end may come before the start")
def chosen_apart(start_scores, end_scores, passage, max_length):
    picks = [np.where(passage, scores, -np.inf).argmax(-1) for scores in (start_scores, end_scores)]
    return np.stack(picks, -1)


@best_span.mutant("the best start first, then the best end behind it: greedy")
def start_first(start_scores, end_scores, passage, max_length):
    first = np.where(passage, start_scores, -np.inf).argmax(-1)[..., None]
    ahead = np.arange(start_scores.shape[-1]) - first
    ends = np.where(passage & (ahead >= 0) & (ahead < max_length), end_scores, -np.inf)
    return np.stack([first[..., 0], ends.argmax(-1)], -1)


@best_span.mutant("the best pair of any length: max_length is not used")
def any_length(start_scores, end_scores, passage, max_length):
    return chosen(start_scores, end_scores, lambda i, j: (j >= i) & inside(passage))


@best_span.mutant("one token more than max_length allowed: last - first <= max_length")
def one_too_long(start_scores, end_scores, passage, max_length):
    return chosen(start_scores, end_scores, lambda i, j: (j >= i) & (j - i <= max_length) & inside(passage))


@best_span.mutant("answers of one token forbidden: last > first where last >= first belongs")
def two_at_least(start_scores, end_scores, passage, max_length):
    return chosen(start_scores, end_scores, lambda i, j: (j > i) & (j - i < max_length) & inside(passage))


@best_span.mutant("the best pair of the 20 best starts and the 20 best ends: in a long text these may not meet")
def among_the_twenty_best(start_scores, end_scores, passage, max_length):
    start, end = (np.where(passage, s, -np.inf) for s in (start_scores, end_scores))
    start, end = (np.where(s >= np.sort(s)[..., -20:][..., :1], s, -np.inf) for s in (start, end))
    return chosen(start, end, lambda i, j: (j >= i) & (j - i < max_length) & inside(passage))


@best_span.mutant("the answer sought in question and padding too: the passage is not used")
def anywhere(start_scores, end_scores, passage, max_length):
    return chosen(start_scores, end_scores, lambda i, j: (j >= i) & (j - i < max_length))


@best_span.mutant("the product of the scores instead of their sum: two bad scores make a good pair")
def product_of_scores(start_scores, end_scores, passage, max_length):
    return chosen(
        start_scores, end_scores, lambda i, j: (j >= i) & (j - i < max_length) & inside(passage), combine=np.multiply
    )


@best_span.mutant("forbidden pairs given the score zero: they beat every pair below zero")
def zero_for_forbidden(start_scores, end_scores, passage, max_length):
    rule = lambda i, j: (j >= i) & (j - i < max_length) & inside(passage)  # noqa: E731
    return chosen(start_scores, end_scores, rule, blocked=0.0)


@best_span.mutant("start and end exchanged")
def exchanged(start_scores, end_scores, passage, max_length):
    return span_by_loops(end_scores, start_scores, passage, max_length)


@best_span.style
def by_shifting(start_scores, end_scores, passage, max_length):
    """A loop over lengths, with float32 and a finite mask."""
    if max_length < 1:
        raise ValueError("max_length")
    start, end = (np.where(passage, s, -1e9).astype(np.float32) for s in (start_scores, end_scores))
    T = start.shape[-1]
    sums = np.full((*start.shape, T), -np.inf, np.float32)
    for n in range(min(max_length, T)):
        sums[..., n, : T - n] = start[..., : T - n] + end[..., n:]
    more, first = np.unravel_index(sums.reshape(*start.shape[:-1], -1).argmax(-1), (T, T))
    return np.stack([first, first + more], -1).astype(np.int32)
