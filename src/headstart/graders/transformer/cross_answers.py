"""Wrong and unusual answers to cross-attention: known mistakes and accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.multi_head.function import attend, for_heads
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops
from headstart.graders.transformer.cross import cross_attention


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


@cross_attention.mutant("cross-attention scaled by √(d_model / H), where a head's width is that of its keys")
def cross_scaled_by_share(x, k, v, W_q, W_o, mask=None):
    return crossed(x, k, v, W_q, W_o, mask, (x.shape[-1] / k.shape[-3]) ** -0.5)


@cross_attention.mutant("cross-attention without a maximum subtracted in the softmax: large scores overflow")
def overflowing_cross(x, k, v, W_q, W_o, mask=None):
    e = np.exp(scores_of(split_by_loops(x @ W_q, k.shape[-3]), k, for_heads(mask)))
    total = e.sum(-1, keepdims=True)
    return merge_by_loops(e / np.where(total == 0, 1.0, total) @ v) @ W_o


@cross_attention.mutant("cross-attention that writes -100 for minus infinity: a large forbidden score is not hidden")
def timid_mask(x, k, v, W_q, W_o, mask=None):
    scores = scores_of(split_by_loops(x @ W_q, k.shape[-3]), k)
    allowed = np.broadcast_to(True if mask is None else for_heads(mask), scores.shape)
    weights = plain_softmax(np.where(allowed, scores, -100.0)) * allowed.any(-1, keepdims=True)
    return merge_by_loops(weights @ v) @ W_o


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
