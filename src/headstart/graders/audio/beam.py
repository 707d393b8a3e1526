"""Prefix beam search: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.audio.witness import draw_log_probs, same_labels, spelled, sums_over_paths
from headstart.graders.kit import agree, exercise, expect

prefix_beam_search = exercise("prefix_beam_search", "ctc", chapter="audio", wings=("in_numpy",))

WIDE = 1000  # more prefixes than there are


def by_sums(log_probs, beam, blank=0, *, counts_repeats=True, sums=True, kept=None):
    """The search in probabilities, rescaled in each frame, with (wrong) parts: (labels, log of their sum)."""
    if beam < 1:
        raise ValueError("an empty beam")
    alive = {(): (1.0, 0.0)}  # ends in a blank, ends in a label
    for frame in np.exp(log_probs - log_probs.max(-1, keepdims=True)):
        grown = {}
        for prefix, (rest, held) in alive.items():
            for symbol, p in enumerate(frame):
                if symbol == blank:
                    moves = [(prefix, 0, (rest + held) * p)]
                elif prefix and symbol == prefix[-1] and counts_repeats:
                    moves = [(prefix, 1, held * p), ((*prefix, symbol), 1, rest * p)]
                else:
                    moves = [((*prefix, symbol), 1, (rest + held) * p)]
                for longer, ending, gain in moves:
                    pair = grown.setdefault(longer, [0.0, 0.0])
                    pair[ending] = pair[ending] + gain if sums else max(pair[ending], gain)
        order = sorted(grown, key=lambda prefix: -sum(grown[prefix]))
        alive = {prefix: grown[prefix] for prefix in order[: kept or beam]}
    best = max(alive, key=lambda prefix: sum(alive[prefix]))
    return best, math.log(sum(alive[best])) + log_probs.max(-1).sum()


def pair(got):
    """The two parts of a candidate's result."""
    expect(isinstance(got, tuple | list) and len(got) == 2, "the result is not (labels, log of their sum)")
    return got


@prefix_beam_search.law
def a_wide_beam_is_exact(candidate, draw):
    """With every prefix in the beam it finds the labels with the highest sum over all paths, and that sum."""
    for T, n_symbols, blank in ((5, 3, 0), (4, 3, 2), (3, 4, 1), (1, 3, 0)):
        log_probs = draw_log_probs(draw, T, n_symbols, sharp=0.7)
        sums = sums_over_paths(log_probs, blank)
        labels, score = pair(candidate(log_probs, WIDE, blank))
        best = max(sums, key=sums.get)
        same_labels(labels, best, f"the most probable labels of {T} frames, blank {blank},")
        agree(score, math.log(sums[best]), "the log of their sum")


@prefix_beam_search.law
def many_paths_beat_the_best_one(candidate, draw):
    """Where the best path spells nothing but many paths spell one label, the label is found, and greedy is not."""
    p = float(draw.rng.uniform(0.36, 0.46))
    log_probs = np.log(np.array([[1 - p - 0.02, p, 0.02]] * 2))
    labels, score = pair(candidate(log_probs, 3))
    same_labels(labels, (1,), f"the labels of two frames with a blank of {0.98 - p:.2f} and a label of {p:.2f}")
    agree(score, math.log(p * p + 2 * p * (0.98 - p)), "the log of the sum of its three paths")


@prefix_beam_search.law
def the_beam_keeps_the_best_prefixes(candidate, draw):
    """After each frame the `beam` prefixes with the highest sums, both endings together, are kept, and no others."""
    for beam in (1, 2, 3, 5):
        log_probs = draw_log_probs(draw, 9, 4, sharp=0.8)
        labels, score = pair(candidate(log_probs, beam))
        want, total = by_sums(log_probs, beam)
        same_labels(labels, want, f"the labels found with a beam of {beam}")
        agree(score, total, f"the log of their sum with a beam of {beam}")


@prefix_beam_search.law
def equal_labels_need_a_rest(candidate, draw):
    """A label that is held is one label; with a blank in between it is two."""
    sure = np.log(np.full((3, 3), 0.01) + np.array([[0, 0.9, 0], [0.9, 0, 0], [0, 0.9, 0]]))
    same_labels(pair(candidate(sure, 4))[0], (1, 1), "what label, blank, label spells")
    same_labels(pair(candidate(sure[[0, 2, 2]], 4))[0], (1,), "what a label held for three frames spells")
    same_labels(pair(candidate(sure[[1, 1]], 4))[0], (), "what blanks alone spell")
    many = np.log(np.full((3, 12), 0.01) + 0.88 * np.eye(12)[[11, 1, 11]])
    same_labels(pair(candidate(many, 4))[0], (11, 1, 11), "what the labels 11, 1 and 11 spell")


