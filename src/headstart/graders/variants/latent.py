"""Multi-head latent attention: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    lifted,
    one_hidden_one_closed,
    plain_softmax,
)
from headstart.graders.kit import again, agree, exercise, expect
from headstart.graders.variants.grouped import NEEDS

latent_attention = exercise(
    "latent_attention", "latent", chapter="variants", wings=("in_numpy",), needs=(*NEEDS, "split_heads"), bans=FUSED
)

SHAPES = [  # leading axes, H, T_q, T_k, d_head, d_rope, d_c, d_v
    ((2,), 3, 4, 5, 2, 4, 3, 5),
    ((), 2, 3, 3, 4, 2, 6, 4),
    ((2, 1), 1, 2, 6, 3, 1, 2, 2),
    ((2,), 4, 5, 2, 2, 3, 8, 2),
]


def draw_latents(draw, lead, H, T_q, T_k, d_head, d_rope, d_c, d_v):
    """Queries in two parts, latents, the shared key, and the two unfolding matrices."""
    queries = draw(*lead, H, T_q, d_head), draw(*lead, H, T_q, d_rope)
    cached = draw(*lead, T_k, d_c), draw(*lead, T_k, d_rope)
    return *queries, *cached, draw(d_c, H * d_head) / math.sqrt(d_c), draw(d_c, H * d_v) / math.sqrt(d_c)


def unfolded(q, q_rope, c, k_rope, W_uk, W_uv, mask=None):
    """Head by head: keys and values from the latents, the shared key behind the head's own."""
    H, d = q.shape[-3], q.shape[-1]
    d_v = W_uv.shape[1] // H
    if mask is not None:
        mask = np.broadcast_to(mask, (*q.shape[:-1], c.shape[-2]))
    heads = []
    for h in range(H):
        k = np.concatenate([c @ W_uk[:, h * d : (h + 1) * d], k_rope], axis=-1)
        q_h = np.concatenate([q[..., h, :, :], q_rope[..., h, :, :]], axis=-1)
        v = c @ W_uv[:, h * d_v : (h + 1) * d_v]
        heads.append(by_loops(q_h, k, v, None if mask is None else mask[..., h, :, :]))
    return np.stack(heads, axis=-3)


@latent_attention.law
def latents_by_the_definition(candidate, draw):
    """Keys and values are unfolded head by head, the shared rotary key joins every head, for every shape."""
    for shape in again(*SHAPES):
        inputs = draw_latents(draw, *shape)
        agree(candidate(*inputs), unfolded(*inputs))


@latent_attention.law
def positions_alone_count_where_content_is_silent(candidate, draw):
    """With queries of zeros the rotary part alone makes the weights, still over √(d_head + d_rope)."""
    q, *rest = draw_latents(draw, (2,), 2, 3, 4, 5, 2, 3, 2)
    agree(candidate(0 * q, *rest), unfolded(0 * q, *rest))


@latent_attention.law
def latents_under_masks(candidate, draw):
    """A mask broadcasts over the heads; a query without keys gets zeros."""
    inputs = draw_latents(draw, (2,), 3, 4, 5, 2, 2, 3, 2)
    closed = np.zeros((1, 1), dtype=bool)
    for mask in (one_hidden_one_closed(4, 5), draw.mask(2, 1, 4, 5), draw.mask(3, 4, 5), draw.mask(5), closed):
        agree(candidate(*inputs, mask), unfolded(*inputs, mask), f"the output under a mask {mask.shape}")


@latent_attention.law
def latents_stand_large_scores(candidate, draw):
    """Scores in the thousands overflow nothing, and a forbidden key that fits best leaves no trace."""
    q, q_rope, c, k_rope, *matrices = draw_latents(draw, (), 2, 4, 5, 4, 2, 3, 3)
    inputs = q, lifted(q_rope), c, lifted(k_rope), *matrices
    for mask in (None, best_forbidden(4, 5)):
        agree(candidate(*inputs, mask), unfolded(*inputs, mask), **ROUGH)


@latent_attention.law
def refuses_other_widths(candidate, draw):
    """Where W_uk does not have the width of all heads, an exception is raised."""
    inputs = list(draw_latents(draw, (), 2, 3, 4, 2, 2, 3, 2))
    inputs[4] = draw(3, 6)
    expect(candidate.refuses(*inputs), "it took W_uk of 6 columns for 2 heads of width 2, it should raise ValueError")


def attend(q, q_rope, c, k_rope, W_uk, W_uv, mask=None, scale=None, rope=1.0, by_head=None):
    """Latent attention by einsum, with room for mistakes."""
    H, d = q.shape[-3], q.shape[-1]
    by_head = by_head or (lambda W: W.reshape(len(W), H, -1))
    scores = np.einsum("...htd,...sc,chd->...hts", q, c, by_head(W_uk))
    scores = scores + rope * np.einsum("...htr,...sr->...hts", q_rope, k_rope)
    scores = scores / math.sqrt(d + q_rope.shape[-1]) if scale is None else scores * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return np.einsum("...hts,...sc,chv->...htv", plain_softmax(scores), c, by_head(W_uv))


@latent_attention.mutant("latent attention scaled by √d_head: the queries have d_head + d_rope features")
def scaled_by_d_head(q, *rest):
    return attend(q, *rest, scale=1 / math.sqrt(q.shape[-1]))


@latent_attention.mutant("latent attention scaled by √d_c, the width of the latents")
def scaled_by_latents(q, q_rope, c, *rest):
    return attend(q, q_rope, c, *rest, scale=1 / math.sqrt(c.shape[-1]))


@latent_attention.mutant("latent attention without the rotary part: it knows no positions")
def without_positions(*inputs):
    return attend(*inputs, rope=0.0)


@latent_attention.mutant(
    "latent attention that interleaves the heads' columns: head h took columns h, h + H, h + 2H, …"
)
def interleaved_columns(q, *rest):
    H = q.shape[-3]
    return attend(q, *rest, by_head=lambda W: W.reshape(len(W), -1, H).swapaxes(1, 2))


@latent_attention.mutant("latent attention that unfolds the keys of head 0 for every head")
def keys_of_head_0(q, q_rope, c, k_rope, W_uk, W_uv, mask=None):
    return attend(q, q_rope, c, k_rope, np.tile(W_uk[:, : q.shape[-1]], (1, q.shape[-3])), W_uv, mask)


@latent_attention.mutant("latent attention without a scale")
def latents_unscaled(*inputs):
    return attend(*inputs, scale=1.0)


@latent_attention.style
def never_unfolded(q, q_rope, c, k_rope, W_uk, W_uv, mask=None):
    """Absorbed: queries meet the latents, the values are unfolded after the mixing."""
    H, d = q.shape[-3], q.shape[-1]
    if W_uk.shape[1] != H * d:
        raise ValueError("another width")
    heads = []
    for h, W_v in enumerate(np.split(W_uv, H, axis=1)):
        scores = q[..., h, :, :] @ W_uk[:, h * d : (h + 1) * d].T @ c.mT + q_rope[..., h, :, :] @ k_rope.mT
        scores = scores / math.sqrt(d + q_rope.shape[-1])
        if mask is not None:
            allowed = np.broadcast_to(mask, (*q.shape[:-1], c.shape[-2]))[..., h, :, :]
            scores = np.where(allowed, scores, -np.inf)
        heads.append(plain_softmax(scores) @ c @ W_v)
    return np.stack(heads, axis=-3)
