"""Gated cross-attention: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    lifted,
    lifting,
    plain_softmax,
    scores_of,
)
from headstart.graders.kit import agree, exercise, expect

NEEDS = (
    "softmax", "attention_weights", "scaled_dot_product_attention", "split_heads", "merge_heads",
    "multi_head_attention",
)  # fmt: skip

gated_cross_attention = exercise("gated_cross_attention", "multimodal", wings=("in_numpy",), needs=NEEDS, bans=FUSED)

SHAPES = [  # leading axes, T_q, T_k, d_model, d_media, H, d_head
    ((2,), 4, 6, 6, 5, 2, 3),
    ((), 3, 3, 4, 4, 1, 2),
    ((2, 1), 5, 2, 4, 7, 3, 2),
    ((2,), 1, 4, 6, 3, 2, 4),
]


def draw_layer(draw, lead, T_q, T_k, d_model, d_media, H, d_head):
    """Tokens, media and the four matrices."""
    tokens = draw(*lead, T_q, d_model), draw(*lead, T_k, d_media)
    W_k, W_v = (draw(d_media, H * d_head) / np.sqrt(d_media) for _ in range(2))
    return *tokens, draw(d_model, H * d_head) / np.sqrt(d_model), W_k, W_v, draw(H * d_head, d_model) / 2


def head_by_head(x, media, W_q, W_k, W_v, W_o, H, mask=None, scale=None):
    """What the layer would add with its gate wide open: each head from its own columns, one after the other."""
    total = 0.0
    for columns in np.array_split(np.arange(W_q.shape[1]), H):
        q, k, v = x @ W_q[:, columns], media @ W_k[:, columns], media @ W_v[:, columns]
        total = total + plain_softmax(scores_of(q, k, mask, scale)) @ v @ W_o[columns]
    return total


@gated_cross_attention.law
def a_gate_of_zero_is_the_identity(candidate, draw):
    """With gate 0 the tokens come back as they went in, whatever the media say."""
    for shape in SHAPES:
        arrays = draw_layer(draw, *shape)
        agree(candidate(*arrays, 0.0, shape[5]), arrays[0], "the output with gate 0", rtol=0, atol=1e-6)


@gated_cross_attention.law
def the_gate_scales_what_is_read(candidate, draw):
    """The result is x + tanh(gate) · attention, for gates of both signs, small and large."""
    for shape in SHAPES:
        arrays, H = draw_layer(draw, *shape), shape[5]
        read = head_by_head(*arrays, H)
        for gate in (0.3, -0.8, 2.0):
            agree(candidate(*arrays, gate, H), arrays[0] + np.tanh(gate) * read, f"the output with gate {gate}")


@gated_cross_attention.law
def tokens_do_not_meet(candidate, draw):
    """A token reads from the media alone: changing one token changes its own row and no other."""
    x, *others = draw_layer(draw, *SHAPES[0])
    moved = x.copy()
    moved[:, 1] = draw(2, 6)
    change = np.abs(np.asarray(candidate(moved, *others, 0.7, 2)) - np.asarray(candidate(x, *others, 0.7, 2)))
    agree(change.max(axis=-1) > 1e-6, np.array([[False, True, False, False]] * 2), "which rows change with token 1")


@gated_cross_attention.law
def the_order_of_the_media_does_not_matter(candidate, draw):
    """Shuffling the media's tokens changes nothing."""
    x, media, *matrices = draw_layer(draw, *SHAPES[0])
    order = draw.rng.permutation(6)
    want = candidate(x, media, *matrices, 0.7, 2)
    agree(candidate(x, media[:, order], *matrices, 0.7, 2), want, "the output for shuffled media")


@gated_cross_attention.law
def nothing_to_read_changes_nothing(candidate, draw):
    """A mask decides what is read, for all heads alike; a token that may read nothing comes back unchanged."""
    arrays = draw_layer(draw, *SHAPES[0])
    closed = np.zeros((1, 1), dtype=bool)
    for mask in (draw.mask(2, 4, 6), draw.mask(4, 6), draw.mask(2, 1, 6), np.tri(4, 6, -1, dtype=bool), closed):
        want = arrays[0] + np.tanh(0.9) * head_by_head(*arrays, 2, np.broadcast_to(mask, (2, 4, 6)))
        agree(candidate(*arrays, 0.9, 2, mask), want, f"the output under a mask {mask.shape}")
    arrays, mask = draw_layer(draw, *SHAPES[2]), draw.mask(2, 1, 5, 2)
    want = arrays[0] + np.tanh(0.9) * head_by_head(*arrays, 3, mask)
    agree(candidate(*arrays, 0.9, 3, mask), want, f"the output under a mask {mask.shape}")


