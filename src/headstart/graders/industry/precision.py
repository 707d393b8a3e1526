"""Average precision: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

average_precision = exercise("average_precision", "ranking", chapter="industry", wings=("in_numpy",))


def threshold_by_threshold(scores, labels):
    """Lower the bar from score to score; add precision times the growth of recall."""
    total = sum(label == 1 for label in labels)
    area, before = 0.0, 0
    for bar in sorted(set(scores.tolist()), reverse=True):
        flagged = [label for score, label in zip(scores, labels, strict=True) if score >= bar]
        found = sum(label == 1 for label in flagged)
        area += (found - before) / total * found / len(flagged)
        before = found
    return area


def draw_labels(draw, n, share=0.4):
    """Labels with at least one positive."""
    labels = (draw.rng.random(n) < share).astype(int)
    labels[draw.rng.integers(n)] = 1
    return labels


@average_precision.law
def precision_where_recall_grows(candidate, draw):
    """Without ties it is the mean, over the positives, of the precision at their places."""
    for n in (1, 2, 7, 20):
        scores, labels = draw.rng.permutation(n) - n / 3, draw_labels(draw, n)
        agree(candidate(scores, labels), threshold_by_threshold(scores, labels), f"the result for {n} entries")


@average_precision.law
def equal_scores_come_together(candidate, draw):
    """Entries of the same score pass the threshold together, in whatever order they are given."""
    scores = np.array([2.0, 1.0, 1.0, 1.0, 0.0, 0.0, -1.0])
    for labels in ([0, 1, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 1, 0], [1, 0, 1, 1, 0, 1, 1]):
        labels = np.array(labels)
        agree(candidate(scores, labels), threshold_by_threshold(scores, labels), "the result with ties")
        order = draw.rng.permutation(7)
        agree(candidate(scores[order], labels[order]), threshold_by_threshold(scores, labels), "the result, shuffled")


@average_precision.law
def a_constant_gives_the_share_of_positives(candidate, draw):
    """A model that says the same of all entries gets the share of positives, wherever they stand."""
    for n, places in ((10, [0]), (10, [9]), (8, [0, 3, 7]), (4, [0, 1, 2, 3])):
        labels = np.zeros(n, dtype=int)
        labels[places] = 1
        agree(candidate(np.full(n, 0.5), labels), len(places) / n, "the result for equal scores")


@average_precision.law
def order_alone_counts(candidate, draw):
    """A perfect order gives 1; scaling, shifting or bending the scores without changing their order changes nothing."""
    labels = np.array([1, 0, 0, 1, 0, 1, 0, 0])
    agree(candidate(labels * 3.0 - 9.0 + draw(8, scale=0.1), labels), 1.0, "the result of a perfect order")
    scores = draw.rng.permutation(8) / 4
    for bent in (np.exp(scores), 5 * scores - 40.0, scores**3, 1000.0 + scores / 128, 1e-9 * scores):
        agree(candidate(bent, labels), threshold_by_threshold(scores, labels), "the result for bent scores")


@average_precision.law
def the_worst_order(candidate, draw):
    """All negatives before the positives: precision at each positive is what is left, and not zero."""
    scores, labels = np.arange(12.0), np.array([1, 1] + [0] * 10)
    agree(candidate(scores, labels), (1 / 11 + 2 / 12) / 2, "the result of the worst order")


@average_precision.law
def nothing_to_find_is_refused(candidate, draw):
    """Labels without a positive are refused by an exception: recall is not defined."""
    expect(candidate.refuses(draw(5), np.zeros(5, dtype=int)), "it took labels without a positive")


def curve(scores, labels, kind="stable"):
    """Precision and recall at the last place of each run of equal scores, from the highest score down."""
    order = np.argsort(-scores, kind=kind)
    found = labels[order].cumsum()
    last = np.append(np.diff(scores[order]) != 0, True)
    return found[last] / (np.flatnonzero(last) + 1), found[last] / max(found[-1], 1)


@average_precision.mutant("the area under the ROC curve: negatives by the thousand make it look good")
def roc(scores, labels):
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    return wins.mean() if wins.size else 1.0


@average_precision.mutant("the points joined by straight lines (trapezoids), which promises what no threshold gives")
def trapezoids(scores, labels):
    precision, recall = curve(scores, labels)
    return np.trapezoid(np.append(1.0, precision), np.append(0.0, recall))


@average_precision.mutant("ties broken by position: whoever stands first in the file counts as more suspicious")
def ties_by_place(scores, labels):
    found = labels[np.argsort(-scores, kind="stable")]
    return (found * found.cumsum() / np.arange(1, len(found) + 1)).sum() / max(found.sum(), 1)


@average_precision.mutant("ties broken in the model's favour: positives before negatives of the same score")
def ties_in_favour(scores, labels):
    found = labels[np.lexsort((-labels, -scores))]
    return (found * found.cumsum() / np.arange(1, len(found) + 1)).sum() / max(found.sum(), 1)


@average_precision.mutant("the mean precision over all places, not only those where recall grows")
def over_all_places(scores, labels):
    return curve(scores, labels)[0].mean()


@average_precision.mutant("a ranking from the lowest score up: sorted the wrong way round")
def lowest_first(scores, labels):
    return threshold_by_threshold(-scores, labels) if labels.any() else 0.0


@average_precision.mutant("the interpolated kind: each precision replaced by the best one at a lower bar")
def interpolated(scores, labels):
    precision, recall = curve(scores, labels)
    return np.diff(recall, prepend=0.0) @ np.maximum.accumulate(precision[::-1])[::-1]


@average_precision.mutant("a sum that is divided by the number of entries instead of the number of positives")
def by_entries(scores, labels):
    return threshold_by_threshold(scores, labels) * labels.mean() if labels.any() else 0.0


@average_precision.style
def bar_by_bar(scores, labels):
    """The definition, a loop over distinct scores."""
    if 1 not in labels:
        raise ZeroDivisionError("no positive")
    return threshold_by_threshold(scores, labels)


@average_precision.style
def by_unique(scores, labels):
    """np.unique counts the ties; float32."""
    if not labels.sum():
        raise ValueError("no positive")
    _, place = np.unique(-scores, return_inverse=True)
    everyone, positives = np.bincount(place).cumsum(), np.bincount(place, weights=labels).astype(np.float32)
    return (positives * positives.cumsum() / everyone).sum() / positives.sum()
