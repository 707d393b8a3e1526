"""Is the right one near the top? Measures for recommendation and for rare events, with ties counted fairly."""

import numpy as np

from headstart.contract import shapes


@shapes(scores="B n", targets="B")
def hit_and_ndcg(scores, targets, top_k):
    """Score a ranking of all items against the one item that came next: HR@k and NDCG@k of each query.

    scores   (B, n)   real scores of all n items; -inf: not to be recommended
    targets  (B,)     whole numbers: the item that came next
    top_k    int      at least 1 (else ValueError); n or more: every rank counts
    return   two arrays (B,): hit, which is 1 where the target's rank is at most top_k, else 0;
             and ndcg, which is 1 / log2(rank + 1) where the rank is at most top_k, else 0

    The rank of the best item is 1. Items that score the same as the target may stand in any order: hit and ndcg are
    their means over the ranks that the target can have.
    Law: equal scores for all items give hit = top_k / n, what guessing gives.
    Source: Krichene and Rendle 2020 (one relevant item); McSherry and Najork 2008 (means over ties).
    """
    if top_k < 1:
        raise ValueError(f"hit_and_ndcg: top_k must be at least 1, got {top_k}")
    own = scores[np.arange(len(scores)), targets][:, None]  # (B, 1)
    better, equal = (scores > own).sum(axis=1, keepdims=True), (scores == own).sum(axis=1, keepdims=True)
    ranks = np.arange(scores.shape[1]) + 1
    counted = (ranks > better) & (ranks <= better + equal) & (ranks <= top_k)  # (B, n)
    shares = counted / equal  # every rank that is possible is equally likely
    return shares.sum(axis=1), shares @ (1.0 / np.log2(ranks + 1.0))


@shapes(scores="n", labels="n")
def average_precision(scores, labels):
    """Area under the precision-recall curve, in steps: the mean precision at the places where recall grows.

    scores  (n,)    real scores, higher: more likely positive
    labels  (n,)    whole numbers: 1 for a positive, 0 for a negative; no positive at all: ValueError
    return  float   sum over thresholds of (growth of recall) · precision, from the highest score down

    A threshold takes in all entries of the same score at once.
    Law: equal scores for all give the share of positives; a perfect order gives 1.
    Source: Davis and Goadrich 2006 (joining the points by straight lines promises too much).
    """
    if not (labels == 1).any():
        raise ValueError("average_precision: labels must hold at least one positive")
    order = np.argsort(-scores)
    found = (labels[order] == 1).cumsum()
    last = np.append(np.diff(scores[order]) != 0, True)  # the last place of each run of equal scores
    found, taken = found[last], np.flatnonzero(last) + 1
    return np.sum(np.diff(found, prepend=0) * found / taken) / found[-1]
