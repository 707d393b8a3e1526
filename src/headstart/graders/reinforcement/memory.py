"""The mask of an agent with a memory: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import by_loops
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.stability.witness import same_mask

memory_mask = exercise("memory_mask", "reinforcement", wings=("in_numpy",), needs=("causal_mask",))

SIZES = (((7,), 3), ((5,), 5), ((1,), 1), ((6,), 1), ((2, 8), 4), ((3, 5), 2), ((2, 2, 6), 6), ((2, 3, 4), 2))


def memory_by_loops(ends, T_q):
    """From every query backwards, key by key, until an end is crossed."""
    T_k = ends.shape[-1]
    mask = np.zeros((*ends.shape[:-1], T_q, T_k), dtype=bool)
    for *at, i in np.ndindex(*ends.shape[:-1], T_q):
        own = i + T_k - T_q
        for key in range(own, -1, -1):
            if key < own and ends[*at, key]:
                break
            mask[*at, i, key] = True
    return mask


def draw_ends(draw, *shape):
    """Ends at random, about one step in three; the first row has one at its second step."""
    ends = draw.rng.random(shape) < 0.3
    ends.reshape(-1, shape[-1])[0] = np.arange(shape[-1]) == min(1, shape[-1] - 1)
    return ends


@memory_mask.law
def back_to_the_last_end(candidate, draw):
    """A query may attend to itself and backwards, memory included, to the first step of its own episode."""
    for shape, T_q in SIZES:
        ends = draw_ends(draw, *shape)
        what = f"memory_mask(ends, {T_q}) of {ends.astype(int).tolist()}"
        same_mask(candidate(ends, T_q), memory_by_loops(ends, T_q), what)


@memory_mask.law
def an_end_belongs_to_its_own_episode(candidate, draw):
    """The last step of an episode sees all of it; the step behind it sees itself alone."""
    ends = np.array([False, False, True, False, False])
    want = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 1]], dtype=bool)
    same_mask(candidate(ends, 3), want, "the mask of three queries behind the episode ends 0 0 1 0 0")


@memory_mask.law
def segments_change_nothing(candidate, draw):
    """The mask of the newest queries is the end of the mask of all: where a segment is cut does not matter."""
    ends = draw_ends(draw, 2, 9)
    whole = np.asarray(candidate(ends, 9))
    for T_q in (1, 4, 8):
        same_mask(candidate(ends, T_q), whole[:, -T_q:], f"the mask of the last {T_q} of 9 steps")


@memory_mask.law
def no_end_is_a_causal_mask(candidate, draw):
    """Where no episode ends all of the past is seen; where every step is an end, each sees itself alone."""
    for T_q in (1, 3, 6):
        none, every = np.zeros(6, dtype=bool), np.ones(6, dtype=bool)
        same_mask(candidate(none, T_q), np.tri(T_q, 6, 6 - T_q, dtype=bool), f"the mask of {T_q} queries without ends")
        same_mask(candidate(every, T_q), np.eye(T_q, 6, 6 - T_q, dtype=bool), f"the mask of {T_q} with ends everywhere")


@memory_mask.law
def as_if_the_episode_had_begun_afresh(candidate, draw):
    """An answer with this mask is what the episode gets with nothing in the memory."""
    x = draw(9, 4)
    ends = np.isin(np.arange(9), (1, 5))
    out = by_loops(x[-5:], x, x, np.asarray(candidate(ends, 5)))
    alone = by_loops(x[6:], x[6:], x[6:], np.tri(3, dtype=bool))
    agree(out[2:], alone, "the answers of the last episode")


@memory_mask.law
def as_many_queries_as_steps_at_most(candidate, draw):
    """No query, or more queries than steps, is refused with an exception."""
    for T_k, T_q in ((5, 0), (5, -1), (5, 6), (1, 2)):
        refused = candidate.refuses(np.zeros(T_k, dtype=bool), T_q)
        expect(refused, f"memory_mask of {T_k} steps with T_q = {T_q} should raise a ShapeError or another ValueError")


def checked(ends, T_q):
    """The causal part, once the sizes are right."""
    if not 1 <= T_q <= ends.shape[-1]:
        raise ValueError("T_q")
    return np.tri(T_q, ends.shape[-1], ends.shape[-1] - T_q, dtype=bool)


def numbered(ends, late=0):
    """The number of each step's episode; late=1 counts an end to the next one."""
    return np.cumsum(ends, axis=-1) - (0 if late else ends)


