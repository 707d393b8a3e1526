"""Choosing blocks of keys: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, exercise, expect
from headstart.graders.stability.witness import same_mask

block_selection_mask = exercise("block_selection_mask", "variants", chapter="variants", wings=("in_numpy",))

CASES = (
    ((2,), 8, 3, 2, 1),
    ((), 9, 2, 2, 2),
    ((2, 1), 7, 4, 3, 1),
    ((2,), 5, 2, 1, 2),
    ((), 3, 2, 5, 1),
    ((2,), 24, 4, 4, 2),
)


def selected_by_loops(q, k, block_size, top_k, rate=None):
    """One query at a time: its own block, and the earlier blocks with the highest ratings."""
    rate = rate or (lambda query, keys: query @ keys.mean(axis=0))
    lead, T = q.shape[:-2], q.shape[-2]
    mask = np.zeros((*lead, T, T), dtype=bool)
    for at in np.ndindex(*lead):
        for i in range(T):
            own = i // block_size
            ratings = [rate(q[at][i], k[at][b * block_size : (b + 1) * block_size]) for b in range(own)]
            best = sorted(range(own), key=lambda b: -ratings[b])[:top_k]
            for b in [*best, own]:
                mask[at][i, b * block_size : min((b + 1) * block_size, i + 1)] = True
    return mask


@block_selection_mask.law
def best_blocks_and_its_own(candidate, draw):
    """A query sees its own block up to itself and the `top_k` earlier blocks whose mean keys fit it best."""
    for lead, T, d, block_size, top_k in again(*CASES):
        q, k = draw(*lead, T, d, scale=300.0), draw(*lead, T, d)
        want = selected_by_loops(q, k, block_size, top_k)
        same_mask(candidate(q, k, block_size, top_k), want, f"the mask for blocks of {block_size}, top {top_k}")


@block_selection_mask.law
def selection_is_causal(candidate, draw):
    """Changing later tokens changes no earlier row of the mask."""
    q, k = draw(9, 3), draw(9, 3)
    later = k.copy()
    later[6:] = 10 * draw(3, 3)
    got = np.asarray(candidate(q, later, 3, 1))
    same_mask(got[:6], np.asarray(candidate(q, k, 3, 1))[:6], "the mask before the change")
    expect(not np.triu(got, 1).any(), "a query sees a later key")


@block_selection_mask.law
def no_query_sees_too_much(candidate, draw):
    """Each query sees itself, and at most (top_k + 1)·block_size keys; with enough blocks allowed, all before it."""
    q, k = draw(2, 12, 4), draw(2, 12, 4)
    got = np.asarray(candidate(q, k, 3, 1))
    expect(got[..., range(12), range(12)].all(), "a query does not see itself")
    expect(got.sum(axis=-1).max() <= 6, f"a query sees {got.sum(axis=-1).max()} keys with blocks of 3 and top 1")
    same_mask(candidate(q, k, 3, 4), np.broadcast_to(np.tri(12, dtype=bool), (2, 12, 12)), "the mask of all blocks")


@block_selection_mask.law
def refuses_empty_blocks(candidate, draw):
    """Blocks of no tokens and selections of no blocks are refused by an exception."""
    for sizes in ((0, 1), (2, 0), (-1, 1), (2, -1)):
        refused = candidate.refuses(draw(4, 2), draw(4, 2), *sizes)
        expect(refused, f"it took block_size, top_k = {sizes}, it should raise ValueError")


def mistaken(diagnosis):
    """Register a wrong selection under a name and a diagnosis."""
    return block_selection_mask.mutant(diagnosis)


@mistaken("the worst blocks chosen instead of the best")
def worst_blocks(q, k, block_size, top_k):
    return selected_by_loops(-q, k, block_size, top_k)


@mistaken("blocks rated by their first key instead of their mean")
def first_key_rates(q, k, block_size, top_k):
    return selected_by_loops(q, k, block_size, top_k, lambda query, keys: query @ keys[0])


@mistaken("blocks rated by the one of their keys that fits best: it takes all scores to know it, the mean takes one")
def best_key_rates(q, k, block_size, top_k):
    return selected_by_loops(q, k, block_size, top_k, lambda query, keys: (keys @ query).max())


@mistaken("blocks rated by the size of the mean key alone: every query chooses the same blocks")
def query_ignored(q, k, block_size, top_k):
    return selected_by_loops(q, k, block_size, top_k, lambda query, keys: np.linalg.norm(keys.mean(axis=0)))


@mistaken("the nearest blocks chosen instead of the best: a window, not a selection")
def nearest_blocks(q, k, block_size, top_k):
    T = q.shape[-2]
    behind = np.arange(T)[:, None] // block_size - np.arange(T) // block_size
    return np.broadcast_to((behind <= top_k) & np.tri(T, dtype=bool), (*q.shape[:-2], T, T)).copy()


@mistaken("a selection without the query's own block")
def own_block_missing(q, k, block_size, top_k):
    T = q.shape[-2]
    own = np.arange(T)[:, None] // block_size == np.arange(T) // block_size
    return selected_by_loops(q, k, block_size, top_k) & ~own


@mistaken("a selection that counts the query's own block as one of the k")
def own_block_counted(q, k, block_size, top_k):
    return selected_by_loops(q, k, block_size, top_k - 1)


@mistaken("a selection whose own block is open to the future")
def own_block_open(q, k, block_size, top_k):
    T = q.shape[-2]
    own = np.arange(T)[:, None] // block_size == np.arange(T) // block_size
    return selected_by_loops(q, k, block_size, top_k) | own


@block_selection_mask.style
def chosen_by_partition(q, k, block_size, top_k):
    """A threshold: the rating of the k-th best earlier block."""
    if min(block_size, top_k) < 1:
        raise ValueError("empty")
    T = q.shape[-2]
    block = np.arange(T) // block_size
    one_hot = (block[:, None] == np.arange(block[-1] + 1)).astype(float)  # (T, blocks)
    means = (one_hot / one_hot.sum(axis=0)).T @ k
    ratings = np.where(np.arange(block[-1] + 1) < block[:, None], q @ means.mT, -np.inf)
    worst = np.sort(ratings, axis=-1)[..., ::-1][..., [min(top_k, ratings.shape[-1]) - 1]]
    return ((ratings >= worst)[..., block] | (block[:, None] == block)) & np.tri(T, dtype=bool)
