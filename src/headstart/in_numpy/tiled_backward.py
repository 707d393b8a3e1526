"""Back through attention tile by tile. There is no PyTorch twin: a tile's gradient is the same few products there."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.tiled import tile_scores


@shapes(dout="... T_q d_v", q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", out="... T_q d_v", lse="... T_q")
def tiled_attention_backward(dout, q, k, v, out, lse, causal=False, block_size=64):
    """Go back through tiled_attention, with each tile's weights computed again and none of them kept.

    dout        (..., T_q, d_v)
    q           (..., T_q, d_head)
    k           (..., T_k, d_head)
    v           (..., T_k, d_v)
    out         (..., T_q, d_v)     what tiled_attention returned
    lse         (..., T_q)          and its second result; -inf for a query that may attend to nothing
    causal      bool                as in tiled_attention
    block_size  int                 at least 1, else ValueError; it need not be that of the forward pass
    return      dq (..., T_q, d_head), dk (..., T_k, d_head), dv (..., T_k, d_v)

    No array of T_q × T_k numbers may be made. Law: the gradients do not depend on block_size.
    Source: Dao et al. 2022, algorithm 4 and appendix B.2; Dao 2024, algorithm 2.
    """
    if block_size < 1:
        raise ValueError(f"tiled_attention_backward: block_size must be at least 1, got {block_size}")
    T_q, T_k, scale = q.shape[-2], k.shape[-2], 1 / math.sqrt(q.shape[-1])
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    D = (dout * out).sum(axis=-1, keepdims=True)  # (..., T_q, 1)
    finite = np.where(lse == -np.inf, 0.0, lse)[..., None]  # (..., T_q, 1): keep -inf - (-inf) from being nan
    for j in range(0, T_k, block_size):
        keys = slice(j, j + block_size)
        for i in range(0, T_q, block_size):
            rows = slice(i, i + block_size)
            scores = tile_scores(q[..., rows, :], k[..., keys, :], i + T_k - T_q - j if causal else None)
            weights = np.exp(scores - finite[..., rows, :])  # (..., n, m)
            dscores = weights * (dout[..., rows, :] @ v[..., keys, :].mT - D[..., rows, :]) * scale
            dq[..., rows, :] += dscores @ k[..., keys, :]
            dk[..., keys, :] += dscores.mT @ q[..., rows, :]
            dv[..., keys, :] += weights.mT @ dout[..., rows, :]
    return dq, dk, dv
