"""Wrong and unusual weights. What is wrong with the weights is wrong with all that is built on them: written once,
registered for the weights, for attention and for self-attention."""

import math

import numpy as np

from headstart.graders.attention.attention import scaled_dot_product_attention
from headstart.graders.attention.self_attention import self_attention
from headstart.graders.attention.weights import attention_weights
from headstart.graders.attention.witness import plain_softmax, scores_of


def mistaken_weights(diagnosis):
    """Register wrong weights as a known mistake of the weights, of attention and of self-attention."""

    def register(weights):
        def attention(q, k, v, mask=None):
            return weights(q, k, mask) @ v

        def of_one_sequence(x, W_q, W_k, W_v, mask=None):
            return weights(x @ W_q, x @ W_k, mask) @ (x @ W_v)

        for exercise_, answer in (
            (attention_weights, weights),
            (scaled_dot_product_attention, attention),
            (self_attention, of_one_sequence),
        ):
            answer.__name__ = weights.__name__
            exercise_.mutant(diagnosis)(answer)
        return weights

    return register


@mistaken_weights("attention without the 1/√d_head factor")
def unscaled(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask, scale=1.0))


@mistaken_weights("attention scaled by 1/d_head instead of 1/√d_head")
def scaled_by_d(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask, scale=1 / q.shape[-1]))


@mistaken_weights("attention whose scores are multiplied by √d_head instead of divided")
def multiplied_by_root(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask, scale=math.sqrt(q.shape[-1])))


@mistaken_weights("attention scaled after the softmax: the weights then sum to 1/√d_head")
def scaled_after_softmax(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask, scale=1.0)) / math.sqrt(q.shape[-1])


@mistaken_weights("attention scaled by the square root of the number of keys instead of d_head")
def scaled_by_length(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask, scale=1 / math.sqrt(k.shape[-2])))


@mistaken_weights("attention normalised over the queries: its columns sum to one, its rows do not")
def over_the_queries(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask), axis=-2)


@mistaken_weights("attention normalised over the first axis (the batch or the heads)")
def over_the_first_axis_of_scores(q, k, mask=None):
    return plain_softmax(scores_of(q, k, mask), axis=0)


@mistaken_weights("attention without a maximum subtracted in the softmax: large scores overflow")
def overflowing(q, k, mask=None):
    e = np.exp(scores_of(q, k, mask))
    return e / np.where(e.sum(-1, keepdims=True) == 0, 1.0, e.sum(-1, keepdims=True))


@mistaken_weights("hard attention: all weight on the best key")
def hard(q, k, mask=None):
    scores = scores_of(q, k, mask)
    return (scores == scores.max(-1, keepdims=True)) * np.isfinite(scores) * 1.0


@mistaken_weights("uniform attention that ignores q and k")
def uniform(q, k, mask=None):
    return plain_softmax(scores_of(q * 0, k * 0, mask))


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


def accepted_weights(weights):
    """Register right weights in an unusual style for the weights, attention and self-attention."""
    attention_weights.style(weights)
    scaled_dot_product_attention.style(lambda q, k, v, mask=None: weights(q, k, mask) @ v)
    self_attention.style(lambda x, W_q, W_k, W_v, mask=None: weights(x @ W_q, x @ W_k, mask) @ (x @ W_v))
    return weights


@accepted_weights
def finite_mask_before_scaling(q, k, mask=None):
    """-1e9 before the division by √d_head, then rows without any allowed key set to zero."""
    scores = q @ k.mT if mask is None else np.where(mask, q @ k.mT, -1e9)
    weights = plain_softmax(scores / math.sqrt(q.shape[-1]))
    return weights if mask is None else weights * np.any(mask, axis=-1, keepdims=True)


@accepted_weights
def smallest_finite_mask(q, k, mask=None):
    """The most negative float32 as the mask value, added."""
    bias = 0.0 if mask is None else np.where(mask, 0.0, np.finfo(np.float32).min)
    weights = plain_softmax(scores_of(q, k) + bias)
    return weights if mask is None else weights * mask


@accepted_weights
def root_on_both_sides(q, k, mask=None):
    """d_head ** -0.25 on q and on k."""
    root = q.shape[-1] ** -0.25
    return plain_softmax(scores_of(q * root, k * root, mask, scale=1.0))


@accepted_weights
def weights_by_einsum(q, k, mask=None):
    """einsum instead of a transpose."""
    scores = np.einsum("...qd,...kd->...qk", q, k) / q.shape[-1] ** 0.5
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf))


@accepted_weights
def weights_in_float32(q, k, mask=None):
    """float32 throughout."""
    return plain_softmax(scores_of(q.astype(np.float32), k.astype(np.float32), mask))


@accepted_weights
def renormalised(q, k, mask=None):
    """The exponentials of forbidden keys set to zero, then divided by what is left."""
    scores = scores_of(q, k)
    e = np.exp(scores - scores.max(-1, keepdims=True)) * (1.0 if mask is None else mask)
    total = e.sum(-1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0)
