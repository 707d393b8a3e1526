"""Multi-head latent attention: all heads' keys and values are made from one narrow vector a token, the cache."""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import scaled_dot_product_attention
from headstart.in_numpy.multi_head import split_heads


@shapes(
    q="... H T_q d_head", q_rope="... H T_q d_rope", c="... T_k d_c", k_rope="... T_k d_rope",
    W_uk="d_c d_all", W_uv="d_c d_out", mask="bool ... H T_q T_k",
)  # fmt: skip
def latent_attention(q, q_rope, c, k_rope, W_uk, W_uv, mask=None):
    """Attend to keys and values that are unfolded from latents, with a second, shared key that carries the positions.

    q       (..., H, T_q, d_head)   without positions
    q_rope  (..., H, T_q, d_rope)   already rotated
    c       (..., T_k, d_c)         the latents: with k_rope, all that is cached
    k_rope  (..., T_k, d_rope)      already rotated; one key for all heads
    W_uk    (d_c, H·d_head)         unfolds the keys, head by head; another width raises ShapeError (a ValueError)
    W_uv    (d_c, H·d_v)            unfolds the values
    mask    (..., H, T_q, T_k)      boolean, True where a query may attend; every axis may be 1 or missing
    return  (..., H, T_q, d_v)      scores (q·k + q_rope·k_rope) / √(d_head + d_rope); no allowed key gives zeros

    Law: it is multi-head attention with keys and values of rank at most d_c, plus a shared key for the positions.
    Source: DeepSeek-AI 2024, sections 2.1.2 and 2.1.3.
    """
    H, _, d_head = q.shape[-3:]
    if W_uk.shape[1] != H * d_head:
        raise ShapeError(f"latent_attention: {H} heads of width {d_head} need W_uk of {H * d_head} columns")
    k, v = split_heads(c @ W_uk, H), split_heads(c @ W_uv, H)  # (..., H, T_k, d_head), (..., H, T_k, d_v)
    shared = np.broadcast_to(k_rope[..., None, :, :], (*k.shape[:-1], k_rope.shape[-1]))  # (..., H, T_k, d_rope)
    q, k = np.concatenate([q, q_rope], axis=-1), np.concatenate([k, shared], axis=-1)
    return scaled_dot_product_attention(q, k, v, mask)


@shapes(q="... H T_q d_head", W_uk="d_c d_all")
def absorbed_queries(q, W_uk):
    """Move the unfolding of the keys to the queries, so that each head compares its queries with the latents directly.

    q       (..., H, T_q, d_head)
    W_uk    (d_c, H·d_head)         unfolds the keys, head by head; another width raises ShapeError (a ValueError)
    return  (..., H, T_q, d_c)      head h's queries times the transpose of its own d_head columns of W_uk

    Law: absorbed_queries(q, W_uk) · c = q · (c W_uk) for every head: the scores stay, the keys are never made.
    Source: DeepSeek-AI 2024, section 2.1.2 (W_uk is absorbed into W_q) and appendix C.
    """
    H, _, d_head = q.shape[-3:]
    if W_uk.shape[1] != H * d_head:
        raise ShapeError(f"absorbed_queries: {H} heads of width {d_head} need W_uk of {H * d_head} columns")
    return q @ W_uk.reshape(len(W_uk), H, d_head).transpose(1, 2, 0)  # (H, d_head, d_c) broadcasts
