"""From a boolean mask to an additive one: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import again, agree, exercise, expect

additive_bias = exercise("additive_bias", "masks", chapter="stability")


def draw_mask(draw, *shape):
    """A random mask with one row that allows nothing."""
    mask = draw.mask(*shape)
    mask[..., 1, :] = False
    return mask


@additive_bias.law
def zero_or_minus_infinity(candidate, draw):
    """0 where a query may attend, -inf where not: not a large number, so that an empty row can be told."""
    for shape in again((3, 4), (2, 3, 5), (2, 1, 2, 6), (4, 1)):
        mask, want = draw_mask(draw, *shape), np.full(shape, -np.inf)
        want[mask] = 0.0
        agree(candidate(mask), want, "the bias")


@additive_bias.law
def weights_are_those_of_the_mask(candidate, draw):
    """Added to scores, it gives forbidden keys no weight and changes nothing among the allowed ones."""
    scores, mask = draw(2, 4, 5), draw_mask(draw, 2, 4, 5)
    weights = plain_softmax(scores + candidate(mask))
    agree(weights, plain_softmax(np.where(mask, scores, -np.inf)), "the weights")
    expect(np.all(weights[~mask] == 0), "a forbidden key keeps some weight")


@additive_bias.law
def biases_add_up(candidate, draw):
    """The sum of two biases is the bias of both masks together."""
    one, other = draw_mask(draw, 3, 5), draw.mask(3, 5)
    agree(candidate(one) + candidate(other), candidate(one & other), "the sum of two biases")


@additive_bias.mutant("the mask as 0 and 1: added to the scores it forbids nothing")
def ones_and_zeros(mask):
    return mask.astype(float)


@additive_bias.mutant("the bias inverted: -inf where a query may attend")
def bias_inverted(mask):
    return np.where(mask, -np.inf, 0.0)


@additive_bias.mutant("(1 - mask) times -inf, which is NaN wherever a query may attend: 0 · inf is not a number")
def zero_times_infinity(mask):
    return (1.0 - mask) * -np.inf


@additive_bias.mutant("a bias of -1e-9 where -1e9 was meant: it forbids nothing")
def tiny_bias(mask):
    return np.where(mask, 0.0, -1e-9)


@additive_bias.mutant("a finite bias (-1e9): a query with nothing to attend to gets its unmasked weights back")
def finite_bias(mask):
    return np.where(mask, 0.0, -1e9)


@additive_bias.mutant("the most negative float32 as bias: two of them added overflow, and an empty row looks allowed")
def smallest_float32(mask):
    return np.where(mask, 0.0, float(np.finfo(np.float32).min))


@additive_bias.mutant("+inf where a query may not attend: exactly these keys would get all the weight")
def plus_infinity(mask):
    return np.where(mask, 0.0, np.inf)


@additive_bias.style
def by_the_logarithm(mask):
    """log 1 = 0 and log 0 = -inf."""
    with np.errstate(divide="ignore"):
        return np.log(mask.astype(np.float32))


@additive_bias.style
def by_assignment(mask):
    """Zeros, then -inf by index."""
    bias = np.zeros(mask.shape)
    bias[~mask] = -np.inf
    return bias
