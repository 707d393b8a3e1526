"""Attention with dropout: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    SHAPES,
    by_loops,
    draw_qkv,
    mix_by_loops,
    plain_softmax,
    scores_of,
    slopes_at_once,
    weights_by_loops,
)
from headstart.graders.kit import agree, exercise, expect

attention_with_dropout = exercise(
    "attention_with_dropout", "training", needs=("softmax", "attention_weights"), bans=FUSED
)


def dropped_by_loops(q, k, v, kept, rate=0.1, mask=None):
    """Attention with each weight divided by 1 - rate or left out, query by query."""
    weights = weights_by_loops(q, k, mask)
    return mix_by_loops(np.broadcast_to(kept, weights.shape) * weights / (1 - rate), v)


@attention_with_dropout.law
def weights_dropped_and_the_others_enlarged(candidate, draw):
    """In training each weight is zero or its softmax value over 1 - rate, for every shape and rate (0.1 by default)."""
    for n, sizes in enumerate(SHAPES):
        q, k, v = draw_qkv(draw, *sizes)
        kept = draw.mask(*sizes[0], *sizes[1:3])
        agree(candidate(q, k, v, kept), dropped_by_loops(q, k, v, kept), "the output at the default rate")
        rate = (0.0, 0.25, 0.5, 0.9)[n % 4]
        agree(candidate(q, k, v, kept, rate), dropped_by_loops(q, k, v, kept, rate), f"the output at rate {rate}")


@attention_with_dropout.law
def nothing_is_dropped_in_use(candidate, draw):
    """With training=False it is plain attention, whatever the draw and the rate."""
    q, k, v = draw_qkv(draw, (2,), 3, 5, 4, 3)
    got = candidate(q, k, v, draw.mask(2, 3, 5), 0.5, None, False)
    agree(got, by_loops(q, k, v), "the output with training=False")


@attention_with_dropout.law
def the_mean_is_attention(candidate, draw):
    """Averaged over all 16 draws, each as likely as its rate makes it, the output is attention without dropout."""
    q, k, v, rate = draw(2, 4), draw(4, 4), draw(4, 3), 0.3
    kept = (np.arange(16)[:, None] >> np.arange(4)) % 2 == 1  # every pattern of four keys
    chance = (1 - rate) ** kept.sum(-1) * rate ** (4 - kept.sum(-1))
    many = np.asarray(candidate(*(np.broadcast_to(x, (16, *x.shape)).copy() for x in (q, k, v)), kept[:, None], rate))
    agree(np.tensordot(chance, many, 1), by_loops(q, k, v), "the mean over all draws")


@attention_with_dropout.law
def whole_heads_under_a_mask(candidate, draw):
    """A draw of shape (B, H, 1, 1) drops whole heads; forbidden keys stay out, and a query without keys gets zeros."""
    q, k, v = draw_qkv(draw, (2, 3), 3, 4, 4, 2)
    heads, mask = np.array([[True, False, True], [False, True, True]])[..., None, None], draw.mask(2, 1, 3, 4)
    mask[1, 0, 2] = False
    agree(candidate(q, k, v, heads, 0.4, mask), dropped_by_loops(q, k, v, heads, 0.4, mask), "the output")
    agree(candidate(q, k, v, heads, 0.4, mask, False), by_loops(q, k, v, mask), "the output with training=False")


@attention_with_dropout.law
def rates_from_zero_to_below_one(candidate, draw):
    """A rate of one or more, or below zero, is refused by an exception, in training and out of it."""
    q, k, v, kept = draw(2, 4), draw(3, 4), draw(3, 2), draw.mask(2, 3)
    for rate in (1.0, 1.5, -0.1):
        for training in (True, False):
            expect(candidate.refuses(q, k, v, kept, rate, None, training), f"rate={rate} was accepted")


@attention_with_dropout.law(wings=("in_torch",))
def dropout_passes_gradients(candidate, draw):
    """q, k and v get their gradients, zeros where the draw or the mask left nothing."""
    q, k, v, g = draw(3, 2), draw(4, 2), draw(4, 2), draw(3, 2)
    kept, mask = draw.mask(3, 4), draw.mask(3, 4)
    mask[1] = False

    def function(q, k, v):
        return np.where(kept, plain_softmax(scores_of(q, k, mask)) / 0.75, 0.0) @ v

    got = candidate.gradients(g, q, k, v, kept, 0.25, mask)
    for one, want in zip(got, slopes_at_once(function, g, q, k, v), strict=True):
        agree(one, want, "the gradient")


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
