"""The causal mask: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.stability.witness import same_mask

causal_mask = exercise("causal_mask", "masks", chapter="stability")

SIZES = ((5, 5), (1, 1), (1, 6), (3, 5), (2, 7), (5, 3))  # as many, one query with a cache, a few, more than keys


def causal_by_loops(T_q, T_k):
    """Query i is token i + T_k - T_q of the sequence; it sees the tokens up to itself."""
    return np.array([[j <= i + T_k - T_q for j in range(T_k)] for i in range(T_q)])


@causal_mask.law
def sees_the_past_and_itself(candidate, draw):
    """Query i may attend to key j where j <= i + T_k - T_q: the queries are the last tokens of the sequence."""
    for T_q, T_k in SIZES:
        same_mask(candidate(T_q, T_k), causal_by_loops(T_q, T_k), f"causal_mask({T_q}, {T_k})")


@causal_mask.law
def last_query_sees_everything(candidate, draw):
    """The last query sees every key, and each query before it one key less."""
    T_k = int(draw.rng.integers(6, 12))
    for T_q in (1, 3, T_k):
        seen = np.sum(candidate(T_q, T_k), axis=-1)
        agree(seen, np.arange(T_k - T_q + 1, T_k + 1), f"the number of keys that each of {T_q} queries sees")


@causal_mask.law
def a_cache_changes_nothing(candidate, draw):
    """The mask of the last T_q queries is the end of the mask of all."""
    T = int(draw.rng.integers(5, 10))
    for T_q in (1, 2, T - 1):
        same_mask(candidate(T_q, T), np.asarray(candidate(T, T))[-T_q:], f"causal_mask({T_q}, {T})")


@causal_mask.law
def refuses_no_queries_or_keys(candidate, draw):
    """There is at least one query and one key; anything less is refused with an exception."""
    for sizes in ((0, 3), (3, 0), (-1, 2)):
        expect(candidate.refuses(*sizes), f"causal_mask{sizes} should raise a ShapeError or another ValueError")


def mistaken(diagnosis):
    """Register a wrong mask under a name and a diagnosis."""
    return causal_mask.mutant(diagnosis)


@mistaken("a causal mask aligned at the top left: with a cache the last query sees the oldest keys only")
def aligned_top_left(T_q, T_k):
    return np.tri(T_q, T_k, dtype=bool)


@mistaken("a causal mask that shuts out the diagonal: no token sees itself (off by one)")
def without_the_diagonal(T_q, T_k):
    return np.tri(T_q, T_k, T_k - T_q - 1, dtype=bool)


@mistaken("a causal mask that lets one future token in (off by one)")
def one_token_ahead(T_q, T_k):
    return np.tri(T_q, T_k, T_k - T_q + 1, dtype=bool)


@mistaken("the causal mask inverted: True marks the future, as nn.MultiheadAttention wants it")
def marks_the_future(T_q, T_k):
    return ~causal_by_loops(T_q, T_k)


@mistaken("the causal mask transposed: each token sees the future and not the past")
def upper_triangle(T_q, T_k):
    return np.triu(np.ones((T_q, T_k), dtype=bool), T_k - T_q)


@mistaken("a causal mask with queries and keys exchanged: shape (T_k, T_q)")
def keys_by_queries(T_q, T_k):
    return causal_by_loops(T_k, T_q)


@mistaken("a mask that lets everything through")
def nothing_forbidden(T_q, T_k):
    return np.ones((T_q, T_k), dtype=bool)


@mistaken("the right mask as numbers 0 and 1 instead of booleans, which would be added to the scores")
def causal_numbers(T_q, T_k):
    return causal_by_loops(T_q, T_k).astype(float)


@causal_mask.style
def by_comparing_places(T_q, T_k):
    """Places compared by broadcasting."""
    if T_q < 1 or T_k < 1:
        raise ValueError("no queries or no keys")
    return np.arange(T_k)[None, :] <= np.arange(T_k - T_q, T_k)[:, None]


@causal_mask.style
def by_cutting_a_square(T_q, T_k):
    """The last rows and columns of a large square mask; an assertion refuses sizes below 1."""
    assert min(T_q, T_k) > 0
    T = max(T_q, T_k)
    return np.tril(np.ones((T, T), dtype=bool))[T - T_q :, T - T_k :]
