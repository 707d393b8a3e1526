"""Wrong and unusual answers to attention with dropout: known mistakes and accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.training.dropout import attention_with_dropout


def weights_of(q, k, mask):
    return plain_softmax(scores_of(q, k, mask))


def legal(rate):
    assert 0 <= rate < 1, "a rate from 0 to below 1"


@attention_with_dropout.mutant("attention whose kept weights were not enlarged by 1/(1 - rate)")
def never_enlarged(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    return np.where(kept | (not training), weights_of(q, k, mask), 0.0) @ v


@attention_with_dropout.mutant("attention with dropout before the softmax: scores of dropped keys are minus infinity")
def scores_dropped(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    mask = mask if not training else kept if mask is None else mask & kept
    return weights_of(q, k, mask) @ v


@attention_with_dropout.mutant(
    "attention with its scores multiplied by kept / (1 - rate): a score of zero drops no key"
)
def scores_zeroed(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    scores = scores_of(q, k)
    scores = scores * kept / (1 - rate) if training else scores
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


@attention_with_dropout.mutant("dropout that is active outside training too: the flag is ignored")
def always_dropping(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    return np.where(kept, weights_of(q, k, mask) / (1 - rate), 0.0) @ v


@attention_with_dropout.mutant("the draw inverted: what should stay was dropped")
def drops_what_stays(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    weights = weights_of(q, k, mask)
    return (np.where(kept, 0.0, weights / (1 - rate)) if training else weights) @ v


@attention_with_dropout.mutant("dropout divided by the rate instead of by 1 - rate")
def enlarged_by_the_rate(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    weights = weights_of(q, k, mask)
    return (np.where(kept, weights / (rate or 1.0), 0.0) if training else weights) @ v


@attention_with_dropout.mutant("attention whose rows were normalised again after the dropout: its mean is wrong")
def normalised_again(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    weights = weights_of(q, k, mask) * (kept | (not training))
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total == 0, 1.0, total) @ v


@attention_with_dropout.mutant("dropout in its old form: weights times 1 - rate in use instead of enlarged in training")
def shrunk_in_use(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    weights = weights_of(q, k, mask)
    return (np.where(kept, weights, 0.0) if training else weights * (1 - rate)) @ v


@attention_with_dropout.mutant("attention without any dropout")
def never_dropping(q, k, v, kept, rate=0.1, mask=None, training=True):
    legal(rate)
    return weights_of(q, k, mask) @ v


@attention_with_dropout.style
def dropped_by_a_factor(q, k, v, kept, rate=0.1, mask=None, training=True):
    """One factor, multiplied at the end."""
    legal(rate)
    factor = kept.astype(float) / (1.0 - rate) if training else 1.0
    return (weights_of(q, k, mask) * factor) @ v


@attention_with_dropout.style
def scaled_after_mixing(q, k, v, kept, rate=0.1, mask=None, training=True):
    """The scale taken out of the sum."""
    legal(rate)
    if not training:
        return weights_of(q, k, mask) @ v
    return (weights_of(q, k, mask) * kept) @ v / (1 - rate)
