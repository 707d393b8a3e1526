"""Rotary positions: queries and keys are turned by their positions, so that their products know the distance."""

import torch

from headstart.contract import ShapeError, shapes
from headstart.in_torch.attention import scaled_dot_product_attention


@shapes(x="... T d_head", frequencies="n")
def rotate(x, frequencies, offset=0):
    """Turn each row by its position; feature i is paired with feature i + n ("half-split": GPT-NeoX, Llama).

    x            (..., T, 2·n)   queries or keys, d_head = 2·n (else ShapeError); row t stands at position offset + t
    frequencies  (n,)            radians a position, one for each pair
    offset       int             position of the first row: the number of cached tokens
    return       (..., T, 2·n)   a pair (a, b) becomes (a cos φ - b sin φ, b cos φ + a sin φ), φ = position·frequency;
                                 of x's dtype; the angles φ are computed in the precision of the frequencies

    Law: the products of rotated queries and keys depend on the difference of their positions alone.
    Source: Su et al. 2024, sections 3.2.2 and 3.4.2, with the pairing of the GPT-NeoX and Llama code.
    """
    n = len(frequencies)
    if x.shape[-1] != 2 * n:
        raise ShapeError(f"rotate: {n} frequencies need x of width {2 * n}, got shape {tuple(x.shape)}")
    angles = torch.arange(offset, offset + x.shape[-2], device=x.device)[:, None] * frequencies  # (T, n)
    cos, sin = torch.cos(angles).to(x.dtype), torch.sin(angles).to(x.dtype)
    a, b = x[..., :n], x[..., n:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@shapes(x="... T d_head", frequencies="n")
def rotate_interleaved(x, frequencies, offset=0):
    """Turn each row by its position; feature 2i is paired with feature 2i + 1 ("interleaved": RoFormer, GPT-J).

    x            (..., T, 2·n)   queries or keys, d_head = 2·n (else ShapeError); row t stands at position offset + t
    frequencies  (n,)            radians a position, one for each pair
    offset       int             position of the first row: the number of cached tokens
    return       (..., T, 2·n)   a pair (a, b) becomes (a cos φ - b sin φ, b cos φ + a sin φ), φ = position·frequency;
                                 of x's dtype; the angles φ are computed in the precision of the frequencies

    Law: it is rotate up to the order of the features: rotate(x[..., order]) = rotate_interleaved(x)[..., order] with
    order = 0, 2, 4, …, 1, 3, 5, …
    Source: Su et al. 2024, sections 3.2.2 and 3.4.2.
    """
    n = len(frequencies)
    if x.shape[-1] != 2 * n:
        raise ShapeError(f"rotate_interleaved: {n} frequencies need x of width {2 * n}, got shape {tuple(x.shape)}")
    angles = torch.arange(offset, offset + x.shape[-2], device=x.device)[:, None] * frequencies  # (T, n)
    cos, sin = torch.cos(angles).to(x.dtype), torch.sin(angles).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).reshape(x.shape)


@shapes(W="d_model d_all")
def to_half_split(W, num_heads):
    """Reorder the columns of W_q or W_k from the interleaved convention to the half-split one, head by head.

    W          (d_model, H·2·n)      applied as x @ W, made for rotate_interleaved
    num_heads  int H                 must divide the columns into heads of width 2·n, else ShapeError (a ValueError)
    return     (d_model, H·2·n)      made for rotate: in each head columns 0, 2, 4, … come first, then 1, 3, 5, …

    Law: with both W_q and W_k reordered and rotate in place of rotate_interleaved, all scores stay as they were.
    Source: the conversion that Llama's published weights need for half-split code; Su et al. 2024 for the pairs.
    """
    d_model, d_all = W.shape
    if num_heads < 1 or d_all % (2 * num_heads) != 0:
        raise ShapeError(f"to_half_split: a width of {d_all} does not divide into {num_heads} heads of even width")
    return W.reshape(d_model, num_heads, -1, 2).mT.reshape(d_model, d_all)


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", frequencies="n")
def rotary_attention(q, k, v, frequencies):
    """Attend causally with rotary positions, when the queries may be only the newest tokens of a cached sequence.

    q            (..., T_q, 2·n)   not yet rotated: the last T_q of the T_k positions
    k            (..., T_k, 2·n)   not yet rotated: the positions 0 … T_k - 1
    v            (..., T_k, d_v)   values carry no position
    frequencies  (n,)              radians a position, one for each pair (half-split)
    return       (..., T_q, d_v)   each query attends to itself and to what stands before it

    Law: the newest queries alone give the last rows of what all queries together give.
    Source: Su et al. 2024, section 3.2.2; Vaswani et al. 2017, section 3.2.3 (the causal mask).
    """
    n, T_q, T_k = len(frequencies), q.shape[-2], k.shape[-2]
    if q.shape[-1] != 2 * n:
        raise ShapeError(f"rotary_attention: {n} frequencies need q and k of width {2 * n}, got shape {tuple(q.shape)}")
    past = T_k - T_q
    causal = torch.ones(T_q, T_k, dtype=torch.bool, device=q.device).tril(past)  # (T_q, T_k)
    return scaled_dot_product_attention(rotate(q, frequencies, past), rotate(k, frequencies), v, causal)
