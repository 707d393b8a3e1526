"""Differential attention: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    lifted,
    one_hidden_one_closed,
    plain_softmax,
    scores_of,
    weights_by_loops,
)
from headstart.graders.kit import again, agree, exercise
from headstart.graders.variants.grouped import NEEDS

differential_attention = exercise(
    "differential_attention", "variants", chapter="variants", wings=("in_numpy",), needs=NEEDS, bans=FUSED
)

SHAPES = (((2,), 4, 5, 3, 2), ((), 3, 3, 2, 4), ((1,), 1, 6, 4, 3), ((2, 2), 5, 2, 2, 2))


def draw_pairs(draw, lead, T_q, T_k, d_head, d_v):
    """Two sets of queries and keys and one of values."""
    q_1, k_1, q_2, k_2 = (draw(*lead, T, d_head) for T in (T_q, T_k, T_q, T_k))
    return q_1, k_1, q_2, k_2, draw(*lead, T_k, d_v)


def difference(q_1, k_1, q_2, k_2, v, lam, mask=None):
    """The definition, by loops."""
    return (weights_by_loops(q_1, k_1, mask) - lam * weights_by_loops(q_2, k_2, mask)) @ v


@differential_attention.law
def one_pattern_less_another(candidate, draw):
    """The output is attention with q_1, k_1 less lam times attention with q_2, k_2, for every shape."""
    for shape in again(*SHAPES):
        inputs = draw_pairs(draw, *shape)
        agree(candidate(*inputs, 0.7), difference(*inputs, 0.7))


@differential_attention.law
def no_subtraction_is_attention(candidate, draw):
    """With lam = 0 it is attention with q_1, k_1; with two equal patterns it is 1 - lam times attention."""
    q_1, k_1, q_2, k_2, v = draw_pairs(draw, (2,), 4, 5, 3, 2)
    plain = by_loops(q_1, k_1, v)
    agree(candidate(q_1, k_1, q_2, k_2, v, 0.0), plain, "the output with lam = 0")
    agree(candidate(q_1, k_1, q_1, k_1, v, 0.3), 0.7 * plain, "the output with two equal patterns and lam = 0.3")


@differential_attention.law
def weights_sum_to_one_less_lam(candidate, draw):
    """With values of one every output is 1 - lam: nothing is clipped or normalised."""
    *inputs, v = draw_pairs(draw, (), 4, 5, 3, 2)
    for lam in (0.2, 0.8, 1.5, -0.4):
        got = candidate(*inputs, np.ones_like(v), lam)
        agree(got, np.full((4, 2), 1 - lam), f"the sum of the weights with lam = {lam}")


@differential_attention.law
def both_patterns_are_masked(candidate, draw):
    """The mask holds for both patterns; a query without keys gets zeros."""
    inputs = draw_pairs(draw, (2,), 4, 5, 3, 2)
    for mask in (one_hidden_one_closed(4, 5), draw.mask(2, 4, 5), draw.mask(5), np.zeros((1, 1), dtype=bool)):
        agree(candidate(*inputs, 0.6, mask), difference(*inputs, 0.6, mask), f"the output under a mask {mask.shape}")


@differential_attention.law
def differences_stand_large_scores(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden key that fits best leaves no trace."""
    *inputs, v = draw_pairs(draw, (), 4, 5, 4, 3)
    inputs = [*map(lifted, inputs), v]
    for mask in (None, best_forbidden(4, 5)):
        agree(candidate(*inputs, 0.6, mask), difference(*inputs, 0.6, mask), **ROUGH)


def patterns(q_1, k_1, q_2, k_2, mask=None, mask_2=None):
    """Both patterns."""
    return plain_softmax(scores_of(q_1, k_1, mask)), plain_softmax(scores_of(q_2, k_2, mask_2))


@differential_attention.mutant(
    "one softmax over the difference of the scores: the difference belongs after the softmaxes"
)
def difference_of_scores(q_1, k_1, q_2, k_2, v, lam, mask=None):
    scores = scores_of(q_1, k_1) - lam * scores_of(q_2, k_2)
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


@differential_attention.mutant("the sum of the two patterns instead of their difference")
def sum_of_patterns(q_1, k_1, q_2, k_2, v, lam, mask=None):
    return difference(q_1, k_1, q_2, k_2, v, -lam, mask)


@differential_attention.mutant("the difference clipped at zero: negative weights are allowed")
def clipped(q_1, k_1, q_2, k_2, v, lam, mask=None):
    one, two = patterns(q_1, k_1, q_2, k_2, mask, mask)
    return np.maximum(one - lam * two, 0.0) @ v


@differential_attention.mutant("the difference divided by 1 - lam, so that the weights sum to one")
def normalised(q_1, k_1, q_2, k_2, v, lam, mask=None):
    return difference(q_1, k_1, q_2, k_2, v, lam, mask) / (1 - lam)


@differential_attention.mutant("a difference in which the mask is missing from the second pattern")
def second_unmasked(q_1, k_1, q_2, k_2, v, lam, mask=None):
    one, two = patterns(q_1, k_1, q_2, k_2, mask)
    return (one - lam * two) @ v


@differential_attention.mutant("the second pattern less lam times the first")
def patterns_exchanged(q_1, k_1, q_2, k_2, v, lam, mask=None):
    return difference(q_2, k_2, q_1, k_1, v, lam, mask)


@differential_attention.mutant("a difference without lam: the second pattern is subtracted whole")
def lam_ignored(q_1, k_1, q_2, k_2, v, lam, mask=None):
    return difference(q_1, k_1, q_2, k_2, v, 1.0, mask)


@differential_attention.style
def difference_of_outputs(q_1, k_1, q_2, k_2, v, lam, mask=None):
    """Two attentions, subtracted at the end."""
    one, two = patterns(q_1, k_1, q_2, k_2, mask, mask)
    return one @ v - lam * (two @ v)


@differential_attention.style
def stacked_patterns(q_1, k_1, q_2, k_2, v, lam, mask=None):
    """Both patterns on one axis, mixed by (1, -lam)."""
    q, k = np.stack([q_1, q_2]), np.stack([k_1, k_2])
    return np.einsum("p,p...ts,...sv->...tv", np.array([1.0, -lam]), plain_softmax(scores_of(q, k, mask)), v)
