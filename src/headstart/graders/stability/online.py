"""The online softmax: laws, known mistakes, accepted styles. The signature makes it one pass: old blocks are gone."""

import numpy as np

from headstart.graders.attention.witness import mix_by_loops, softmax_by_loops
from headstart.graders.kit import agree, exercise, expect

online_softmax = exercise("online_softmax", "stability")


def start(scores, v):
    """The running numbers before the first block."""
    rows = scores.shape[:-1]
    return np.full(rows, -np.inf), np.zeros(rows), np.zeros((*rows, v.shape[-1]))


def folded(candidate, scores, v, sizes):
    """The state after all blocks of the given sizes."""
    state, first = start(scores, v), 0
    for size in sizes:
        block = slice(first, first := first + size)
        state = candidate(scores[..., block], v[..., block, :], *state)
        expect(isinstance(state, tuple | list) and len(state) == 3, "the result is not (top, total, mixed)")
    return [np.asarray(part) for part in state]


def answer_of(state):
    """mixed / total, zeros where nothing was allowed."""
    _, total, mixed = state
    return mixed / np.where(total == 0, 1.0, total)[..., None]


def at_once(scores, v):
    """The same from all scores together."""
    return mix_by_loops(np.apply_along_axis(softmax_by_loops, -1, scores), v)


@online_softmax.law
def equals_softmax_at_once(candidate, draw):
    """After the last block mixed / total is softmax(scores) times the values, wherever the blocks were cut."""
    for lead, T_q, sizes in (((), 3, (8,)), ((2,), 4, (3, 3, 2)), ((2, 2), 1, (1,) * 5), ((1,), 3, (1, 6))):
        scores, v = draw(*lead, T_q, sum(sizes), scale=3.0), draw(*lead, sum(sizes), 4)
        agree(answer_of(folded(candidate, scores, v, sizes)), at_once(scores, v), f"mixed / total after blocks {sizes}")


