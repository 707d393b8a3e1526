"""Attention tile by tile: no array of T_q × T_k numbers is ever made. The plain version, to be read."""

import math

import torch

from headstart.contract import shapes
from headstart.in_torch.stability import online_softmax


def tile_scores(q, k, diagonal=None):
    """Scores of one tile, (..., n, m); with a diagonal, query i of the tile may see its keys j <= i + diagonal."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if diagonal is None:
        return scores
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril(diagonal)
    return scores.masked_fill(~allowed, -math.inf)


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
        top = q.new_full(queries.shape[:-1], -math.inf)
        total, mixed = torch.zeros_like(top), v.new_zeros(*top.shape, v.shape[-1])
        for j in range(0, T_k, block_size):
            block = slice(j, j + block_size)
            scores = tile_scores(queries, k[..., block, :], i + T_k - T_q - j if causal else None)
            top, total, mixed = online_softmax(scores, v[..., block, :], top, total, mixed)
        seen = total.masked_fill(total == 0.0, 1.0)  # a query that may attend to nothing keeps its zeros
        outs.append(mixed / seen[..., None])
        lses.append(top + torch.log(seen))
    return torch.cat(outs, dim=-2), torch.cat(lses, dim=-1)
