"""Attention as fast as NumPy can: tile by tile, in base two, and without the maximum wherever it is not needed."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.fast_tiles import allowed, common_axes, full, shaped
from headstart.tiles import TILE, head_groups, row_blocks, tiles

SAFE = 60.0  # 2^60 times any number of keys and any sane value is far from overflow, 2^-60 far from underflow
FEW = 16  # so few queries are not worth the pass over all keys that finds the bound


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", mask="bool ... T_q T_k")
def fast_attention(q, k, v, mask=None, causal=False, return_lse=False):
    """Compute scaled_dot_product_attention(q, k, v, mask) with one tile of scores in memory, never (T_q, T_k).

    q           (..., T_q, d_head)
    k           (..., T_k, d_head)
    v           (..., T_k, d_v)
    mask        (..., T_q, T_k)   boolean, True where a query may attend; broadcasts; None allows everything
    causal      bool              besides the mask: the last query sees all keys, the one before it all but the last, …
    return_lse  bool              return log-sum-exp too, which the backward pass needs
    return      (..., T_q, d_v)   a query that may attend to nothing gets zeros
                (..., T_q)        if asked for: log of the sum of exp(score) over the keys, -inf where none is allowed

    Law: it equals the plain function in every shape, mask and type.
    Source: Milakov and Gimelshein 2018, algorithm 3 (online softmax); Dao et al. 2022, algorithm 1 (tiles).
    """
    T_q, T_k = q.shape[-2], k.shape[-2]
    (q, k, v, mask), leading = common_axes(q, k, v, full(mask, T_q, T_k))
    work = np.result_type(q, k, v, np.float32)  # half precision is computed in single
    scale = math.log2(math.e) / math.sqrt(q.shape[-1])  # folded into q, so that exp is exp2: faster with AVX-512
    bounded = T_q >= FEW and scale * _longest(q) * _longest(k) <= SAFE  # Cauchy-Schwarz: no score is larger
    kind = np.result_type(q, k, v, np.float16)  # whole numbers have averages that are none
    out, lse = np.empty((*q.shape[:-1], v.shape[-1]), kind), np.empty(q.shape[:-1], work)
    scratch = np.empty(TILE, work)  # every tile in the same memory: it is still in the cache
    for heads in head_groups(q.shape[:-2], T_q, T_k):
        for rows in row_blocks(T_q):
            block, grid = (*heads, rows), tiles(rows, T_q, T_k, causal)
            seen = None if mask is None else mask[block]
            few = q[block].astype(work) * scale, k[heads], v[heads]
            out[block], lse[block] = _attend(*few, seen, grid, bounded, scratch)
    out, lse = out.reshape(*leading, *out.shape[-2:]), lse.reshape(*leading, T_q)
    return (out, lse) if return_lse else out


def _longest(x):
    """The length of the longest vector in x."""
    return math.sqrt(np.vecdot(x, x, dtype=np.result_type(x, np.float32)).max(initial=0.0))


def _attend(q, k, v, mask, grid, bounded, scratch):
    """One block of queries, scaled, and the tiles of keys they see: output and log-sum-exp."""
    out, total = np.zeros((*q.shape[:-1], v.shape[-1]), q.dtype), np.zeros((*q.shape[:-1], 1), q.dtype)
    top = np.full_like(total, 0.0 if bounded else np.finfo(q.dtype).min / 2)  # finite: -inf - top must not be nan
    for rows, keys, diagonal in grid:
        k_tile, v_tile = (x[:, keys].astype(q.dtype, copy=False) for x in (k, v))  # (g, keys, d)
        p = shaped(scratch, len(q), q[:, rows].shape[1], k_tile.shape[1])
        np.matmul(q[:, rows], k_tile.mT, out=p)  # (g, rows, keys)
        pairs = allowed(p, mask, rows, keys, diagonal)
        if not bounded:
            _lower(p, pairs, top[:, rows], total[:, rows], out[:, rows])
        np.exp2(p, out=p)
        if pairs is not None:
            p *= pairs  # cheaper than -inf before exp2, which is slow for it
        total[:, rows] += p @ np.ones((p.shape[-1], 1), p.dtype)  # row sums as a matrix product, faster than sum
        out[:, rows] += p @ v_tile
    out /= np.where(total == 0.0, 1.0, total)  # (T_q, d_v) numbers are divided, not (T_q, T_k)
    with np.errstate(divide="ignore"):  # log 0 = -inf where nothing was allowed
        return out, math.log(2.0) * (top + np.log2(total))[..., 0]


def _lower(scores, pairs, top, total, out):
    """Subtract each row's largest score so far, and shrink what was summed before by as much. All in place."""
    if pairs is not None:
        np.copyto(scores, -np.inf, where=~pairs)
    higher = np.maximum(top, scores.max(axis=-1, keepdims=True))
    shrink = np.exp2(top - higher)
    total *= shrink
    out *= shrink
    top[...] = higher
    scores -= higher
