"""Multi-head attention with the weights passed in: laws and accepted styles. Its mistakes serve the layer too."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    one_hidden_one_closed,
    plain_softmax,
    scores_of,
    slopes,
)
from headstart.graders.kit import agree, exercise
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops
from headstart.graders.multi_head.witness import MASKED, draw_layer, draw_lifted, masks_of_every_kind

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention", "split_heads", "merge_heads")

multi_head_attention = exercise("multi_head_attention", "multi_head", needs=NEEDS, bans=FUSED)


def layer_by_loops(x_q, x_kv, W_q, W_k, W_v, W_o, H, mask=None):
    """One head at a time, one number at a time."""
    q, k, v = (split_by_loops(x @ W, H) for x, W in ((x_q, W_q), (x_kv, W_k), (x_kv, W_v)))
    if mask is not None:
        mask = np.broadcast_to(mask, (*x_q.shape[:-2], x_q.shape[-2], x_kv.shape[-2]))
    heads = [by_loops(q[..., h, :, :], k[..., h, :, :], v[..., h, :, :], mask) for h in range(H)]
    return np.concatenate(heads, axis=-1) @ W_o


@multi_head_attention.law
def layer_by_the_definition(candidate, draw):
    """Every head attends in its own slice of the projections; the heads are joined and projected, for every shape."""
    for lead, T_q, T_k, d_model, H in (((2,), 5, 5, 6, 3), ((), 4, 7, 8, 2), ((1,), 3, 3, 4, 1), ((2, 2), 3, 2, 6, 2)):
        inputs = draw_layer(draw, lead, T_q, T_k, d_model)
        agree(candidate(*inputs, H), layer_by_loops(*inputs, H), f"the output with {H} heads")


@multi_head_attention.law
def widths_are_free(candidate, draw):
    """H·d_head and the output width may differ from d_model: d_head comes from the projections, not from d_model."""
    for d_all, d_out in ((12, 6), (4, 5)):
        inputs = draw_layer(draw, (2,), 4, 5, 6, d_all, d_out)
        agree(candidate(*inputs, 2), layer_by_loops(*inputs, 2), f"the output with d_head {d_all // 2}")


@multi_head_attention.law
def layer_under_masks(candidate, draw):
    """One mask serves all heads: causal, per batch element, padding; a query without keys gets zeros."""
    for *shape, d_model, H in MASKED:
        inputs = draw_layer(draw, *shape, d_model)
        for mask in masks_of_every_kind(draw, *shape):
            want = layer_by_loops(*inputs, H, mask)
            agree(candidate(*inputs, H, mask), want, f"the output under a mask {mask.shape}")


@multi_head_attention.law
def large_scores_in_every_head(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden key that fits best leaves no trace."""
    inputs = draw_lifted(draw, (2,), 4, 5, 8, 2)
    for mask in (None, best_forbidden(4, 5)):
        agree(candidate(*inputs, 2, mask), layer_by_loops(*inputs, 2, mask), **ROUGH)


@multi_head_attention.law
def order_of_heads_does_not_matter(candidate, draw):
    """Permuting the heads in all four matrices changes nothing."""
    x_q, x_kv, W_q, W_k, W_v, W_o = draw_layer(draw, (2,), 4, 5, 6)
    order = np.concatenate([np.arange(2) + 2 * h for h in draw.rng.permutation(3)])
    out = candidate(x_q, x_kv, W_q[:, order], W_k[:, order], W_v[:, order], W_o[order], 3)
    agree(out, candidate(x_q, x_kv, W_q, W_k, W_v, W_o, 3), "the output with permuted heads")


@multi_head_attention.law
def batch_elements_do_not_meet(candidate, draw):
    """Changing one batch element leaves the answers of the others as they were."""
    x_q, x_kv, *weights = draw_layer(draw, (3,), 4, 4, 6)
    moved = x_kv.copy()
    moved[1] += 1.0
    before, after = np.asarray(candidate(x_q, x_kv, *weights, 2)), np.asarray(candidate(x_q, moved, *weights, 2))
    agree(after[[0, 2]], before[[0, 2]], "the output of the batch elements that did not change")


@multi_head_attention.law(wings=("in_torch",))
def layer_passes_gradients(candidate, draw):
    """Both inputs and all four matrices get their gradients, equal to finite differences."""
    inputs, mask, g = draw_layer(draw, (), 3, 4, 4), one_hidden_one_closed(3, 4), draw(3, 4)
    wanted = slopes(lambda *arrays: fused_projection(*arrays, 2, mask), g, *inputs)
    for got, want in zip(candidate.gradients(g, *inputs, 2, mask), wanted, strict=True):
        agree(got, want, "the gradient")


def attend(q, k, v, mask=None, scale=None):
    """Right attention over heads, the mask already given its head axis."""
    return plain_softmax(scores_of(q, k, mask, scale)) @ v


def for_heads(mask):
    """Insert the head axis into a mask."""
    return mask[..., None, :, :] if mask is not None and mask.ndim > 2 else mask


@multi_head_attention.style
def fused_projection(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    """One matrix for k and v, einsum for the rest."""
    k, v = np.split(x_kv @ np.concatenate([W_k, W_v], axis=1), 2, axis=-1)
    q, k, v = (split_by_loops(a, num_heads) for a in (x_q @ W_q, k, v))
    return np.einsum("...htd,hdo->...to", attend(q, k, v, for_heads(mask)), W_o.reshape(num_heads, q.shape[-1], -1))


@multi_head_attention.style
def head_by_head(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    """A loop over the heads that adds up what each contributes."""
    d, out = W_q.shape[1] // num_heads, 0.0
    for h in range(num_heads):
        s = slice(h * d, (h + 1) * d)
        out = out + attend(x_q @ W_q[:, s], x_kv @ W_k[:, s], x_kv @ W_v[:, s], mask) @ W_o[s]
    return out


@multi_head_attention.style
def heads_in_the_batch(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    """Heads folded into the batch axis, as fairseq did; the mask repeated in the same order."""
    lead, T_q, T_k = x_q.shape[:-2], x_q.shape[-2], x_kv.shape[-2]
    q, k, v = (split_by_loops(x @ W, num_heads) for x, W in ((x_q, W_q), (x_kv, W_k), (x_kv, W_v)))
    if mask is not None:
        mask = np.broadcast_to(for_heads(mask), (*lead, num_heads, T_q, T_k)).reshape(-1, T_q, T_k)
    out = attend(*(a.reshape(-1, *a.shape[-2:]) for a in (q, k, v)), mask)
    return merge_by_loops(out.reshape(*lead, num_heads, T_q, -1)) @ W_o


@multi_head_attention.style
def layer_in_float32(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    """float32 throughout."""
    arrays = [a.astype(np.float32) for a in (x_q, x_kv, W_q, W_k, W_v, W_o)]
    return head_by_head(*arrays, num_heads, mask)
