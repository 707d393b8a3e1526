"""The soft dictionary: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax, slopes, softmax_by_loops
from headstart.graders.kit import agree, exercise

look_up = exercise("look_up", "attention", needs=("softmax",))


def by_entries(query, keys, values):
    """Scores, weights and the weighted sum, one entry at a time."""
    weights = softmax_by_loops([sum(a * b for a, b in zip(key, query, strict=True)) for key in keys])
    return sum(w * v for w, v in zip(weights, values, strict=True))


@look_up.law
def one_query_by_loops(candidate, draw):
    """The answer is the sum of softmax(keys . query) times the values."""
    for T, d, d_v in ((5, 3, 4), (1, 2, 3), (7, 4, 1)):
        query, keys, values = draw(d), draw(T, d), draw(T, d_v)
        agree(candidate(query, keys, values), by_entries(query, keys, values))


@look_up.law
def clear_match_returns_its_value(candidate, draw):
    """If one key fits far better than all others, the answer is that key's value, and nothing overflows."""
    keys, values = np.eye(4) * 30.0, draw(4, 3)
    for i in range(4):
        agree(candidate(np.eye(4)[i] * 40.0, keys, values), values[i])


@look_up.law
def close_matches_share(candidate, draw):
    """Keys that fit almost equally well share the answer, be their scores far above zero or far below."""
    for size in (60.0, 800.0, -800.0):
        query, keys, values = np.append(draw(3), 20.0), draw(5, 4), draw(5, 3)
        keys[:, 3] = size / 20.0
        agree(candidate(query, keys, values), by_entries(query, keys, values), f"the answer at scores near {size:g}",
              rtol=2e-3, atol=2e-4)  # fmt: skip


@look_up.law
def order_of_entries(candidate, draw):
    """Shuffling the entries (keys and values alike) changes nothing: a dictionary has no order."""
    query, keys, values, order = draw(3), draw(6, 3), draw(6, 2), draw.rng.permutation(6)
    agree(candidate(query, keys[order], values[order]), candidate(query, keys, values))


@look_up.law(wings=("in_torch",))
def look_up_passes_gradients(candidate, draw):
    """Gradients reach the query, the keys and the values, and equal finite differences."""
    inputs, g = (draw(3), draw(4, 3), draw(4, 2)), draw(2)
    for got, want in zip(candidate.gradients(g, *inputs), slopes(by_entries, g, *inputs), strict=True):
        agree(got, want, "the gradient")


@look_up.mutant("the value of the best key alone: a hard look-up, not an average")
def best_key_only(query, keys, values):
    return values[np.argmax(keys @ query)]


@look_up.mutant("the plain mean of the values: the query and the keys are ignored")
def plain_mean(query, keys, values):
    return values.mean(0)


@look_up.mutant("a sum weighted by the raw scores, without the softmax")
def raw_scores(query, keys, values):
    return (keys @ query) @ values


@look_up.mutant("scores divided by √d although this look-up has no scaling")
def scaled_after_all(query, keys, values):
    return plain_softmax(keys @ query / math.sqrt(len(query))) @ values


@look_up.mutant("a weighted sum of the keys instead of the values")
def keys_for_values(query, keys, values):
    return plain_softmax(keys @ query) @ keys


@look_up.mutant("exp without the maximum subtracted first, which overflows for large scores")
def overflowing_look_up(query, keys, values):
    e = np.exp(keys @ query)
    return e / e.sum() @ values


@look_up.mutant("scores clipped to ±50 so that exp cannot overflow: beyond that all keys fit alike")
def clipped_look_up(query, keys, values):
    return plain_softmax(np.clip(keys @ query, -50.0, 50.0)) @ values


@look_up.mutant("the largest absolute score subtracted instead of the largest score: large negative scores underflow")
def largest_size_subtracted_in_look_up(query, keys, values):
    scores = keys @ query
    e = np.exp(scores - np.abs(scores).max())
    return e / e.sum() @ values


@look_up.style
def look_up_in_a_loop(query, keys, values):
    """Plain Python, one entry at a time."""
    scores = [float(np.dot(key, query)) for key in keys]
    return np.array(sum(w * value for w, value in zip(softmax_by_loops(scores), values, strict=True)))


@look_up.style
def look_up_by_einsum(query, keys, values):
    """einsum for both products."""
    return np.einsum("t,tv->v", plain_softmax(np.einsum("td,d->t", keys, query)), values)
