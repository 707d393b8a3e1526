"""Connectionist temporal classification: many frames, few labels, and nobody says which frame is which label."""

from collections import defaultdict

import numpy as np

from headstart.contract import shapes


@shapes(log_probs="T n_symbols", transcript="U")
def ctc_loss(log_probs, transcript, blank=0):
    """Sum the probability of every path of frames that spells the transcript, and take minus its logarithm.

    log_probs   (T, n_symbols)  log-probabilities of the symbols in each frame, the blank among them
    transcript  (U,)            whole numbers: labels, none of them the blank, else ValueError; U may be 0
    blank       int             the symbol that writes nothing
    return      ()              -log of the sum over all paths of T symbols that, once repeats are merged and then
                                blanks dropped, are the transcript; inf if there is none

    The point is the recursion over frames, in log space: paths are never listed.
    Law: it equals the sum over all n_symbols^T paths. Between two equal labels a path needs a blank.
    Source: Graves et al. 2006, section 4.1.
    """
    if np.any(transcript == blank):
        raise ValueError(f"ctc_loss: the blank {blank} stands in the transcript")
    states = np.full(2 * len(transcript) + 1, blank)
    states[1::2] = transcript  # blank, label, blank, label, …, blank
    may_skip = states != np.roll(states, 2)  # a blank may be left out, but not between two equal labels
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_probs[0, states[:2]]  # a path begins with the first blank or the first label
    for scores in log_probs[1:]:
        padded = np.concatenate([[-np.inf, -np.inf], alpha])
        skipped = np.where(may_skip, padded[:-2], -np.inf)
        alpha = np.logaddexp.reduce([alpha, padded[1:-1], skipped]) + scores[states]
    return -np.logaddexp.reduce(alpha[-2:])  # it ends in the last label or the blank behind it


@shapes(log_probs="T n_symbols")
def greedy_decode(log_probs, blank=0):
    """Take the most probable symbol of each frame, merge repeats, and only then drop the blanks.

    log_probs  (T, n_symbols)   log-probabilities, or any scores, of the symbols in each frame
    blank      int              the symbol that writes nothing
    return     (U,)             whole numbers: the labels, U <= T

    Law: a label is written twice only if a blank, or another label, stands between.
    Source: Graves et al. 2006, section 3.2 (best path decoding).
    """
    path = log_probs.argmax(axis=1)
    begins = np.diff(path, prepend=blank) != 0  # a leading blank is dropped in any case
    return path[begins & (path != blank)]


@shapes(log_probs="T n_symbols")
def prefix_beam_search(log_probs, beam, blank=0):
    """Search the most probable labels, not the most probable path: the paths that spell one prefix are added up.

    log_probs  (T, n_symbols)   log-probabilities of the symbols in each frame, the blank among them
    beam       int  at least 1  prefixes kept after each frame: those with the highest sums, else ValueError
    blank      int              the symbol that writes nothing
    return     a tuple: the most probable prefix after the last frame, whole numbers (U,), and the logarithm of its sum

    For each prefix two sums are kept apart: of its paths that end in a blank and of those that end in its last label,
    because the same label once more starts a new one after the first, and only goes on after the second.
    Law: with a beam that holds every prefix, the sum is exp(-ctc_loss) and no other labels have a higher one.
    Source: Hannun et al. 2014, algorithm 1 (without its language model).
    """
    if beam < 1:
        raise ValueError(f"prefix_beam_search: beam must be at least 1, got {beam}")
    sums = {((), True): 0.0}  # (prefix, whether its paths end in a blank): log of the sum of these paths
    for scores in log_probs:
        grown = defaultdict(lambda: -np.inf)
        totals = defaultdict(lambda: -np.inf)
        for (prefix, rested), so_far in sums.items():
            for symbol, score in enumerate(scores):
                goes_on = symbol == blank or (prefix[-1:] == (symbol,) and not rested)
                longer = prefix if goes_on else (*prefix, symbol)
                grown[longer, symbol == blank] = np.logaddexp(grown[longer, symbol == blank], so_far + score)
                totals[longer] = np.logaddexp(totals[longer], so_far + score)
        best = sorted(totals, key=totals.get)[-beam:]
        sums = {(prefix, rested): total for (prefix, rested), total in grown.items() if prefix in best}
    return np.array(best[-1], dtype=int), totals[best[-1]]


@shapes(hypothesis="U", reference="V")
def edit_distance(hypothesis, reference):
    """Count the insertions, deletions and replacements that turn one sequence of labels into another, at best.

    hypothesis  (U,)   whole numbers: what was recognised; may be empty
    reference   (V,)   whole numbers: what was said; may be empty
    return      int    divided by V, and summed over a test set above and below, it is the token error rate

    Law: it is a metric: 0 for equal sequences alone, symmetric, and a detour through a third sequence is no shorter.
    Source: Wagner and Fischer 1974.
    """
    above = range(len(reference) + 1)  # from nothing to each beginning of the reference
    for said, symbol in enumerate(hypothesis, start=1):
        row = [said]
        for j, wanted in enumerate(reference):
            row.append(min(row[j] + 1, above[j + 1] + 1, above[j] + (symbol != wanted)))
        above = row
    return above[-1]
