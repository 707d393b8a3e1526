"""Wrong weights. What is wrong with the weights is wrong with all that is built on them: written once, registered for
the weights, for attention and for self-attention."""

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


@mistaken_weights("attention that subtracts the maximum of all scores, so that the rows far below it underflow")
def maximum_of_all_scores(q, k, mask=None):
    scores = scores_of(q, k, mask)
    e = np.exp(scores - scores.max(initial=-1e30, where=np.isfinite(scores)))
    return e / np.where(e.sum(-1, keepdims=True) == 0, 1.0, e.sum(-1, keepdims=True))


@mistaken_weights("hard attention: all weight on the best key")
def hard(q, k, mask=None):
    scores = scores_of(q, k, mask)
    return (scores == scores.max(-1, keepdims=True)) * np.isfinite(scores) * 1.0


@mistaken_weights("uniform attention that ignores q and k")
def uniform(q, k, mask=None):
    return plain_softmax(scores_of(q * 0, k * 0, mask))
