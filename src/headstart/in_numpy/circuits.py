"""A head taken apart: what it reads, what it writes, whether it continues patterns, what is lost without it."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.multi_head import split_heads


@shapes(W_q="d_model d_all", W_k="d_model d_all", W_v="d_model d_all", W_o="d_all d_out")
def qk_ov_circuits(W_q, W_k, W_v, W_o, num_heads):
    """Multiply out the two matrices that are all there is to a head: where it looks, and what it moves.

    W_q, W_k, W_v  (d_model, H·d_head)   applied from the right: q = x W_q; head h owns the columns from h·d_head on
    W_o            (H·d_head, d_out)     and these rows
    num_heads      int H                 must divide the width of the projections, else ShapeError
    return         QK, OV                (H, d_model, d_model) and (H, d_model, d_out): W_q W_kᵀ / √d_head and W_v W_o,
                                         head by head

    Law: the scores of head h are x QK[h] xᵀ, the layer's output is the sum over h of A[h] x OV[h].
    Source: Elhage et al. 2021, "Attention heads as information movement" (there as transposes: tokens are columns).
    """
    q, k, v, o = (split_heads(W, num_heads) for W in (W_q, W_k, W_v, W_o.T))  # (H, d_model or d_out, d_head)
    return q @ k.mT / math.sqrt(q.shape[-1]), v @ o.mT


@shapes(A="... H T T", tokens="... T")
def induction_score(A, tokens):
    """Measure how much of its weight each head puts on what followed the current token when it last stood there.

    A       (..., H, T, T)   attention weights under a causal mask, one row a query
    tokens  (..., T)         whole numbers: the text
    return  (..., H)         a query's score is its weight on all keys j ≤ t with tokens[j - 1] = tokens[t];
                             averaged over the queries that have such a key, 0 if none has

    Law: a head that always attends to such a key scores 1, whatever the tokens are called.
    Source: Olsson et al. 2022, "Key Concepts", on induction heads (prefix matching).
    """
    same = tokens[..., None] == tokens[..., None, :]  # (..., T_q, T_k)
    after = np.zeros_like(same)
    after[..., 1:] = same[..., :-1]  # key j follows a place that holds the query's token
    after &= np.tri(same.shape[-1], dtype=bool)
    weight = (A * after[..., None, :, :]).sum(axis=-1)  # (..., H, T_q)
    queries = after.any(axis=-1).sum(axis=-1)  # (...): how many have such a key
    return weight.sum(axis=-1) / queries[..., None].clip(min=1)


@shapes(heads="B H T d_head", off="bool H")
def ablate_heads(heads, off, mean=False):
    """Take heads out of a layer before they are merged: put zeros, or their average output, in their place.

    heads   (B, H, T, d_head)   the heads' outputs
    off     (H,)                boolean, True for a head that is taken out
    mean    bool                False: zeros; True: the head's mean over all examples and tokens, the same everywhere
    return  (B, H, T, d_head)   a new array; the other heads as they were

    Law: with mean, the average of every head stays, so what follows sees outputs of the usual size.
    Source: Michel et al. 2019, section 3 (zeros); Wang et al. 2023 (means, there over a reference distribution).
    """
    typical = heads.mean(axis=2, keepdims=True).mean(axis=0)  # (H, 1, d_head)
    return np.where(off[:, None, None], typical if mean else 0.0, heads)
