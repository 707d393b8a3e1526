"""A token drawn with one uniform number: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise
from headstart.graders.multi_head.counts import whole

pick_token = exercise("pick_token", "speculative", chapter="generation", wings=("in_numpy",))


def picked_by_loops(probabilities, uniform):
    """Walk along until the share that is left is used up."""
    left = uniform * sum(probabilities)
    for token, p in enumerate(probabilities):
        if left < p:
            return token
        left -= p
    return max(i for i, p in enumerate(probabilities) if p > 0)


def draw_distribution(draw, *shape, sharp=1.0):
    """Probabilities: random rows that sum to one."""
    e = np.exp(draw(*shape, scale=sharp))
    return e / e.sum(-1, keepdims=True)


@pick_token.law
def intervals_follow_each_other(candidate, draw):
    """Token i is drawn where uniform lies from p_0 + … + p_(i-1) up to, not including, that plus p_i."""
    p = np.array([0.5, 0.125, 0.25, 0.125])  # sums of these are exact
    for uniform, token in ((0.0, 0), (0.49, 0), (0.5, 1), (0.62, 1), (0.625, 2), (0.87, 2), (0.875, 3), (0.999, 3)):
        whole(candidate(p, uniform), token, f"the token for uniform = {uniform} of {p.tolist()}")
    whole(candidate(p[::-1], 0.5), 3, f"the token for uniform = 0.5 of {p[::-1].tolist()}")
    rare = np.array([1e-12, 0.25, 0.75])  # its share is its own, however small
    for uniform, token in ((5e-13, 0), (2e-12, 1)):
        whole(candidate(rare, uniform), token, f"the token for uniform = {uniform} of {rare.tolist()}")
    for n in (1, 5):
        p, uniforms = draw_distribution(draw, n), draw.rng.random(4)
        for uniform in map(float, uniforms):
            whole(candidate(p, uniform), picked_by_loops(p, uniform), f"the token for uniform = {uniform:.4f}")


@pick_token.law
def tokens_without_probability_are_never_drawn(candidate, draw):
    """Zeros at the beginning, in the middle and at the end are skipped, at 0 and just below 1 too."""
    p = np.array([0.0, 0.25, 0.0, 0.75, 0.0])
    for uniform, token in ((0.0, 1), (0.2, 1), (0.25, 3), (1.0 - 1e-6, 3)):
        whole(candidate(p, uniform), token, f"the token for uniform = {uniform} of {p.tolist()}")


@pick_token.law
def shares_of_the_total(candidate, draw):
    """Weights that do not sum to one are taken as shares: rounding, or a filter, costs no token its part."""
    p = np.array([2.0, 1.0, 1.0])
    for uniform, token in ((0.1, 0), (0.4, 0), (0.55, 1), (0.8, 2)):
        for factor in (1.0, 0.1, 0.25 - 1e-7):
            whole(
                candidate(factor * p, uniform), token, f"the token for uniform = {uniform} of {(factor * p).tolist()}"
            )


@pick_token.mutant("the most probable token, whatever the uniform number is")
def always_the_best(probabilities, uniform):
    return int(np.argmax(probabilities))


@pick_token.mutant("one token too late: the number of intervals passed plus one")
def one_token_late(probabilities, uniform):
    return min(picked_by_loops(probabilities, uniform) + 1, len(probabilities) - 1)


@pick_token.mutant("the uniform number cut into equal parts: the probabilities were not used")
def equal_parts(probabilities, uniform):
    return int(uniform * len(probabilities))


@pick_token.mutant("intervals from the last token on")
def from_behind(probabilities, uniform):
    return len(probabilities) - 1 - picked_by_loops(probabilities[::-1], uniform)


@pick_token.mutant("an interval's right border counted in: at uniform = 0 a token of probability zero can be drawn")
def border_counted_in(probabilities, uniform):
    edges = np.cumsum(probabilities)
    return int(np.searchsorted(edges, uniform * edges[-1], side="left"))


@pick_token.mutant("the uniform number compared with sums that do not reach one: the last token gets what is missing")
def total_forgotten(probabilities, uniform):
    return min(int((np.cumsum(probabilities) <= uniform).sum()), len(probabilities) - 1)


@pick_token.style
def pick_by_counting(probabilities, uniform):
    """The number of borders that are not above the uniform number."""
    edges = np.cumsum(probabilities) / np.sum(probabilities)
    return (edges <= uniform).sum()


@pick_token.style
def pick_by_first_above(probabilities, uniform):
    """argmax of a comparison."""
    return int(np.argmax(np.add.accumulate(probabilities) > uniform * probabilities.sum()))
