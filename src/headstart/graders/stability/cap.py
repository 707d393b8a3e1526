"""Soft-capped scores: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import again, agree, exercise, expect

soft_cap = exercise("soft_cap", "stability")


def capped(scores, cap=50.0):
    """The definition, one number at a time."""
    return np.vectorize(lambda s: cap * math.tanh(s / cap))(scores)


@soft_cap.law
def cap_times_tanh(candidate, draw):
    """Each score s becomes cap · tanh(s / cap), whatever the cap."""
    for shape, cap in again(((4, 5), 2.0), ((2, 3, 4), 30.0), ((6,), 0.5)):
        scores = draw(*shape, scale=2 * cap)
        agree(candidate(scores, cap), capped(scores, cap), f"soft_cap(scores, {cap})")
    scores = draw(3, 4, scale=60.0)
    agree(candidate(scores), capped(scores), "soft_cap(scores), with the cap left at 50")


@soft_cap.law
def bounded_however_large(candidate, draw):
    """Scores of millions come out at ±cap, without NaN, in the order they had; even -inf comes out at -cap."""
    scores = np.array([-np.inf, -1e6, -10.0, 0.0, 10.0, 1e6])
    agree(candidate(scores, 5.0), capped(scores, 5.0))


@soft_cap.law
def small_scores_pass(candidate, draw):
    """Scores far below the cap pass almost unchanged."""
    scores = draw(3, 4)
    agree(candidate(scores, 1e4), scores, "soft_cap(scores, 10000)")


@soft_cap.law
def refuses_a_cap_of_zero(candidate, draw):
    """A cap that is not above 0 bounds nothing and is refused with an exception."""
    for cap in (0.0, -5.0):
        expect(candidate.refuses(draw(2, 3), cap), f"soft_cap with a cap of {cap:g} should raise a ValueError")


@soft_cap.law(wings=("in_torch",))
def slope_never_dies_at_once(candidate, draw):
    """The gradient is 1 - tanh², above zero even beyond the cap: a clip's would be exactly zero there."""
    scores, g = draw(3, 4, scale=4.0), draw(3, 4)
    agree(candidate.gradients(g, scores, 4.0)[0], slopes(lambda s: capped(s, 4.0), g, scores)[0], "the gradient")


@soft_cap.mutant("a hard clip at ±cap: beyond it the gradient is zero and the order is lost")
def hard_clip(scores, cap=50.0):
    return np.clip(scores, -cap, cap)


@soft_cap.mutant("tanh(scores / cap) without the cap in front: all scores end between -1 and 1")
def cap_not_multiplied_back(scores, cap=50.0):
    return np.tanh(scores / cap)


@soft_cap.mutant("cap · tanh(scores) without the division inside: even small scores are pushed to ±cap")
def cap_not_divided(scores, cap=50.0):
    return cap * np.tanh(scores)


@soft_cap.mutant("the scores as they were: nothing is capped")
def not_capped(scores, cap=50.0):
    return scores * 1.0


@soft_cap.mutant("a cap of 50 whatever cap is asked for")
def always_fifty(scores, cap=50.0):
    return capped(scores, 50.0)


@soft_cap.mutant("a minimum of score and cap: large negative scores are not bounded")
def capped_from_above(scores, cap=50.0):
    return np.minimum(scores, cap)


@soft_cap.style
def by_exponentials(scores, cap=50.0):
    """tanh written as a logistic function."""
    if not cap > 0:
        raise ValueError(f"a cap of {cap}")
    with np.errstate(over="ignore"):
        return cap * (2.0 / (1.0 + np.exp(-2.0 * scores / cap)) - 1.0)


@soft_cap.style
def capped_in_float32(scores, cap=50.0):
    """float32, with an assertion for the cap."""
    assert cap > 0
    return np.float32(cap) * np.tanh(scores.astype(np.float32) / np.float32(cap))