@prefix_beam_search.law
def long_sequences_do_not_vanish(candidate, draw):
    """Where no symbol is likely, exp(-40) at best in 25 frames, probabilities underflow and logarithms do not."""
    log_probs = np.full((25, 3), -42.0)
    log_probs[:, 0] = -40.0
    labels, score = pair(candidate(log_probs, 1))
    same_labels(labels, (), "the labels of 25 frames without a likely symbol, beam 1")
    agree(score, -1000.0, "the log of the only path that a beam of one holds")


@prefix_beam_search.law
def at_least_one_prefix(candidate, draw):
    """A beam of no prefix is refused by an exception."""
    for beam in (0, -1):
        expect(candidate.refuses(draw_log_probs(draw, 3, 3), beam), f"it took a beam of {beam}")


def mistaken(diagnosis):
    """Register a wrong answer that returns labels as a tuple and a number."""

    def register(function):
        def answer(log_probs, beam, blank=0):
            labels, score = function(log_probs, beam, blank)
            return np.array(labels, dtype=int), score

        answer.__name__ = function.__name__
        prefix_beam_search.mutant(diagnosis)(answer)
        return function

    return register


@mistaken("greedy decoding: the best path, with that one path's probability")
def best_path(log_probs, beam, blank):
    if beam < 1:
        raise ValueError("an empty beam")
    return spelled(log_probs.argmax(-1).tolist(), blank), log_probs.max(-1).sum()


@mistaken("a search for the best path of each prefix: a maximum where the paths should be added up")
def best_path_of_each_prefix(log_probs, beam, blank):
    return by_sums(log_probs, beam, blank, sums=False)


@mistaken("a search that writes a held label again in every frame: repeats are not merged")
def held_is_written_again(log_probs, beam, blank):
    return by_sums(log_probs, beam, blank, counts_repeats=False)


@mistaken("a search with one sum a prefix: it cannot tell a held label from a second one, and never writes it twice")
def one_sum_a_prefix(log_probs, beam, blank):
    if beam < 1:
        raise ValueError("an empty beam")
    alive = {(): 0.0}
    for frame in log_probs:
        grown = {}
        for prefix, total in alive.items():
            for symbol, p in enumerate(frame):
                longer = prefix if symbol == blank or prefix[-1:] == (symbol,) else (*prefix, symbol)
                grown[longer] = np.logaddexp(grown.get(longer, -np.inf), total + p)
        alive = {prefix: grown[prefix] for prefix in sorted(grown, key=grown.get)[-beam:]}
    best = max(alive, key=alive.get)
    return best, alive[best]


@mistaken("a search that ignores its beam and keeps every prefix")
def beam_ignored(log_probs, beam, blank):
    return by_sums(log_probs, beam, blank, kept=200)


@mistaken("a search with a beam that is one prefix too narrow")
def beam_too_narrow(log_probs, beam, blank):
    return by_sums(log_probs, beam, blank, kept=max(beam - 1, 1))


@mistaken("a search with a probability where the logarithm of it was asked for")
def sum_without_log(log_probs, beam, blank):
    labels, score = by_sums(log_probs, beam, blank)
    return labels, math.exp(score)


@mistaken("a search with the blank taken to be symbol 0 whatever it is")
def zero_for_blank(log_probs, beam, blank):
    return by_sums(log_probs, beam, 0)


@prefix_beam_search.style
def two_dictionaries(log_probs, beam, blank=0):
    """Log-sums of both endings in two dictionaries, as the algorithm is mostly printed; a list of labels."""
    assert beam >= 1
    never = -math.inf
    rest, held = {(): 0.0}, {(): never}
    for frame in log_probs.tolist():
        new_rest, new_held = {}, {}

        def add(sums, prefix, value):
            sums[prefix] = float(np.logaddexp(sums.get(prefix, never), value))

        for prefix in rest:
            both = float(np.logaddexp(rest[prefix], held[prefix]))
            add(new_rest, prefix, both + frame[blank])
            for symbol, p in enumerate(frame):
                if symbol == blank:
                    continue
                again = prefix[-1:] == (symbol,)
                add(new_held, (*prefix, symbol), (rest[prefix] if again else both) + p)
                if again:
                    add(new_held, prefix, held[prefix] + p)
        totals = {
            x: float(np.logaddexp(new_rest.get(x, never), new_held.get(x, never))) for x in {**new_rest, **new_held}
        }
        kept = sorted(totals, key=lambda prefix: -totals[prefix])[:beam]
        rest, held = ({x: sums.get(x, never) for x in kept} for sums in (new_rest, new_held))
    return list(kept[0]), totals[kept[0]]