@gated_cross_attention.law
def reading_stands_large_scores(candidate, draw):
    """Scores in the thousands overflow nothing, and a forbidden token that fits best leaves no trace."""
    x, media, W_q, W_k, *others = draw_layer(draw, (), 4, 5, 6, 5, 2, 3)
    arrays = lifted(x), lifted(media), lifting(W_q, 2), lifting(W_k, 2), *others
    for mask in (None, best_forbidden(4, 5)):
        want = arrays[0] + np.tanh(0.9) * head_by_head(*arrays, 2, mask)
        agree(candidate(*arrays, 0.9, 2, mask), want, **ROUGH)


@gated_cross_attention.law
def uneven_heads_are_refused(candidate, draw):
    """A number of heads that does not divide the projections raises an exception."""
    arrays = draw_layer(draw, *SHAPES[0])
    for H in (4, 0):
        expect(candidate.refuses(*arrays, 0.5, H), f"it cut a width of 6 into {H} heads, it should raise ValueError")


@gated_cross_attention.mutant("cross-attention whose gate is not squashed: gate where tanh(gate) belongs")
def gate_without_tanh(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    return x + gate * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask)


@gated_cross_attention.mutant("cross-attention with a sigmoid gate: half open at 0, so the layer is not the identity")
def sigmoid_gate(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    return x + head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask) / (1 + np.exp(-gate))


@gated_cross_attention.mutant("gated cross-attention without the residual connection: x is not added")
def without_residual(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    return np.tanh(gate) * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask)


@gated_cross_attention.mutant("an interpolation (1 - tanh gate) · x + tanh gate · attention: the residual fades")
def interpolated(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    g = np.tanh(gate)
    return (1 - g) * x + g * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask)


@gated_cross_attention.mutant("tanh of gate times attention: the features are squashed instead of the gate")
def features_squashed(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    return x + np.tanh(gate * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask))


@gated_cross_attention.mutant("gated cross-attention without the 1/√d_head factor")
def gated_unscaled(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    return x + np.tanh(gate) * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask, scale=1.0)


@gated_cross_attention.mutant("gated cross-attention that scales by the whole width instead of √d_head of one head")
def scaled_by_all_heads(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    scale = W_q.shape[1] ** -0.5
    return x + np.tanh(gate) * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask, scale)


@gated_cross_attention.mutant("gated cross-attention with the mask inverted: True read as forbidden")
def mask_inverted(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    mask = None if mask is None else ~mask
    return x + np.tanh(gate) * head_by_head(x, media, W_q, W_k, W_v, W_o, num_heads, mask)


@gated_cross_attention.style
def gated_by_einsum(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    """The matrices cut into heads, einsum, a finite mask with empty rows set to zero."""
    (d_model, d_all), H = W_q.shape, num_heads
    if H < 1 or d_all % H:
        raise ValueError("heads of unequal width")
    q = np.einsum("...td,dhe->...hte", x, W_q.reshape(d_model, H, -1))
    k, v = (np.einsum("...td,dhe->...hte", media, W.reshape(len(W), H, -1)) for W in (W_k, W_v))
    scores = np.einsum("...hqe,...hke->...hqk", q, k) / np.sqrt(d_all // H)
    if mask is not None:
        mask = np.broadcast_to(mask, (*x.shape[:-1], media.shape[-2]))[..., None, :, :]
        scores = np.where(mask, scores, -1e9)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    if mask is not None:
        weights = weights * mask.any(axis=-1, keepdims=True)
    read = np.einsum("...hqk,...hke,hed->...qd", weights, v, W_o.reshape(H, d_all // H, d_model))
    return x * 1.0 + np.tanh(gate) * read


@gated_cross_attention.style
def gated_in_float32(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    """A loop over heads, all in float32, the residual stream too."""
    if num_heads < 1 or W_q.shape[1] % num_heads:
        raise ValueError("heads of unequal width")
    arrays = [a.astype(np.float32) for a in (x, media, W_q, W_k, W_v, W_o)]
    return arrays[0] + np.float32(np.tanh(gate)) * head_by_head(*arrays, num_heads, mask)
