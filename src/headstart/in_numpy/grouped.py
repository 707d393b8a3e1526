"""Fewer key and value heads than query heads: a smaller cache for the same number of attention patterns."""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import scaled_dot_product_attention


@shapes(q="... H T_q d_head", k="... G T_k d_head", v="... G T_k d_v", mask="bool ... H T_q T_k")
def grouped_query_attention(q, k, v, mask=None):
    """Attend with G·R query heads, of which R neighbours share one of G key and value heads.

    q       (..., G·R, T_q, d_head)   query head h reads key and value head h // R
    k       (..., G, T_k, d_head)     G must divide the number of query heads, else ShapeError (a ValueError)
    v       (..., G, T_k, d_v)
    mask    (..., G·R, T_q, T_k)      boolean, True where a query may attend; every axis may be 1 or missing
    return  (..., G·R, T_q, d_v)      a query that may attend to nothing gets zeros

    Law: with R = 1 it is multi-head attention, with G = 1 multi-query attention.
    Source: Shazeer 2019, section 3 (G = 1); Ainslie et al. 2023, section 2.2.
    """
    H, G = q.shape[-3], k.shape[-3]
    if H % G != 0:
        raise ShapeError(f"grouped_query_attention: {H} query heads do not divide into {G} groups")
    k, v = np.repeat(k, H // G, axis=-3), np.repeat(v, H // G, axis=-3)  # each head R times in a row
    return scaled_dot_product_attention(q, k, v, mask)


@shapes(W="d_model d_all")
def mean_pool_kv_heads(W, num_heads, num_kv_heads):
    """Turn the W_k or W_v of a multi-head checkpoint into that of a grouped one: average the heads of each group.

    W             (d_model, H·d_head)   applied as x @ W; head h owns columns h·d_head … (h+1)·d_head - 1
    num_heads     int H                 must divide the columns, else ShapeError (a ValueError)
    num_kv_heads  int G                 at least 1, must divide H, else ShapeError; group g is the g-th run of H/G heads
    return        (d_model, G·d_head)   a start for training on, not an equal model

    Law: G = H changes nothing; where the heads of each group are equal already, attention stays as it was.
    Source: Ainslie et al. 2023, section 2.1 and figure 1.
    """
    d_model, d_all = W.shape
    if num_heads < 1 or d_all % num_heads != 0:
        raise ShapeError(f"mean_pool_kv_heads: a width of {d_all} does not divide into {num_heads} heads")
    if num_kv_heads < 1 or num_heads % num_kv_heads != 0:
        raise ShapeError(
            f"mean_pool_kv_heads: num_kv_heads must be at least 1 and divide {num_heads} heads, got {num_kv_heads}"
        )
    R, heads = num_heads // num_kv_heads, W.reshape(d_model, num_heads, d_all // num_heads)
    groups = [heads[:, g * R : (g + 1) * R].mean(axis=1) for g in range(num_kv_heads)]  # each (d_model, d_head)
    return np.concatenate(groups, axis=1)
