"""Wrong ways with a mask, registered for the weights, for attention and for self-attention."""

import numpy as np

from headstart.graders.attention.mistakes import mistaken_weights
from headstart.graders.attention.witness import plain_softmax, scores_of


@mistaken_weights("attention that ignores its mask (the result of masked_fill or np.where was dropped)")
def mask_dropped(q, k, mask=None):
    return plain_softmax(scores_of(q, k))


@mistaken_weights("attention with the mask inverted: True was taken to mean blocked")
def mask_inverted(q, k, mask=None):
    return plain_softmax(scores_of(q, k, None if mask is None else ~mask))


@mistaken_weights("attention with the mask added as 0 and 1, which forbids nothing")
def mask_added(q, k, mask=None):
    return plain_softmax(scores_of(q, k) + (0.0 if mask is None else mask))


@mistaken_weights("attention with the mask multiplied into the scores: a score of zero is not a blocked one")
def mask_multiplied(q, k, mask=None):
    return plain_softmax(scores_of(q, k) * (1.0 if mask is None else mask))


@mistaken_weights("attention masked after the softmax without normalising again: the rows sum to less than one")
def masked_after_softmax(q, k, mask=None):
    return plain_softmax(scores_of(q, k)) * (1.0 if mask is None else mask)


@mistaken_weights("attention masked with -1e-9 where -1e9 was meant")
def mask_of_tiny_size(q, k, mask=None):
    scores = scores_of(q, k)
    return plain_softmax(scores if mask is None else np.where(mask, scores, -1e-9))


@mistaken_weights("attention that gives NaN to a query that may attend to nothing")
def nan_rows(q, k, mask=None):
    scores = scores_of(q, k, mask)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@mistaken_weights("attention that spreads a query with nothing to attend to evenly over all keys (finite mask value)")
def uniform_where_nothing_is_allowed(q, k, mask=None):
    scores = scores_of(q, k)
    return plain_softmax(scores if mask is None else np.where(mask, scores, -1e9))


@mistaken_weights("attention whose padding mask was laid over the queries instead of the keys")
def mask_over_the_wrong_axis(q, k, mask=None):
    scores = scores_of(q, k)
    turned = mask.mT if mask is not None and mask.ndim > 1 and mask.shape[-1] == mask.shape[-2] else mask
    if mask is not None and mask.ndim == 1 and scores.shape[-1] == scores.shape[-2]:
        turned = mask[:, None]
    return plain_softmax(scores if mask is None else np.where(turned, scores, -np.inf))


def alive(mask):
    """1 for a query that may attend to something, else 0."""
    return np.any(mask, axis=-1, keepdims=True)


@mistaken_weights("attention masked with -100: a forbidden key wins where the allowed scores lie below that")
def mask_value_too_small(q, k, mask=None):
    scores = scores_of(q, k)
    return plain_softmax(scores) if mask is None else plain_softmax(np.where(mask, scores, -100.0)) * alive(mask)


@mistaken_weights("attention with -100 added to forbidden scores: one that is better by more than that still wins")
def mask_bias_too_small(q, k, mask=None):
    scores = scores_of(q, k)
    return plain_softmax(scores) if mask is None else plain_softmax(scores + np.where(mask, 0.0, -100.0)) * alive(mask)


@mistaken_weights("attention masked after the softmax, then divided by what is left: nothing, if a forbidden key won")
def renormalised_too_late(q, k, mask=None):
    weights = plain_softmax(scores_of(q, k)) * (1.0 if mask is None else mask)
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total == 0, 1.0, total)


@mistaken_weights("attention that takes a mask without any True for no mask at all")
def nothing_allowed_is_no_mask(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask if mask is not None and mask.any() else None))
