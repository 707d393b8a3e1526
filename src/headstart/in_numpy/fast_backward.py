"""The backward pass of the fast attention: five matrix products a tile, and nothing larger than a tile."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.fast_tiles import allowed, common_axes, full, shaped
from headstart.tiles import TILE, head_groups, row_blocks, tiles


@shapes(dout="... T_q d_v", q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", out="... T_q d_v", lse="... T_q",
        mask="bool ... T_q T_k")  # fmt: skip
def fast_attention_backward(dout, q, k, v, out, lse, mask=None, causal=False):
    """Go back through fast_attention from its output and log-sum-exp. Leading axes of q, k and v are the same.

    dout    (..., T_q, d_v)
    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    v       (..., T_k, d_v)
    out     (..., T_q, d_v)      what fast_attention returned
    lse     (..., T_q)           and its log-sum-exp
    mask    (..., T_q, T_k)      boolean, True where a query may attend; broadcasts; None allows everything
    causal  bool                 as in the forward pass
    return  dq (..., T_q, d_head), dk (..., T_k, d_head), dv (..., T_k, d_v)

    Law: it equals attention_backward; a query that may attend to nothing gets zeros and gives nothing.
    Source: Dao et al. 2022, appendix B.4, algorithm 4.
    """
    T_q, T_k = q.shape[-2], k.shape[-2]
    (*arrays, mask), leading = common_axes(dout, q, k, v, out, lse[..., None], full(mask, T_q, T_k))
    slopes = [np.zeros(x.shape, lse.dtype) for x in arrays[1:4]]  # of q, k and v

    for heads in head_groups(leading or (1,), T_q, T_k):
        given = (x[heads].astype(lse.dtype, copy=False) for x in arrays)
        _go_back(*given, *(dx[heads] for dx in slopes), None if mask is None else mask[heads], causal)
    return tuple(dx.reshape(*leading, *dx.shape[-2:]).astype(x.dtype) for dx, x in zip(slopes, (q, k, v), strict=True))


def _go_back(dout, q, k, v, out, lse, dq, dk, dv, mask, causal):
    """A group of heads with all queries and keys: add to dq, dk and dv."""
    scale, log2e = 1.0 / math.sqrt(q.shape[-1]), math.log2(math.e)
    # One more column lets the matrix products subtract lse from the scores and D = rowsum(dout · out) from dout vᵀ.
    less = np.where(lse == -np.inf, 0.0, lse * -log2e)  # where nothing is allowed, no pair is left to weigh
    D = np.vecdot(dout, out)[..., None]
    q, k = _with_column(q * (scale * log2e), less), _with_column(k, 1.0)
    dout, v = _with_column(dout, -D), _with_column(v, 1.0)
    scratch = np.empty((2, TILE), q.dtype)
    for rows in row_blocks(q.shape[-2]):
        grid, seen = tiles(rows, q.shape[-2], k.shape[-2], causal), None if mask is None else mask[:, rows]
        _add_block(q[:, rows], k, v, dout[:, rows], dq[:, rows], dk, dv, seen, grid, scratch)
    dq *= scale
    dk /= log2e  # it was made from q that holds scale and log2(e)


def _add_block(q, k, v, dout, dq, dk, dv, mask, grid, scratch):
    """One block of queries: add what it gives to every key it sees, and gets from it."""
    for rows, keys, diagonal in grid:
        size = len(q), q[:, rows].shape[1], keys.stop - keys.start
        p, dp = (shaped(memory, *size) for memory in scratch)
        np.matmul(q[:, rows], k[:, keys].mT, out=p)  # (g, rows, keys): scores less log-sum-exp, so never above zero …
        pairs = allowed(p, mask, rows, keys, diagonal)
        if pairs is not None:
            np.minimum(p, 0.0, out=p)  # … except where forbidden, and there exp2 must not overflow
        np.exp2(p, out=p)  # the weights
        if pairs is not None:
            p *= pairs
        np.matmul(dout[:, rows], v[:, keys].mT, out=dp)
        dv[:, keys] += p.mT @ dout[:, rows, :-1]
        p *= dp  # softmax backward: p (dp - D)
        dq[:, rows] += p @ k[:, keys, :-1]
        dk[:, keys] += p.mT @ q[:, rows, :-1]


def _with_column(x, column):
    """Set one more column beside x (..., T, d)."""
    wide = np.empty((*x.shape[:-1], x.shape[-1] + 1), x.dtype)
    wide[..., :-1], wide[..., -1:] = x, column
    return wide
