"""Cross-attention with the source's keys and values made beforehand: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import FUSED, plain_softmax, scores_of, slopes
from headstart.graders.kit import agree, exercise
from headstart.graders.multi_head.function import attend, for_heads, layer_by_loops
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops

cross_attention = exercise(
    "cross_attention",
    "transformer",
    needs=("softmax", "attention_weights", "scaled_dot_product_attention", "split_heads", "merge_heads"),
    bans=FUSED,
)

SHAPES = [((2,), 3, 5, 6, 3, 6), ((), 4, 2, 8, 2, 4), ((1,), 1, 4, 4, 1, 5), ((2,), 5, 5, 6, 2, 6)]


def draw_cross(draw, lead, T_q, T_k, d_model, d_out=None):
    """Target and source tokens, W_q, W_k, W_v and W_o."""
    W = [draw(d_model, d_model, scale=1.5 * d_model**-0.5) for _ in range(3)]
    return draw(*lead, T_q, d_model), draw(*lead, T_k, d_model), *W, draw(d_model, d_out or d_model)


@cross_attention.law
def equals_attention_to_the_source(candidate, draw):
    """With the source's keys and values split into heads it is multi-head attention from target to source."""
    for lead, T_q, T_k, d_model, H, d_out in SHAPES:
        x, source, W_q, W_k, W_v, W_o = draw_cross(draw, lead, T_q, T_k, d_model, d_out)
        k, v = split_by_loops(source @ W_k, H), split_by_loops(source @ W_v, H)
        want = layer_by_loops(x, source, W_q, W_k, W_v, W_o, H)
        agree(candidate(x, k, v, W_q, W_o), want, f"the output with {H} heads")


@cross_attention.law
def one_target_token_at_a_time(candidate, draw):
    """Step by step it gives the same rows as all at once: no target token looks at another, and none is masked."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (2,), 4, 4, 6)
    k, v = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2)
    rows = [np.asarray(candidate(x[:, t : t + 1], k, v, W_q, W_o)) for t in range(4)]
    agree(np.concatenate(rows, axis=1), layer_by_loops(x, source, W_q, W_k, W_v, W_o, 2), "the rows made one by one")


@cross_attention.law
def padding_of_the_source(candidate, draw):
    """The mask hides source tokens: padding per sentence, any pattern; a query that may read nothing gets zeros."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (3,), 4, 5, 6)
    k, v = split_by_loops(source @ W_k, 3), split_by_loops(source @ W_v, 3)
    nothing = draw.mask(3, 4, 5)
    nothing[1, 2] = False
    for mask in (draw.mask(3, 1, 5), draw.mask(3, 4, 5), draw.mask(4, 5), draw.mask(5), nothing):
        want = layer_by_loops(x, source, W_q, W_k, W_v, W_o, 3, mask)
        agree(candidate(x, k, v, W_q, W_o, mask), want, f"the output under a mask {mask.shape}")