@online_softmax.law
def state_is_what_it_says(candidate, draw):
    """After each block top is the largest score so far, total and mixed are the sums against that very maximum."""
    scores, v = draw(2, 3, 6), draw(2, 6, 4)
    for n in (2, 4, 6):
        top, total, mixed = folded(candidate, scores, v, (2,) * (n // 2))
        seen = scores[..., :n]
        e = np.exp(seen - seen.max(-1, keepdims=True))
        agree(top, seen.max(-1), f"top after {n} keys")
        agree(total, e.sum(-1), f"total after {n} keys")
        agree(mixed, mix_by_loops(e, v[:, :n]), f"mixed after {n} keys")


@online_softmax.law
def rising_and_falling_maxima(candidate, draw):
    """Blocks may come in any order: scores that rise or fall by thousands neither overflow nor get lost."""
    steps = np.repeat([0.0, 2000.0, 4000.0], 2)
    v = draw(6, 3)
    for shift in (steps, steps[::-1], np.array([0.0, 0, 900, 900, -900, -900])):
        scores = draw(2, 6) + shift
        got = answer_of(folded(candidate, scores, v, (2, 2, 2)))
        agree(got, at_once(scores, v), "mixed / total", rtol=5e-3, atol=1e-3)  # float32 keeps 3 digits after 4000.


@online_softmax.law
def forbidden_blocks(candidate, draw):
    """A block in which nothing is allowed changes nothing, first or later; a row without any key stays at zeros."""
    scores, v = draw(4, 6), draw(6, 3)
    scores[0, :2] = scores[1, 2:4] = scores[2, 4:] = scores[3] = -np.inf
    state = folded(candidate, scores, v, (2, 2, 2))
    agree(answer_of(state), at_once(scores, v), "mixed / total")
    agree(state[0], scores.max(-1), "top, which stays -inf in a row without any key")
    agree(state[1][3], 0.0, "total of a row without any key")
    scores = np.where(np.arange(6) < 2, -np.inf, draw(4, 6) - 2000.0)
    got = answer_of(folded(candidate, scores, v, (2, 4)))
    agree(got, at_once(scores, v), "mixed / total of scores near -2000 after an empty block", rtol=5e-3, atol=1e-3)


def step(fade=lambda old, new: np.exp(old - new), against=None):
    """A block taken in, with a (wrong) factor for the old sums and a (wrong) maximum to sum against."""

    def take(scores, v, top, total, mixed):
        new = np.maximum(top, scores.max(-1))
        shift = np.where(np.isfinite(new), new, 0.0)
        mine = shift if against is None else against(scores, shift)
        e, old = np.exp(scores - mine[..., None]), fade(top, shift)
        return new, old * total + e.sum(-1), old[..., None] * mixed + e @ v

    return take


@online_softmax.mutant("a running softmax whose old sums are not rescaled when the maximum rises")
def never_rescaled(*args):
    return step(fade=lambda old, new: np.ones_like(new))(*args)


@online_softmax.mutant("a running softmax that rescales by exp(new - old) instead of exp(old - new)")
def rescaled_upside_down(*args):
    return step(fade=lambda old, new: np.where(np.isfinite(old), np.exp(new - old), 0.0))(*args)


@online_softmax.mutant("a running softmax whose new block is summed against its own maximum, not the running one")
def block_against_itself(*args):
    def own(scores, shift):
        top = scores.max(-1)
        return np.where(np.isfinite(top), top, 0.0)

    return step(against=own)(*args)


@online_softmax.mutant("a running softmax that rescales the sum and forgets the accumulated values")
def values_not_rescaled(scores, v, top, total, mixed):
    new, sums, _ = step()(scores, v, top, total, mixed)
    shift = np.where(np.isfinite(new), new, 0.0)
    return new, sums, mixed + np.exp(scores - shift[..., None]) @ v


@online_softmax.mutant("a running softmax that adds the block before the rescale, so that the block is rescaled too")
def added_before_the_rescale(scores, v, top, total, mixed):
    new = np.maximum(top, scores.max(-1))
    shift = np.where(np.isfinite(new), new, 0.0)
    e, old = np.exp(scores - shift[..., None]), np.exp(top - shift)
    return new, old * (total + e.sum(-1)), old[..., None] * (mixed + e @ v)


@online_softmax.mutant("the block alone: what was summed before is thrown away")
def forgets_the_past(scores, v, top, total, mixed):
    return step()(scores, v, np.full_like(top, -np.inf), 0 * total, 0 * mixed)


@online_softmax.mutant("a running softmax that is NaN after a block in which nothing is allowed")
def nan_after_an_empty_block(scores, v, top, total, mixed):
    new = np.maximum(top, scores.max(-1))
    e, old = np.exp(scores - new[..., None]), np.exp(top - new)
    return new, old * total + e.sum(-1), old[..., None] * mixed + e @ v


@online_softmax.mutant("a running softmax that starts its maximum at 0: scores far below it underflow to nothing")
def top_never_below_zero(scores, v, top, total, mixed):
    return step()(scores, v, np.maximum(top, 0.0), total, mixed)


@online_softmax.mutant("a running softmax without any maximum, which overflows for large scores")
def no_running_maximum(scores, v, top, total, mixed):
    e = np.exp(scores)
    return np.maximum(top, scores.max(-1)), total + e.sum(-1), mixed + e @ v


@online_softmax.style
def key_by_key(scores, v, top, total, mixed):
    """One key at a time, with a branch for what is not allowed."""
    for j in range(scores.shape[-1]):
        s = scores[..., j]
        new = np.maximum(top, s)
        old, e = (np.where(np.isfinite(a), np.exp(a - np.where(np.isfinite(new), new, 0.0)), 0.0) for a in (top, s))
        total, mixed = total * old + e, mixed * old[..., None] + e[..., None] * v[..., None, j, :]
        top = new
    return top, total, mixed


@online_softmax.style
def online_in_float32(*args):
    """float32 throughout, a list returned."""
    return list(step()(*(a.astype(np.float32) for a in args)))
