"""Back through tiled attention: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import draw_qkv, scores_of, slopes_at_once
from headstart.graders.backward.witness import QKV, agree_all, forward
from headstart.graders.efficiency.tiled import pairs_never_held, visible, wanted
from headstart.graders.kit import again, exercise, expect

tiled_attention_backward = exercise(
    "tiled_attention_backward",
    "tiled_backward",
    chapter="efficiency",
    wings=("in_numpy",),
    needs=("attention_backward_from_output",),
)


def drawn(draw, lead, T_q, T_k, causal=False):
    """dout, q, k, v, what the forward pass returned, and the gradients by finite differences."""
    dout, mask = draw(*lead, T_q, 3), visible(T_q, T_k) if causal else None
    qkv = draw_qkv(draw, lead, T_q, T_k, 4, 3)
    want = slopes_at_once(lambda q, k, v: forward(q, k, v, mask), dout, *qkv)
    return (dout, *qkv, *wanted(*qkv, mask)), want


@tiled_attention_backward.law
def slopes_in_tiles(candidate, draw):
    """dq, dk and dv equal finite differences, in tiles of any size, partial ones at the end included."""
    for lead, T_q, T_k, blocks in again(((), 3, 2, (2,)), ((2, 1), 4, 5, (1, 3, 64))):
        saved, want = drawn(draw, lead, T_q, T_k)
        for block in blocks:
            agree_all(candidate(*saved, block_size=block), want, QKV)


@tiled_attention_backward.law
def causal_slopes_in_tiles(candidate, draw):
    """Under a causal mask nothing flows back to a key that a query could not see, whichever tiles the diagonal cuts."""
    for T_q, T_k, block in ((5, 5, 2), (2, 5, 2), (4, 4, 3)):
        saved, want = drawn(draw, (), T_q, T_k, causal=True)
        agree_all(candidate(*saved, causal=True, block_size=block), want, QKV)


@tiled_attention_backward.law
def empty_queries_pass_nothing_back(candidate, draw):
    """A query that saw nothing (lse = -inf) gets zeros and gives zeros."""
    saved, want = drawn(draw, (2,), 5, 2, causal=True)
    agree_all(candidate(*saved, causal=True, block_size=2), want, QKV)


@tiled_attention_backward.law
def large_scores_stay_finite(candidate, draw):
    """Scores in the thousands do not overflow: lse is subtracted before exp."""
    dout, v, k = draw(3, 2), draw(3, 2), 60.0 * np.eye(3, 4)
    lse, zeros = np.full(3, 1800.0), np.zeros((3, 4))  # each query's own key outweighs the others by far
    agree_all(candidate(dout, k.copy(), k, v, v.copy(), lse, block_size=2), (zeros, zeros, dout), QKV, atol=1e-3)


@tiled_attention_backward.law
def scores_far_below_zero(candidate, draw):
    """Scores near -1800, and an lse as low, are met like any others: what is hidden passes nothing back."""
    dout, v, q, k = draw(3, 3), draw(3, 3), np.round(4 * draw(3, 4)) / 4, np.round(4 * draw(3, 4)) / 4
    q[:, 0], k[:, 0], mask = 60.0, -60.0, visible(3, 3)
    want = slopes_at_once(lambda q, k, v: forward(q, k, v, mask), dout, q, k, v)
    scores = np.where(mask, scores_of(q, k), -np.inf)
    lse = scores.max(-1) + np.log(np.exp(scores - scores.max(-1, keepdims=True)).sum(-1))
    got = candidate(dout, q, k, v, forward(q, k, v, mask), lse, causal=True, block_size=2)
    agree_all(got, want, QKV, atol=2e-2)


@tiled_attention_backward.law
def no_array_of_all_pairs(candidate, draw):
    """In tiles of 32 the memory for 256 queries and keys stays below that of 256 × 256 weights."""
    q, k, v = draw_qkv(draw, (), 256, 256, 2, 2)
    pairs_never_held(candidate, 256, 7.8, draw(256, 2), q, k, v, draw(256, 2), np.full(256, 6.0))  # about the lse


@tiled_attention_backward.law
def a_block_holds_something(candidate, draw):
    """A block_size below 1 is refused."""
    saved, _ = drawn(draw, (), 2, 2)
    for block in (0, -1):
        expect(candidate.refuses(*saved, block_size=block), f"it took block_size={block}, it should raise ValueError")


def by_blocks(dout, q, k, v, out, lse, causal=False, block_size=64, *, D=None, scale=None, shift=None, partial=True,
              kept=False, overwrite=False):  # fmt: skip
    """One block of keys after the other, with a (wrong) D, scale or place of the diagonal."""
    if block_size < 1:
        raise ValueError("block_size is at least 1")
    T_q, T_k = q.shape[-2], k.shape[-2]
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    D = (dout * out).sum(-1, keepdims=True) if D is None else D
    dq, dk, dv, shown = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape), []
    for j in range(0, T_k if partial else T_k - T_k % block_size, block_size):
        b = slice(j, j + block_size)
        scores = scores_of(q, k[..., b, :])
        if causal:
            diagonal = (T_k - T_q if shift is None else shift) - j
            scores = np.where(np.tri(T_q, scores.shape[-1], diagonal, dtype=bool), scores, -np.inf)
        weights = np.exp(scores - np.where(np.isinf(lse), 0.0, lse)[..., None])
        if kept:
            shown.append(weights)
        block_D = (weights * (dout @ v[..., b, :].mT)).sum(-1, keepdims=True) if isinstance(D, str) else D
        dscores = weights * (dout @ v[..., b, :].mT - block_D) * factor
        dq = dscores @ k[..., b, :] if overwrite else dq + dscores @ k[..., b, :]
        dk[..., b, :], dv[..., b, :] = dscores.mT @ q, weights.mT @ dout
    return dq, dk, dv


@tiled_attention_backward.mutant("a backward pass that keeps the weights of every tile: together they are all pairs")
def every_tile_kept(*args, **kwargs):
    return by_blocks(*args, **kwargs, kept=True)


@tiled_attention_backward.mutant("a tiled backward pass without D: the row sum term is dropped")
def tiles_without_D(*args, **kwargs):
    return by_blocks(*args, **kwargs, D=0.0)


@tiled_attention_backward.mutant("a tiled backward pass whose row sum runs over the tile alone, not over all keys")
def row_sum_of_the_tile(*args, **kwargs):
    return by_blocks(*args, **kwargs, D="tile")


@tiled_attention_backward.mutant("a tiled backward pass whose dq is overwritten by every block of keys, not added up")
def dq_overwritten(*args, **kwargs):
    return by_blocks(*args, **kwargs, overwrite=True)


@tiled_attention_backward.mutant("a tiled backward pass with dq and dk not scaled by 1/√d_head")
def tiled_gradient_not_scaled(*args, **kwargs):
    return by_blocks(*args, **kwargs, scale=1.0)


@tiled_attention_backward.mutant("a tiled backward pass that drops the last, partial block of keys")
def last_keys_dropped(*args, **kwargs):
    return by_blocks(*args, **kwargs, partial=False)


@tiled_attention_backward.mutant("a tiled backward pass that ignores causal")
def backward_ignores_causal(dout, q, k, v, out, lse, causal=False, block_size=64):
    return by_blocks(dout, q, k, v, out, lse, False, block_size)


@tiled_attention_backward.mutant("a tiled backward pass with the causal mask aligned top left")
def backward_top_left(*args, **kwargs):
    return by_blocks(*args, **kwargs, shift=0)


@tiled_attention_backward.mutant("a tiled backward pass that is NaN where a query saw nothing")
def backward_nan_for_empty_queries(dout, q, k, v, out, lse, causal=False, block_size=64):
    dq, dk, dv = by_blocks(dout, q, k, v, out, lse, causal, block_size)
    if np.isinf(lse).any():
        return np.where(np.isinf(lse)[..., None], np.nan, dq), dk * np.nan, dv * np.nan
    return dq, dk, dv


@tiled_attention_backward.style
def all_queries_over_one_block(*args, **kwargs):
    """One loop, over the keys; all queries at once."""
    return list(by_blocks(*args, **kwargs))


@tiled_attention_backward.style
def queries_outside(dout, q, k, v, out, lse, causal=False, block_size=64):
    """Blocks of queries, each over all keys that it sees; float32 inside."""
    if block_size <= 0:
        raise ValueError("empty blocks")
    dout, q, k, v, out, lse = (x.astype(np.float32) for x in (dout, q, k, v, out, lse))
    T_q, T_k, dq, dk, dv = q.shape[-2], k.shape[-2], [], np.zeros_like(k), np.zeros_like(v)
    for i in range(0, T_q, block_size):
        s = slice(i, i + block_size)
        n = q[..., s, :].shape[-2]
        mask = np.tri(n, T_k, i + T_k - T_q, dtype=bool) if causal else None
        shift = np.where(np.isinf(lse[..., s]), np.float32(0), lse[..., s])[..., None]
        weights = np.exp(scores_of(q[..., s, :], k, mask) - shift)
        D = np.einsum("...d,...d->...", dout[..., s, :], out[..., s, :])[..., None]
        dscores = weights * (dout[..., s, :] @ v.mT - D) / np.float32(math.sqrt(q.shape[-1]))
        dq.append(dscores @ k)
        dk, dv = dk + dscores.mT @ q[..., s, :], dv + weights.mT @ dout[..., s, :]
    return np.concatenate(dq, axis=-2), dk, dv