@cross_attention.law(wings=("in_torch",))
def cross_attention_passes_gradients(candidate, draw):
    """Target, keys, values and both matrices get their gradients."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (), 2, 3, 4)
    k, v, mask, g = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2), draw.mask(2, 3), draw(2, 4)
    inputs = (x, k, v, W_q, W_o)
    for got, want in zip(candidate.gradients(g, *inputs, mask), slopes(_plain(mask), g, *inputs), strict=True):
        agree(got, want, "the gradient")


def _plain(mask):
    """Cross-attention head by head, for finite differences."""

    def function(x, k, v, W_q, W_o):
        q = split_by_loops(x @ W_q, len(k))
        return merge_by_loops(np.stack([attend(*heads, mask) for heads in zip(q, k, v, strict=True)])) @ W_o

    return function


def crossed(x, k, v, W_q, W_o, mask=None, scale=None):
    """Right cross-attention, or with another scale."""
    return merge_by_loops(attend(split_by_loops(x @ W_q, k.shape[-3]), k, v, for_heads(mask), scale)) @ W_o


@cross_attention.mutant("cross-attention without the 1/√d_head factor")
def unscaled_cross(x, k, v, W_q, W_o, mask=None):
    return crossed(x, k, v, W_q, W_o, mask, 1.0)


@cross_attention.mutant("cross-attention scaled by √d_model instead of √d_head")
def cross_scaled_by_d_model(x, k, v, W_q, W_o, mask=None):
    return crossed(x, k, v, W_q, W_o, mask, 1 / math.sqrt(x.shape[-1]))


@cross_attention.mutant("cross-attention with keys and values exchanged")
def keys_for_values(x, k, v, W_q, W_o, mask=None):
    return crossed(x, v, k, W_q, W_o, mask)


@cross_attention.mutant("cross-attention under a causal mask: target token t was kept from source tokens after t")
def causal_cross(x, k, v, W_q, W_o, mask=None):
    causal = np.tri(x.shape[-2], k.shape[-2], dtype=bool)
    return crossed(x, k, v, W_q, W_o, causal if mask is None else mask & causal)


@cross_attention.mutant("cross-attention that ignores the source's padding")
def reads_padding(x, k, v, W_q, W_o, mask=None):
    return crossed(x, k, v, W_q, W_o)


@cross_attention.mutant("cross-attention with the mask inverted: True was taken to mean blocked")
def inverted_cross(x, k, v, W_q, W_o, mask=None):
    return crossed(x, k, v, W_q, W_o, None if mask is None else ~mask)


@cross_attention.mutant("cross-attention whose mask per sentence was laid over the heads instead")
def sentence_mask_over_heads(x, k, v, W_q, W_o, mask=None):
    q = split_by_loops(x @ W_q, k.shape[-3])
    return merge_by_loops(plain_softmax(scores_of(q, k, mask)) @ v) @ W_o


@cross_attention.mutant("cross-attention without the output projection W_o")
def cross_without_w_o(x, k, v, W_q, W_o, mask=None):
    return merge_by_loops(attend(split_by_loops(x @ W_q, k.shape[-3]), k, v, for_heads(mask)))


@cross_attention.mutant("cross-attention whose queries were cut by view(B, H, T, d_head) without a transpose")
def queries_by_view(x, k, v, W_q, W_o, mask=None):
    q = (x @ W_q).reshape(*k.shape[:-2], x.shape[-2], k.shape[-1])
    return merge_by_loops(attend(q, k, v, for_heads(mask))) @ W_o


@cross_attention.mutant("cross-attention that gives NaN to a query that may read nothing")
def nan_cross(x, k, v, W_q, W_o, mask=None):
    scores = scores_of(split_by_loops(x @ W_q, k.shape[-3]), k, for_heads(mask))
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return merge_by_loops(e / e.sum(-1, keepdims=True) @ v) @ W_o


@cross_attention.style
def cross_by_einsum(x, k, v, W_q, W_o, mask=None):
    """einsum with named axes, W_o reshaped instead of merging."""
    H, d_head = k.shape[-3], k.shape[-1]
    q = np.einsum("...td,dhe->...hte", x, W_q.reshape(-1, H, d_head))
    weights = plain_softmax(scores_of(q, k, for_heads(mask)))
    return np.einsum("...hts,...hse,heo->...to", weights, v, W_o.reshape(H, d_head, -1))


@cross_attention.style
def cross_with_finite_mask(x, k, v, W_q, W_o, mask=None):
    """-1e9 for minus infinity, rows without keys zeroed by hand."""
    q = split_by_loops(x @ W_q, k.shape[-3])
    scores = q @ k.mT / math.sqrt(k.shape[-1])
    allowed = np.broadcast_to(True if mask is None else for_heads(mask), scores.shape)
    return merge_by_loops(plain_softmax(np.where(allowed, scores, -1e9)) * allowed.any(-1, keepdims=True) @ v) @ W_o
