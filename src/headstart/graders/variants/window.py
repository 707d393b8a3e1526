"""The sliding window with sinks: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.stability.witness import same_mask

sliding_window_mask = exercise("sliding_window_mask", "windows", chapter="variants")

CASES = (  # T_q, T_k, window, num_sinks
    (6, 6, 3, 0),
    (6, 6, 3, 2),
    (6, 6, 2, 2),
    (1, 7, 3, 1),
    (3, 8, 2, 0),
    (3, 8, 4, 2),
    (5, 5, 1, 0),
    (1, 1, 1, 0),
    (5, 3, 2, 1),
)


def window_by_loops(T_q, T_k, window, num_sinks=0):
    """Query i is token p = i + T_k - T_q; it sees the last `window` tokens up to itself, and the sinks."""
    mask = np.zeros((T_q, T_k), dtype=bool)
    for i in range(T_q):
        p = i + T_k - T_q
        for j in range(T_k):
            mask[i, j] = j <= p and (j > p - window or j < num_sinks)
    return mask


@sliding_window_mask.law
def sees_the_window_and_the_sinks(candidate, draw):
    """Query i, token p = i + T_k - T_q, sees key j where p - window < j <= p, or j < num_sinks and j <= p."""
    for case in CASES:
        same_mask(candidate(*case), window_by_loops(*case), f"sliding_window_mask{case}")


@sliding_window_mask.law
def as_many_keys_as_the_window_is_long(candidate, draw):
    """A query deep in the sequence sees exactly `window` keys, its own place included, and no sinks by default."""
    window = int(draw.rng.integers(2, 6))
    seen = np.sum(candidate(4, 12, window), axis=-1)
    agree(seen, np.full(4, window), f"the number of keys that queries see through a window of {window}")


@sliding_window_mask.law
def a_wide_window_is_causal(candidate, draw):
    """A window as long as the sequence is the causal mask, whether or not there are sinks."""
    for T_q, T_k in ((5, 5), (2, 6)):
        causal = np.tri(T_q, T_k, T_k - T_q, dtype=bool)
        for sinks in (0, 3, 6):
            same_mask(candidate(T_q, T_k, T_k, sinks), causal, f"sliding_window_mask({T_q}, {T_k}, {T_k}, {sinks})")


@sliding_window_mask.law
def a_cache_changes_no_window(candidate, draw):
    """The mask of the last T_q queries is the end of the mask of all."""
    T = int(draw.rng.integers(6, 10))
    for T_q in (1, 2, T - 1):
        want = np.asarray(candidate(T, T, 3, 1))[-T_q:]
        same_mask(candidate(T_q, T, 3, 1), want, f"sliding_window_mask({T_q}, {T}, 3, 1)")


@sliding_window_mask.law
def refuses_an_empty_window(candidate, draw):
    """At least one query, one key and a window of one, and no negative number of sinks: else an exception."""
    for sizes in ((0, 3, 2), (3, 0, 2), (3, 3, 0), (3, 3, -1), (3, 3, 2, -1)):
        expect(candidate.refuses(*sizes), f"sliding_window_mask{sizes} should raise a ShapeError or another ValueError")


def mistaken(diagnosis):
    """Register a wrong mask under a name and a diagnosis."""
    return sliding_window_mask.mutant(diagnosis)


def placed(T_q, T_k, shift=None):
    """How far behind each query each key lies."""
    start = T_k - T_q if shift is None else shift
    return np.arange(start, start + T_q)[:, None] - np.arange(T_k)


@mistaken("a window aligned at the top left: with a cache the newest query sees the oldest keys")
def window_at_top_left(T_q, T_k, window, num_sinks=0):
    past = placed(T_q, T_k, 0)
    return (past >= 0) & ((past < window) | (np.arange(T_k) < num_sinks))


@mistaken("a window one key too long: the query's own place counts")
def window_and_itself(T_q, T_k, window, num_sinks=0):
    return window_by_loops(T_q, T_k, window + 1, num_sinks)


@mistaken("a window that reaches into the future as far as into the past")
def window_both_ways(T_q, T_k, window, num_sinks=0):
    past = placed(T_q, T_k)
    return (np.abs(past) < window) | ((np.arange(T_k) < num_sinks) & (past >= 0))


@mistaken("a window whose sinks are seen from the past as well: the first queries look ahead")
def sinks_from_the_past(T_q, T_k, window, num_sinks=0):
    past = placed(T_q, T_k)
    return ((past >= 0) & (past < window)) | (np.arange(T_k) < num_sinks)


@mistaken("a window without the sinks")
def sinks_forgotten(T_q, T_k, window, num_sinks=0):
    return window_by_loops(T_q, T_k, window)


@mistaken("the causal mask: the window is missing")
def window_missing(T_q, T_k, window, num_sinks=0):
    return np.tri(T_q, T_k, T_k - T_q, dtype=bool)


@mistaken("the window inverted: True marks what is out of sight")
def window_inverted(T_q, T_k, window, num_sinks=0):
    return ~window_by_loops(T_q, T_k, window, num_sinks)


@mistaken("blocks of the length of the window instead of a window that slides")
def blocks_for_windows(T_q, T_k, window, num_sinks=0):
    place = np.arange(T_k - T_q, T_k)[:, None]
    same = place // window == np.arange(T_k) // window
    return (np.arange(T_k) <= place) & (same | (np.arange(T_k) < num_sinks))


@sliding_window_mask.style
def difference_of_triangles(T_q, T_k, window, num_sinks=0):
    """A causal triangle less a lower one, and the sinks' columns."""
    assert min(T_q, T_k, window) > 0 <= num_sinks
    mask = np.tri(T_q, T_k, T_k - T_q, dtype=bool) & ~np.tri(T_q, T_k, T_k - T_q - window, dtype=bool)
    mask[:, :num_sinks] |= np.tri(T_q, T_k, T_k - T_q, dtype=bool)[:, :num_sinks]
    return mask
