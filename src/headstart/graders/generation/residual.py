"""What is drawn from after a rejection: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.generation.pick import draw_distribution
from headstart.graders.kit import agree, exercise

residual = exercise("residual", "speculative", chapter="generation", wings=("in_numpy",))

SHAPES = ((6,), (2, 4), (1, 3, 5), (3, 2))


def residual_by_loops(p, q):
    """Token by token: what q lacks, divided by what it lacks in all."""
    out = np.zeros_like(p)
    for at in np.ndindex(p.shape[:-1]):
        lacks = [max(a - b, 0.0) for a, b in zip(p[at], q[at], strict=True)]
        out[at] = [a / sum(lacks) for a in lacks] if sum(lacks) > 0 else p[at]
    return out


@residual.law
def what_the_draft_lacks(candidate, draw):
    """It is max(p - q, 0) divided by its sum, for every shape."""
    for shape in SHAPES:
        p, q = draw_distribution(draw, *shape), draw_distribution(draw, *shape)
        agree(candidate(p, q), residual_by_loops(p, q), "the residual")


@residual.law
def a_draft_that_is_almost_right(candidate, draw):
    """What is left may be tiny; it is still divided by its sum, and p is the answer where p = q alone."""
    p, other = draw_distribution(draw, 3, 7), draw_distribution(draw, 3, 7)
    q = p + 1e-4 * (other - p)
    agree(candidate(p, q), residual_by_loops(p, q), "the residual", atol=5e-3)


@residual.law
def kept_and_replaced_make_p(candidate, draw):
    """Kept drafts, min(p, q), and replacements, the residual times the probability of a rejection, add up to p."""
    p, q = draw_distribution(draw, 3, 7), draw_distribution(draw, 3, 7, sharp=2.0)
    kept = np.minimum(p, q)
    total = kept + (1.0 - kept.sum(-1, keepdims=True)) * np.asarray(candidate(p, q))
    agree(total, p, "min(p, q) + (1 - sum of min(p, q)) · residual")


@residual.law
def two_ends(candidate, draw):
    """Equal models: p itself, no NaN. Models with no token in common: p as well."""
    p = draw_distribution(draw, 2, 5)
    agree(candidate(p, p.copy()), p, "the residual of two equal distributions")
    left, right = np.array([0.25, 0.75, 0.0, 0.0]), np.array([0.0, 0.0, 0.5, 0.5])
    agree(candidate(left, right), left, "the residual of distributions without a common token")
    agree(candidate(np.stack([left, left]), np.stack([left, right])), [left, left], "the residual of both at once")


@residual.mutant("p itself: the draft's favourites, already kept too often, are drawn once more")
def from_p(p, q):
    return p.copy()


@residual.mutant("max(p - q, 0) without dividing by its sum")
def residual_not_divided(p, q):
    return np.where(np.all(p == q, axis=-1, keepdims=True), p, np.maximum(p - q, 0.0))


@residual.mutant("the absolute difference |p - q|: tokens that the draft overrates are drawn as well")
def absolute_difference(p, q):
    d = np.abs(p - q)
    total = d.sum(-1, keepdims=True)
    return np.where(total > 0, d / np.where(total > 0, total, 1), p)


@residual.mutant("max(q - p, 0): target and draft exchanged")
def exchanged(p, q):
    return residual_by_loops(q, p)


@residual.mutant("the softmax of p - q instead of the positive part")
def softmax_of_difference(p, q):
    e = np.exp(p - q)
    return e / e.sum(-1, keepdims=True)


@residual.mutant("zero divided by zero where p = q: NaN")
def residual_nan(p, q):
    d = np.maximum(p - q, 0.0)
    return d / d.sum(-1, keepdims=True)


@residual.style
def residual_by_minimum(p, q):
    """p less what both have in common, rounding errors cut off."""
    d = np.clip(p - np.minimum(p, q), 0.0, None)
    total = d.sum(-1, keepdims=True)
    return np.divide(d, total, out=np.array(p), where=np.broadcast_to(total > 0, d.shape))
