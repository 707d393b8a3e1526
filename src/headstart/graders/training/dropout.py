"""Attention with dropout: laws; see dropout_answers.py for answers."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    SHAPES,
    best_forbidden,
    by_loops,
    draw_qkv,
    lifted,
    mix_by_loops,
    plain_softmax,
    scores_of,
    slopes_at_once,
    weights_by_loops,
)
from headstart.graders.kit import again, agree, exercise, expect

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
    for n, sizes in enumerate(again(*SHAPES)):
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
    padding = draw.mask(2, 1, 1, 4)
    agree(candidate(q, k, v, heads, 0.4, padding, False), by_loops(q, k, v, padding), "the output with training=False")
    kept, mask = draw.mask(3, 3, 4), draw.mask(3, 3, 4)  # for the axis next to the queries, as broadcasting has it
    agree(candidate(q, k, v, kept, 0.4, mask), dropped_by_loops(q, k, v, kept, 0.4, mask), "the output")


@attention_with_dropout.law
def large_scores_under_dropout(candidate, draw):
    """Scores in the thousands give finite outputs, whichever key the draw leaves; a forbidden key leaves no trace."""
    q, k, v = draw_qkv(draw, (2,), 4, 5, 4, 3)
    q, k, kept = lifted(q), lifted(k), draw.mask(2, 4, 5)
    for mask in (None, best_forbidden(4, 5)):
        want = dropped_by_loops(q, k, v, kept, 0.5, mask)
        agree(candidate(q, k, v, kept, 0.5, mask), want, "the output", **ROUGH)


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
