"""Attention tile by tile: no array of T_q × T_k numbers is ever made. The plain version, to be read."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.stability import online_softmax


def tile_scores(q, k, diagonal=None):
    """Scores of one tile, (..., n, m); with a diagonal, query i of the tile may see its keys j <= i + diagonal."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if diagonal is None:
        return scores
    return np.where(np.tri(*scores.shape[-2:], diagonal, dtype=bool), scores, -np.inf)


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v")
def tiled_attention(q, k, v, causal=False, block_size=64):
    """Attend in tiles of block_size queries by block_size keys, with the memory of a few tiles and of the result.

    q           (..., T_q, d_head)
    k           (..., T_k, d_head)
    v           (..., T_k, d_v)
    causal      bool             query i may attend to the keys j <= i + T_k - T_q: aligned at the bottom right
    block_size  int              at least 1, else ValueError; the last tile of a row or column may be smaller
    return      out (..., T_q, d_v), lse (..., T_q): the output, and log Σ exp(score) over the keys of each query

    No array of T_q × T_k numbers may be made. A query that may attend to nothing gets zeros, and its lse is -inf.
    Law: the answer does not depend on block_size.
    Source: Dao et al. 2022, algorithm 1; Dao 2024, algorithm 1 (queries outside, keys inside, one division at the end).
    """
    if block_size < 1:
        raise ValueError(f"tiled_attention: block_size must be at least 1, got {block_size}")
    T_q, T_k, outs, lses = q.shape[-2], k.shape[-2], [], []
    for i in range(0, T_q, block_size):
        queries = q[..., i : i + block_size, :]  # (..., n, d_head)
        top = np.full(queries.shape[:-1], -np.inf, q.dtype)
        total, mixed = np.zeros_like(top), np.zeros((*top.shape, v.shape[-1]), v.dtype)
        for j in range(0, T_k, block_size):
            block = slice(j, j + block_size)
            scores = tile_scores(queries, k[..., block, :], i + T_k - T_q - j if causal else None)
            top, total, mixed = online_softmax(scores, v[..., block, :], top, total, mixed)
        seen = np.where(total == 0.0, 1.0, total)  # a query that may attend to nothing keeps its zeros
        outs.append(mixed / seen[..., None])
        lses.append(top + np.log(seen))
    return np.concatenate(outs, axis=-2), np.concatenate(lses, axis=-1)