@memory_mask.mutant("the causal mask alone: an episode reads the one before it out of the memory")
def leaks_across_episodes(ends, T_q):
    return np.broadcast_to(checked(ends, T_q), memory_by_loops(ends, T_q).shape).copy()


@memory_mask.mutant("episodes kept apart, but the future is open: no causal mask")
def future_open(ends, T_q):
    checked(ends, T_q)
    episode = numbered(ends)
    return episode[..., -T_q:, None] == episode[..., None, :]


@memory_mask.mutant("an end counted to the next episode: the last step of an episode cannot see it")
def end_counted_late(ends, T_q):
    episode = numbered(ends, late=1)
    return (episode[..., -T_q:, None] == episode[..., None, :]) & checked(ends, T_q)


@memory_mask.mutant("queries aligned with the oldest steps: the newest queries get the mask of the memory's first rows")
def aligned_with_the_oldest(ends, T_q):
    checked(ends, T_q)
    return memory_by_loops(ends, ends.shape[-1])[..., :T_q, :]


@memory_mask.mutant("a memory that is cut off by any end in it, even where the query stands before that end")
def cut_by_any_end(ends, T_q):
    mask = memory_by_loops(ends, T_q)
    last = np.max(np.where(ends[..., :-1], np.arange(ends.shape[-1] - 1), -1), axis=-1, initial=-1)
    after = np.arange(ends.shape[-1]) > last[..., None]
    return mask & (after[..., None, :] | np.eye(T_q, ends.shape[-1], ends.shape[-1] - T_q, dtype=bool))


@memory_mask.mutant("a query that does not see itself (off by one)")
def itself_left_out(ends, T_q):
    return memory_by_loops(ends, T_q) & ~np.eye(T_q, ends.shape[-1], ends.shape[-1] - T_q, dtype=bool)


@memory_mask.mutant("only the current segment: the memory is never read")
def memory_never_read(ends, T_q):
    checked(ends, T_q)
    return memory_by_loops(ends, T_q) & (np.arange(ends.shape[-1]) >= ends.shape[-1] - T_q)


@memory_mask.mutant("the mask inverted: True where a query may not attend")
def memory_mask_inverted(ends, T_q):
    checked(ends, T_q)
    return ~memory_by_loops(ends, T_q)


@memory_mask.mutant("the right mask as numbers 0 and 1 instead of booleans")
def memory_numbers(ends, T_q):
    checked(ends, T_q)
    return memory_by_loops(ends, T_q).astype(float)


@memory_mask.style
def by_the_last_end(ends, T_q):
    """The place of each query's first step, found by a running maximum."""
    T_k = ends.shape[-1]
    assert 1 <= T_q <= T_k
    first = np.zeros(ends.shape, dtype=int)
    first[..., 1:] = np.maximum.accumulate(np.where(ends[..., :-1], np.arange(1, T_k), 0), axis=-1)
    places = np.arange(T_k)
    return (places >= first[..., -T_q:, None]) & (places <= np.arange(T_k - T_q, T_k)[:, None])


@memory_mask.style
def row_by_row(ends, T_q):
    """One query after another."""
    T_k = ends.shape[-1]
    if T_q < 1 or T_q > T_k:
        raise ValueError("T_q")
    places, rows = np.arange(T_k), []
    for own in range(T_k - T_q, T_k):
        later = np.cumsum((ends & (places < own))[..., ::-1], axis=-1)[..., ::-1]  # ends between each key and the query
        rows.append((later == 0) & (places <= own))
    return np.stack(rows, axis=-2)
