"""The key-value cache: keys and values of past tokens are kept in arrays made once, and only new rows are computed."""

import torch

from headstart.contract import ShapeError, shapes
from headstart.in_torch.attention import scaled_dot_product_attention
from headstart.in_torch.rotary import rotate


@shapes(q="... T d_head", k="... T d_head", v="... T d_v", keys="... T_max d_head", values="... T_max d_v")
def cached_attention(q, k, v, keys, values, length):
    """Write the keys and values of new tokens into a cache, then let the new queries attend causally to all so far.

    q       (..., T, d_head)       the newest T tokens: a whole prompt, or a single token while decoding
    k       (..., T, d_head)
    v       (..., T, d_v)
    keys    (..., T_max, d_head)   rows 0 … length - 1 hold the past; what stands behind them is old rubbish
    values  (..., T_max, d_v)
    length  int                    tokens in the cache: from 0 to T_max - T, else ShapeError (a ValueError)
    return  out, keys, values      out (..., T, d_v); the cache with rows length … length + T - 1 written, no other

    The new token i stands at position length + i and sees the positions up to its own. The arrays given are left alone:
    an engine writes in place, here both states can be looked at.
    Law: fed in pieces of any size, a sequence gets the rows that one causal pass over the whole of it gives.
    Source: Shazeer 2019, section 2.4 (incremental decoding); Pope et al. 2023, section 2 (prefill and decode).
    """
    T, T_max, end = q.shape[-2], keys.shape[-2], length + q.shape[-2]
    if length < 0 or end > T_max:
        raise ShapeError(f"cached_attention: {T} rows from row {length} on do not fit into a cache of {T_max} rows")
    keys, values = keys.clone(), values.clone()
    keys[..., length:end, :] = k
    values[..., length:end, :] = v
    causal = torch.ones(T, end, dtype=torch.bool, device=q.device).tril(length)  # (T, end): aligned at the bottom right
    return scaled_dot_product_attention(q, keys[..., :end, :], values[..., :end, :], causal), keys, values


@shapes(
    q="... T d_head", k="... T d_head", v="... T d_v", keys="... T_max d_head", values="... T_max d_v", frequencies="n"
)
def rotary_cached_attention(q, k, v, keys, values, length, frequencies):
    """Do the same with rotary positions: each key is turned once, at its own position, before it goes into the cache.

    q            (..., T, 2·n)         not yet rotated: the newest T tokens
    k            (..., T, 2·n)         not yet rotated
    v            (..., T, d_v)
    keys         (..., T_max, 2·n)     rows 0 … length - 1 hold the past, rotated
    values       (..., T_max, d_v)
    length       int                   tokens in the cache: the new ones stand at length, length + 1, …; from 0 to
                                       T_max - T, else ShapeError (a ValueError)
    frequencies  (n,)                  radians a position, one for each pair (half-split); another n: ShapeError
    return       out, keys, values     as for cached_attention; the new keys are stored rotated

    Law: fed in pieces of any size, a sequence gets the rows of rotary_attention over the whole of it.
    Source: Su et al. 2024, section 3.2.2.
    """
    n = len(frequencies)
    if q.shape[-1] != 2 * n:
        raise ShapeError(f"rotary_cached_attention: {n} frequencies do not fit q of shape {tuple(q.shape)}")
    q, k = rotate(q, frequencies, length), rotate(k, frequencies, length)
    return cached_attention(q, k, v, keys, values, length)
