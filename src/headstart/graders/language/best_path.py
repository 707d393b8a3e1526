"""The best allowed sequence of tags: laws, known mistakes, accepted styles."""

import itertools

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.language.transitions import transitions_by_words

viterbi = exercise("viterbi", "tagging", chapter="language", wings=("in_numpy",))


def is_allowed(path, allowed):
    """Whether every step is allowed, the first one from tag 0."""
    return all(allowed[a, b] for a, b in itertools.pairwise([0, *path]))


def best_of_all(scores, allowed):
    """Try every sequence of tags."""
    T, n = scores.shape
    paths = [path for path in itertools.product(range(n), repeat=T) if is_allowed(path, allowed)]
    return np.array(max(paths, key=lambda path: sum(scores[t, tag] for t, tag in enumerate(path))))


def draw_allowed(draw, n):
    """A table in which about half the steps are forbidden, and tag 0 may follow everything."""
    allowed = draw.rng.random((n, n)) < 0.5
    allowed[:, 0] = True
    return allowed


def same_tags(got, want):
    """Raise Broken unless the same tags, as whole numbers, were chosen."""
    got = np.asarray(got)
    expect(got.dtype.kind in "iu", f"the tags are {got.dtype}, they should be whole numbers")
    agree(got, want, "the tags")


@viterbi.law
def the_best_of_all(candidate, draw):
    """No allowed sequence has a higher sum of scores: all are tried."""
    for T, n in ((4, 3), (1, 4), (5, 2), (3, 5), (4, 3)):
        scores, allowed = draw(T, n, scale=2.0), draw_allowed(draw, n)
        same_tags(candidate(scores, allowed), best_of_all(scores, allowed))


@viterbi.law
def tags_of_spans(candidate, draw):
    """With the transitions of BIO tags, I comes only behind its own type, however well it scores."""
    allowed = transitions_by_words(1)
    for scale in (1.0, 1.0, 300.0):
        scores = scale * (draw(4, 3) - 4.0)  # far below zero: what is forbidden is worse than any sum
        scores[:, 2] += 3.0 * scale  # every token looks like an I
        same_tags(candidate(scores, allowed), best_of_all(scores, allowed))


@viterbi.law
def the_first_tag_too(candidate, draw):
    """The first tag must be one that may follow tag 0, in a text of one token as well."""
    allowed = transitions_by_words(2)
    for T in (1, 2):
        scores = draw(T, 5)
        scores[0, [2, 4]] += 9.0
        same_tags(candidate(scores, allowed), best_of_all(scores, allowed))


@viterbi.law
def looking_ahead(candidate, draw):
    """A worse tag now is taken where it opens the way to a better sum later."""
    allowed = np.array([[True, True, True], [True, True, False], [True, False, True]])
    scores = np.array([[0.0, 2.0, 1.0], [-9.0, 0.0, 1.0], [-9.0, 0.0, 5.0]]) + 0.1 * draw(3, 3)
    same_tags(candidate(scores, allowed), np.array([2, 2, 2]))
    alone = np.ones((4, 4), dtype=bool)  # tag 2 stays among itself
    alone[1:4, 2] = alone[2, 1:4] = False, True, False
    scores = np.tile([-30.0, 1.0, 0.0, 1.0], (9, 1)) + 0.1 * draw(9, 4)
    scores[-1, 2] += 20.0  # until then hundreds of ways are better
    same_tags(candidate(scores, alone), np.full(9, 2))


@viterbi.law
def all_allowed_is_argmax(candidate, draw):
    """With everything allowed each token gets its best tag; numbers added to a row change nothing."""
    scores = draw(7, 4)
    for shift in (0.0, -50.0 * np.arange(7)[:, None]):
        same_tags(candidate(scores + shift, np.ones((4, 4), dtype=bool)), scores.argmax(axis=1))


