"""The entropy of attention weights: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import again, agree, exercise, expect

attention_entropy = exercise("attention_entropy", "stability")


def entropy_by_loops(weights):
    """The definition, one row at a time."""
    return np.apply_along_axis(lambda row: -sum(w * math.log(w) for w in row if w > 0), -1, weights)


@attention_entropy.law
def minus_w_log_w(candidate, draw):
    """The entropy of each row is -Σ w log w, in nats, for every shape."""
    for shape in again((5,), (3, 4), (2, 3, 1), (2, 2, 3, 6)):
        weights = plain_softmax(draw(*shape, scale=2.0))
        agree(candidate(weights), entropy_by_loops(weights), f"the entropy of weights of shape {shape}")


@attention_entropy.law
def from_one_key_to_all(candidate, draw):
    """An even row of n keys has entropy log n, one key alone 0, and nothing is NaN on the way."""
    rows = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4, [0.0] * 4])
    agree(candidate(rows), np.log([1.0, 2.0, 4.0, 1.0]), "the entropy of rows that cover 1, 2, 4 and 0 keys")
    agree(candidate(np.full(20_000, 1 / 20_000)), np.log(20_000), "the entropy of an even row of 20 000 keys")


@attention_entropy.law
def order_of_keys_does_not_matter(candidate, draw):
    """Shuffling the keys changes no entropy; mixing two rows never lowers it below their mean."""
    weights = plain_softmax(draw(2, 6, scale=3.0))
    got = np.asarray(candidate(weights[:, draw.rng.permutation(6)]))
    agree(got, entropy_by_loops(weights), "the entropy after a shuffle")
    expect(np.asarray(candidate(weights.mean(0))) >= got.mean() - 1e-5, "a mixture has less entropy than its parts")


@attention_entropy.law(wings=("in_torch",))
def gradient_of_entropy(candidate, draw):
    """The gradient is -(1 + log w) where w > 0, and finite where a masked key has weight 0."""
    weights, g = plain_softmax(draw(3, 4)), draw(3)
    weights[0, 1] = weights[2, 3] = 0.0
    got, there = candidate.gradients(g, weights)[0], weights > 0
    agree(got[there], (-g[:, None] * (1 + np.log(np.where(there, weights, 1.0))))[there], "the gradient")
    expect(np.isfinite(got).all(), "the gradient at a weight of 0 is not finite: it would turn masked scores into NaN")


@attention_entropy.mutant("an entropy that is NaN where a weight is 0: 0 · log 0")
def zero_times_log_zero(weights):
    return -(weights * np.log(weights)).sum(-1)


@attention_entropy.mutant("an entropy in bits (log to the base 2) instead of nats")
def in_bits(weights):
    return entropy_by_loops(weights) / math.log(2)


@attention_entropy.mutant("the entropy with the wrong sign")
def negative_entropy(weights):
    return -entropy_by_loops(weights)


@attention_entropy.mutant("an entropy with 0.001 added to every weight inside the logarithm: even rows come out wrong")
def softened_logarithm(weights):
    return -(weights * np.log(weights + 1e-3)).sum(-1)


@attention_entropy.mutant("the mean of -w log w instead of the sum")
def mean_instead_of_sum(weights):
    return entropy_by_loops(weights) / weights.shape[-1]


@attention_entropy.mutant("the entropy divided by its maximum log n, so that it ends between 0 and 1")
def share_of_the_maximum(weights):
    return entropy_by_loops(weights) / max(math.log(weights.shape[-1]), 1e-12)


@attention_entropy.mutant("one entropy for the whole array instead of one a row")
def entropy_of_everything(weights):
    return entropy_by_loops(weights.ravel())


@attention_entropy.mutant("the number of keys covered, exp(entropy), instead of the entropy")
def keys_covered(weights):
    return np.exp(entropy_by_loops(weights))


@attention_entropy.style
def by_a_tiny_floor(weights):
    """A floor of 1e-30 inside the logarithm."""
    return -np.sum(weights * np.log(np.maximum(weights, 1e-30)), axis=-1)


@attention_entropy.style
def entropy_in_float32(weights):
    """float32, selected entries."""
    w = weights.astype(np.float32)
    return np.sum(np.where(w > 0, -w * np.log(np.where(w > 0, w, 1)), 0), axis=-1)
