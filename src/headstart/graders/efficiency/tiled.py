"""Tiled attention: laws, and the pieces of its known mistakes and accepted styles (tiled_answers.py)."""

import math

import numpy as np

from headstart.graders.attention.witness import FUSED, by_loops, draw_qkv, scores_of
from headstart.graders.kit import agree, exercise, expect

tiled_attention = exercise("tiled_attention", "tiled", chapter="efficiency", needs=("online_softmax",), bans=FUSED)

BLOCK = 32  # the tiles in which memory is looked at


def visible(T_q, T_k):
    """The causal mask, one pair at a time."""
    return np.array([[j <= i + T_k - T_q for j in range(T_k)] for i in range(T_q)])


def wanted(q, k, v, mask=None):
    """Output and lse by the definition."""
    scores = scores_of(q, k, mask)
    totals = [sum(math.exp(s) for s in row) for row in scores.reshape(-1, k.shape[-2])]
    lse = np.array([math.log(total) if total else -math.inf for total in totals])
    return by_loops(q, k, v, mask), lse.reshape(scores.shape[:-1])


def both(got, want, what=""):
    """Compare an output and an lse with what they should be."""
    expect(isinstance(got, tuple | list) and len(got) == 2, "the result is not (out, lse)")
    agree(got[0], want[0], f"out{what}")
    agree(got[1], want[1], f"lse{what}")


@tiled_attention.law
def whole_tiles(candidate, draw):
    """Where tiles fit evenly, out is attention and lse the log of the sum of exp(score) of each query."""
    for lead, T_q, T_k, block in (((), 4, 4, 2), ((2, 1), 6, 3, 3), ((1,), 4, 8, 4)):
        q, k, v = draw_qkv(draw, lead, T_q, T_k, 4, 3)
        both(candidate(q, k, v, block_size=block), wanted(q, k, v), f" in tiles of {block}")


@tiled_attention.law
def any_block_size(candidate, draw):
    """The answer does not depend on block_size: tiles at the end may be partial, and one tile may hold everything."""
    q, k, v = draw_qkv(draw, (2,), 4, 5, 4, 3)
    want = wanted(q, k, v)
    for block in (1, 3, 64):
        both(candidate(q, k, v, block_size=block), want, f" in tiles of {block}")


@tiled_attention.law
def causal_in_tiles(candidate, draw):
    """Under a causal mask query i sees the keys j <= i + T_k - T_q, whichever tiles the diagonal cuts."""
    for T_q, T_k, block in ((6, 6, 2), (5, 5, 3), (2, 7, 3), (1, 5, 2)):
        q, k, v = draw_qkv(draw, (), T_q, T_k, 4, 3)
        want = wanted(q, k, v, visible(T_q, T_k))
        both(candidate(q, k, v, causal=True, block_size=block), want, f" under a causal mask, {T_q} by {T_k}")


@tiled_attention.law
def nothing_to_see(candidate, draw):
    """A query that may attend to nothing (causal, more queries than keys) gets zeros, and -inf for its lse."""
    for T_q, T_k, block in ((5, 2, 2), (6, 3, 3), (4, 1, 8)):
        q, k, v = draw_qkv(draw, (2,), T_q, T_k, 4, 3)
        got = candidate(q, k, v, causal=True, block_size=block)
        both(got, wanted(q, k, v, visible(T_q, T_k)), f" of {T_q} queries over {T_k} keys")


@tiled_attention.law
def rising_and_falling_scores(candidate, draw):
    """Scores that rise or fall by hundreds from tile to tile neither overflow nor get lost."""
    v = draw(6, 3)
    for steps in (np.repeat([0.0, 400.0, 800.0], 2), np.repeat([800.0, 400.0, 0.0], 2), np.full(6, -2000.0)):
        q, k = np.ones((2, 4)), (draw(6, 4) + 2 * steps[:, None]) / 4  # so that scores are steps and a little more
        scores = scores_of(q, k)
        top = scores.max(-1)
        lse = top + np.log(np.exp(scores - top[:, None]).sum(-1))
        out, got = candidate(q, k, v, block_size=2)
        agree(out, by_loops(q, k, v), "out", rtol=5e-3, atol=1e-3)  # float32 keeps 3 digits after 800.
        agree(got, lse, "lse", rtol=1e-5)
    out, _ = candidate(q, k, v, causal=True, block_size=2)  # what is hidden stays below scores of -2000
    agree(out, by_loops(q, k, v, visible(2, 6)), "out under a causal mask", rtol=5e-3, atol=1e-3)


def pairs_never_held(candidate, T, limit, *arrays):
    """Break unless a causal call in tiles of BLOCK gets along with fewer than limit · T² bytes.

    All scores take 8 · T² in float64, as the float mask of all pairs does. Strips of tiles are allowed.
    """
    expect(
        candidate.fits(int(limit * T**2), *arrays, causal=True, block_size=BLOCK),
        f"with {T} queries and keys in tiles of {BLOCK} it held {int(limit * T**2):,} bytes or more beside its "
        f"inputs: the scores of all pairs would take {8 * T**2:,}, those of a tile {8 * BLOCK**2:,}",
    )


@tiled_attention.law(wings=("in_numpy",))
def no_array_of_all_pairs(candidate, draw):
    """In tiles of 32 all that is held for 224 queries and keys is less than their 224 × 224 scores."""
    pairs_never_held(candidate, 224, 7.8, *draw_qkv(draw, (), 224, 224, 2, 2))  # seven strips make all pairs


@tiled_attention.law(wings=("in_torch",))
def no_tensor_of_all_pairs(candidate, draw):
    """In tiles of 32 no tensor made for 128 queries and keys holds as much as their 128 × 128 scores."""
    pairs_never_held(candidate, 128, 3.0, *draw_qkv(draw, (), 128, 128, 2, 2))  # 4 · T² even in float32; a strip 2 · T²


@tiled_attention.law
def a_block_holds_something(candidate, draw):
    """A block_size below 1 is refused."""
    q, k, v = draw_qkv(draw, (), 3, 3, 2, 2)
    for block in (0, -1):
        expect(candidate.refuses(q, k, v, block_size=block), f"it took block_size={block}, it should raise ValueError")