@viterbi.law
def long_texts_too(candidate, draw):
    """A text of 60 tokens is decoded as well, where nobody can try all sequences."""
    scores, allowed = draw(60, 4, scale=2.0), draw_allowed(draw, 4)
    to_come = np.zeros(4)  # the best sum that can follow each tag, from the last token backwards
    for row in scores[:0:-1]:
        to_come = np.array([max(row[j] + to_come[j] for j in range(4) if allowed[i, j]) for i in range(4)])
    want = max(scores[0, j] + to_come[j] for j in range(4) if allowed[0, j])
    tags = np.asarray(candidate(scores, allowed))
    expect(tags.shape == (60,) and tags.dtype.kind in "iu", "the tags should be 60 whole numbers")
    expect(((tags >= 0) & (tags < 4)).all() and is_allowed(tags, allowed), "the tags take a step that is not allowed")
    agree(scores[np.arange(60), tags].sum(), want, "the sum of the scores along the tags")


def decoded(scores, allowed, first=True, back=True):
    """The right decoding, or one without the first step's rule or without going back."""
    best = np.where(allowed[0], scores[0], -np.inf) if first else scores[0]
    pointers, ends = [], [int(best.argmax())]
    for row in scores[1:]:
        ways = np.where(allowed, best[:, None], -np.inf)
        pointers.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + row
        ends.append(int(best.argmax()))
    path = [ends[-1]]
    for pointer in reversed(pointers):
        path.append(int(pointer[path[-1]]))
    return np.array(path[::-1]) if back else np.array(ends)


@viterbi.mutant("the best tag of each token alone: the table of transitions is not used")
def argmax_alone(scores, allowed):
    return scores.argmax(axis=1)


@viterbi.mutant("the best allowed tag after the one just chosen: greedy, it never looks ahead")
def greedy(scores, allowed):
    tags, last = [], 0
    for row in scores:
        last = int(np.where(allowed[last], row, -np.inf).argmax())
        tags.append(last)
    return np.array(tags)


@viterbi.mutant("Viterbi with the table transposed: steps are allowed backwards")
def steps_backwards(scores, allowed):
    return decoded(scores, allowed.T)


@viterbi.mutant("Viterbi in which a text may begin with any tag")
def any_beginning(scores, allowed):
    return decoded(scores, allowed, first=False)


@viterbi.mutant("the best end of every prefix, without going back along the pointers: not one path")
def no_backtracking(scores, allowed):
    return decoded(scores, allowed, back=False)


@viterbi.mutant("Viterbi whose path is left in the order of going back: last token first")
def left_reversed(scores, allowed):
    return decoded(scores, allowed)[::-1]


@viterbi.mutant("the allowed sequence with the lowest sum")
def the_worst(scores, allowed):
    return decoded(-scores, allowed)


@viterbi.mutant("Viterbi with the mask inverted: only forbidden steps are taken")
def only_the_forbidden(scores, allowed):
    return decoded(scores, ~allowed)


@viterbi.style
def whole_paths_kept(scores, allowed):
    """For each tag the best path that ends in it, kept as a list, with a finite penalty."""
    paths = [([j], float(scores[0, j]) - 1e6 * (not allowed[0, j])) for j in range(scores.shape[1])]
    for row in scores[1:]:
        paths = [
            max(
                (([*path, j], total + float(row[j]) - 1e6 * (not allowed[path[-1], j])) for path, total in paths),
                key=lambda way: way[1],
            )
            for j in range(len(row))
        ]
    return np.array(max(paths, key=lambda way: way[1])[0])


@viterbi.style
def from_the_back(scores, allowed):
    """The best sum still to come, from the last token to the first; then a walk forwards."""
    penalty = np.where(allowed, 0.0, -1e6).astype(np.float32)
    to_come = np.zeros_like(scores, dtype=np.float32)
    for t in range(len(scores) - 2, -1, -1):
        to_come[t] = (penalty + scores[t + 1] + to_come[t + 1]).max(axis=1)
    tags, last = [], 0
    for t, row in enumerate(scores):
        last = int((penalty[last] + row + to_come[t]).argmax())
        tags.append(last)
    return np.array(tags)
