"""What the laws of CTC share: every path listed, what it spells, and random log-probabilities."""

import itertools
import math
from functools import cache

import numpy as np

from headstart.graders.kit import Broken, expect


def draw_log_probs(draw, T, n_symbols, sharp=1.5):
    """Log-probabilities for each frame."""
    scores = draw(T, n_symbols, scale=sharp)
    return scores - np.log(np.exp(scores).sum(-1, keepdims=True))


def spelled(path, blank):
    """What a path spells: repeats merged, then blanks dropped."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


@cache
def paths_of(T, n_symbols, blank):
    """Every path of T symbols, (n_symbols^T, T), and what each spells."""
    paths = list(itertools.product(range(n_symbols), repeat=T))
    return np.array(paths), [spelled(path, blank) for path in paths]


def sums_over_paths(log_probs, blank):
    """The probability of every sequence of labels, by listing all paths: {labels: probability}."""
    T, n_symbols = log_probs.shape
    paths, words = paths_of(T, n_symbols, blank)
    sums = {}
    for word, p in zip(words, np.exp(log_probs[np.arange(T), paths].sum(-1)).tolist(), strict=True):
        sums[word] = sums.get(word, 0.0) + p
    return sums


def loss_over_paths(log_probs, labels, blank=0):
    """CTC's loss by listing all paths."""
    p = sums_over_paths(log_probs, blank).get(tuple(int(label) for label in labels), 0.0)
    return -math.log(p) if p > 0 else math.inf


def same_labels(got, want, what):
    """Raise Broken unless got, an array or a list of whole numbers, holds the same labels."""
    expect(isinstance(got, np.ndarray | list | tuple), f"{what} is a {type(got).__name__}, it should be an array")
    labels = np.asarray(got)
    whole = labels.ndim == 1 and (labels.dtype.kind in "iu" or labels.size == 0)
    expect(whole, f"{what} is an array of {labels.dtype} of shape {labels.shape}, it should be a row of whole numbers")
    if labels.tolist() != list(want):
        raise Broken(f"{what} is {labels.tolist()}, it should be {list(want)}")
