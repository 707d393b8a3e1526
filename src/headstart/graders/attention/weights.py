"""Attention weights: laws. The mistakes are shared with attention and self-attention: see mistakes.py."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    LIFT,
    ROUGH,
    SHAPES,
    best_forbidden,
    lifted,
    one_hidden_one_closed,
    slopes,
    weights_by_loops,
)
from headstart.graders.kit import agree, exercise, expect

attention_weights = exercise("attention_weights", "attention", needs=("softmax",), bans=FUSED)


@attention_weights.law
def weights_by_the_definition(candidate, draw):
    """weights[i, j] is softmax over the keys j of q_i . k_j / √d_head, for every shape."""
    for lead, T_q, T_k, d_head, _ in SHAPES:
        q, k = draw(*lead, T_q, d_head), draw(*lead, T_k, d_head)
        agree(candidate(q, k), weights_by_loops(q, k), "the weights")


@attention_weights.law
def rows_sum_to_one(candidate, draw):
    """Every query spends exactly one unit of attention over the keys, masked or not."""
    q, k, mask = draw(2, 5, 4), draw(2, 3, 4), draw.mask(2, 5, 3)
    for weights in (candidate(q, k), candidate(q, k, mask)):
        agree(np.sum(weights, axis=-1), np.ones((2, 5)), "the sum of a row of weights")


@attention_weights.law
def forbidden_keys_get_nothing(candidate, draw):
    """Where the mask is False the weight is zero, and the rest is the softmax over the allowed keys alone."""
    for lead, T_q, T_k in (((), 4, 6), ((2,), 5, 3), ((2, 3), 3, 7)):
        q, k, mask = draw(*lead, T_q, 4), draw(*lead, T_k, 4), draw.mask(*lead, T_q, T_k)
        weights = candidate(q, k, mask)
        agree(weights, weights_by_loops(q, k, mask), "the weights")
        expect(np.all(np.asarray(weights)[~mask] == 0), "a forbidden key got a weight that is not exactly zero")


@attention_weights.law
def mask_broadcasts(candidate, draw):
    """One (T_q, T_k) mask serves every batch and head, a (T_k,) mask every query, an (H, T_q, T_k) mask every batch."""
    q, k = draw(2, 3, 6, 4), draw(2, 3, 6, 4)
    for mask in (draw.mask(6, 6), draw.mask(2, 1, 1, 6), draw.mask(6), draw.mask(3, 6, 6)):
        agree(candidate(q, k, mask), weights_by_loops(q, k, np.broadcast_to(mask, (2, 3, 6, 6))), "the weights")


@attention_weights.law
def nothing_allowed_gives_zeros(candidate, draw):
    """A query that may attend to nothing gets a row of zeros, no NaN and no uniform guess."""
    q, k, some, none = draw(2, 4, 3), draw(2, 5, 3), draw.mask(2, 4, 5), np.zeros((4, 5), dtype=bool)
    some[0, 1] = some[1, 3] = False
    for mask in (some, none):
        agree(candidate(q, k, mask), weights_by_loops(q, k, mask), "the weights")


@attention_weights.law
def large_scores_stay_finite(candidate, draw):
    """Scores in the thousands neither overflow nor vanish: keys that fit equally well share the weight."""
    q, k = lifted(draw(4, 4)), lifted(draw(5, 4))
    k[:, -1] = LIFT  # far above zero for queries 0 and 2, far below for 1 and 3
    agree(candidate(q, k), weights_by_loops(q, k), "the weights", **ROUGH)


@attention_weights.law
def forbidden_keys_may_fit_best(candidate, draw):
    """A forbidden key gets nothing and leaves no trace, however much better than the allowed ones it fits."""
    q, k, mask = lifted(draw(4, 4)), lifted(draw(5, 4)), best_forbidden(4, 5)
    weights = candidate(q, k, mask)
    agree(weights, weights_by_loops(q, k, mask), "the weights", **ROUGH)
    expect(np.all(np.asarray(weights)[~mask] == 0), "a forbidden key got a weight that is not exactly zero")


@attention_weights.law(wings=("in_torch",))
def weights_pass_gradients(candidate, draw):
    """Gradients reach q and k, masked rows included, and equal finite differences."""
    q, k, mask, g = draw(3, 4), draw(5, 4), one_hidden_one_closed(3, 5), draw(3, 5)
    for got, want in zip(
        candidate.gradients(g, q, k, mask), slopes(lambda q, k: weights_by_loops(q, k, mask), g, q, k), strict=True
    ):
        agree(got, want, "the gradient")
