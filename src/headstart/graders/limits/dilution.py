"""A bound on the largest weight: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import weights_by_loops
from headstart.graders.kit import again, agree, exercise, expect

largest_weight_bound = exercise("largest_weight_bound", "limits", wings=("in_numpy",))

SHAPES = (((), 3, 5, 4), ((1,), 1, 2, 3), ((2,), 4, 7, 2), ((2, 3), 2, 3, 5), ((), 2, 1, 3))


def bound_by_loops(q, k):
    """One query at a time: one key at +r, the others at -r."""
    bound = np.zeros(q.shape[:-1])
    for at in np.ndindex(bound.shape):
        longest = max(math.sqrt(sum(x * x for x in key)) for key in k[at[:-1]])
        reach = math.sqrt(sum(x * x for x in q[at])) * longest / math.sqrt(q.shape[-1])
        bound[at] = math.exp(reach) / (math.exp(reach) + (k.shape[-2] - 1) * math.exp(-reach))
    return bound


@largest_weight_bound.law
def one_key_against_all_others(candidate, draw):
    """The bound is the weight of a score r among T_k - 1 scores -r, r = |q| max |k| / √d_head, however large r is."""
    for lead, T_q, T_k, d_head in again(*SHAPES):
        q, k = draw(*lead, T_q, d_head), draw(*lead, T_k, d_head)
        agree(candidate(q, k), bound_by_loops(q, k), "the bound")
    agree(candidate(np.full((2, 4), 90.0), np.full((5, 4), 90.0)), np.ones(2), "the bound for long vectors")


@largest_weight_bound.law
def no_weight_is_larger(candidate, draw):
    """No attention weight exceeds it, whatever the directions are."""
    for lead, T_q, T_k, d_head in SHAPES:
        q, k = draw(*lead, T_q, d_head), draw(*lead, T_k, d_head)
        largest = weights_by_loops(q, k).max(axis=-1)
        bound = np.asarray(candidate(q, k))
        expect(bound.shape == largest.shape, f"the bound has shape {bound.shape}, it should be {largest.shape}")
        expect((bound >= largest - 1e-4).all(), f"a weight of {largest.max():.4f} exceeds its bound")


@largest_weight_bound.law
def it_is_attained(candidate, draw):
    """If one key points along the query and all others, equally long, against it, the bound is the weight itself."""
    q = draw(1, 4)
    for T_k in (2, 9):
        k = np.repeat(-q, T_k, axis=0)
        k[T_k // 2] *= -1
        agree(candidate(q, k), weights_by_loops(q, k).max(axis=-1), "the bound on the weight of the one key along q")


@largest_weight_bound.law
def more_keys_dilute(candidate, draw):
    """With lengths fixed, the bound falls to nothing as keys are added: one over their number, times exp(2 r)."""
    q, k = draw(2, 3), draw(4, 3)
    for copies in (1, 500):
        keys = np.tile(k, (copies, 1))
        agree(candidate(q, keys), bound_by_loops(q, keys), f"the bound for {len(keys)} keys", atol=1e-7)


def bound(q, k, *, reach=None, others=None, factor=2.0):
    """The bound with a part of it replaced."""
    lengths = np.linalg.norm(k, axis=-1)
    reach = np.linalg.norm(q, axis=-1) * lengths.max(-1, keepdims=True) / q.shape[-1] ** 0.5 if reach is None else reach
    others = k.shape[-2] - 1 if others is None else others
    return 1 / (1 + others * np.exp(-factor * reach))


@largest_weight_bound.mutant("a bound for scores between 0 and r: they lie between -r and r, a spread of 2r")
def half_the_spread(q, k):
    return bound(q, k, factor=1.0)


@largest_weight_bound.mutant("a bound on scores that are not divided by √d_head")
def unscaled(q, k):
    return bound(q, k, factor=2.0 * q.shape[-1] ** 0.5)


@largest_weight_bound.mutant("a bound on scores that are divided by d_head, not its root")
def scaled_twice(q, k):
    return bound(q, k, factor=2.0 / q.shape[-1] ** 0.5)


@largest_weight_bound.mutant("a bound with T_k other keys: the one key itself is counted among them")
def one_key_too_many(q, k):
    return bound(q, k, others=k.shape[-2])


@largest_weight_bound.mutant("the least that a weight can be, not the most: the sign in the exponential is turned")
def smallest_weight(q, k):
    return bound(q, k, factor=-2.0)


@largest_weight_bound.mutant("a bound with the average length of the keys: a longer key breaks it")
def average_length(q, k):
    mean = np.linalg.norm(k, axis=-1).mean(-1, keepdims=True)
    return bound(q, k, reach=np.linalg.norm(q, axis=-1) * mean / q.shape[-1] ** 0.5)


@largest_weight_bound.mutant("one bound for all queries, made from the longest: true, and not each query's own")
def longest_query(q, k):
    longest = np.linalg.norm(q, axis=-1).max(-1, keepdims=True) * np.ones(q.shape[:-1])
    return bound(q, k, reach=longest * np.linalg.norm(k, axis=-1).max(-1, keepdims=True) / q.shape[-1] ** 0.5)


@largest_weight_bound.mutant("the largest weight of this very softmax instead of a bound on it")
def the_weight_itself(q, k):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).max(-1)


@largest_weight_bound.style
def softmax_of_two_values(q, k):
    """The extreme case written down and put through a softmax, in float32."""
    q, k = q.astype("f4"), k.astype("f4")
    r = np.sqrt((q * q).sum(-1)) * np.sqrt((k * k).sum(-1).max(-1))[..., None] / np.sqrt(np.float32(q.shape[-1]))
    one, others = np.exp(r - r), (k.shape[-2] - 1) * np.exp(-r - r)  # the larger score subtracted from both
    return one / (one + others)


@largest_weight_bound.style
def logistic_function(q, k):
    """A logistic function of 2 r - log(T_k - 1), overwhelmed where there is one key."""
    r = np.linalg.norm(q, axis=-1) * np.linalg.norm(k, axis=-1).max(axis=-1)[..., None] / q.shape[-1] ** 0.5
    others = np.log(k.shape[-2] - 1) if k.shape[-2] > 1 else -np.inf
    return 1 / (1 + np.exp(others - 2 * r))
