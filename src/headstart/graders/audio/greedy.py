"""Greedy decoding: laws, known mistakes, accepted styles."""

import itertools

import numpy as np

from headstart.graders.audio.witness import draw_log_probs, same_labels, spelled
from headstart.graders.kit import exercise

greedy_decode = exercise("greedy_decode", "ctc", chapter="audio", wings=("in_numpy",))

PATHS = (
    [1, 1, 0, 1],
    [0, 2, 2, 1],
    [0, 0, 2, 2, 0],
    [1, 2, 1],
    [0, 0],
    [3],
    [2, 2, 0, 0, 2, 3, 3, 0, 3],
    [1, 0, 1, 0, 0, 1, 2],
)


def scores_for(path, draw, n_symbols=4):
    """Log-probabilities whose best symbols are the path."""
    scores = draw(len(path), n_symbols)
    scores[np.arange(len(path)), path] = scores.max(-1) + 0.5
    return scores - np.log(np.exp(scores).sum(-1, keepdims=True))


@greedy_decode.law
def merged_then_dropped(candidate, draw):
    """Repeats are merged first and blanks dropped after: a blank between two equal labels keeps both."""
    for path in PATHS:
        same_labels(candidate(scores_for(path, draw)), spelled(path, 0), f"what the best path {path} spells")
    path = [257, 1, 1, 0, 257, 257, 1]
    same_labels(candidate(scores_for(path, draw, 300)), spelled(path, 0), f"what the path {path} of 300 symbols spells")


@greedy_decode.law
def any_symbol_may_be_the_blank(candidate, draw):
    """The blank is the symbol that the argument names, the last one for instance."""
    for path in PATHS:
        for blank in (1, 3):
            what = f"what the best path {path} spells with the blank {blank}"
            same_labels(candidate(scores_for(path, draw), blank), spelled(path, blank), what)


@greedy_decode.law
def follows_the_best_symbol(candidate, draw):
    """On random scores it spells the path of each frame's best symbol, whatever the scale of the scores."""
    log_probs = draw_log_probs(draw, 40, 3)
    want = spelled(log_probs.argmax(-1).tolist(), 0)
    same_labels(candidate(log_probs), want, "what 40 random frames spell")
    same_labels(candidate(np.exp(log_probs)), want, "what they spell with probabilities for log-probabilities")
    same_labels(candidate(5.0 + 1e4 * log_probs), want, "what they spell with other scores")


def mistaken(diagnosis):
    """Register a wrong answer given as a function of (best path, blank)."""

    def register(rule):
        def answer(log_probs, blank=0):
            return np.array(list(rule(log_probs.argmax(-1).tolist(), blank)), dtype=int)

        answer.__name__ = rule.__name__
        greedy_decode.mutant(diagnosis)(answer)
        return rule

    return register


@mistaken("labels with the blanks dropped first and repeats merged after: no label can be said twice in a row")
def dropped_then_merged(path, blank):
    return spelled([symbol for symbol in path if symbol != blank], None)


@mistaken("labels without the blanks, repeats still in them")
def not_merged(path, blank):
    return [symbol for symbol in path if symbol != blank]


@mistaken("labels with repeats merged and the blanks still in them")
def not_dropped(path, blank):
    return spelled(path, None)


@mistaken("the best path itself, one symbol a frame")
def path_itself(path, blank):
    return path


@mistaken("each label once: a set of those that occur, in the order in which they come")
def each_label_once(path, blank):
    return dict.fromkeys(symbol for symbol in path if symbol != blank)


@mistaken("labels without the one that the first frame begins")
def first_frame_lost(path, blank):
    return [b for a, b in itertools.pairwise(path) if a != b and b != blank]


@mistaken("labels decoded with symbol 0 for the blank, whatever the argument says")
def zero_is_blank(path, blank):
    return spelled(path, 0)


@mistaken("labels out of a text of digits: symbols from 10 on fall apart")
def digit_by_digit(path, blank):
    text = spelled("".join(map(str, path)), None)
    return [int(digit) for digit in text if digit != str(blank)]


@greedy_decode.style
def frame_by_frame(log_probs, blank=0):
    """A loop that remembers the last symbol; a list of numbers."""
    labels, last = [], None
    for frame in log_probs:
        symbol = int(np.argmax(frame))
        if symbol not in (last, blank):
            labels.append(symbol)
        last = symbol
    return labels


@greedy_decode.style
def by_mask(log_probs, blank=0):
    """A boolean mask made of two comparisons, numbers in int32."""
    best = np.argmax(log_probs, axis=1).astype(np.int32)
    new = np.ones(len(best), dtype=bool)
    new[1:] = best[1:] != best[:-1]
    return best[np.logical_and(new, best != blank)]
