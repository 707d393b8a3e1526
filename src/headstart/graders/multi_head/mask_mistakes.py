"""Wrong ways with a mask in multi-head attention, registered for the function and for the PyTorch layer."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.multi_head.function import attend, for_heads
from headstart.graders.multi_head.heads import merge_by_loops
from headstart.graders.multi_head.mistakes import mistaken_layer, projected, with_mask


@mistaken_layer("multi-head attention that ignores its mask")
def heads_without_mask(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads))) @ W_o


@mistaken_layer("multi-head attention with the mask inverted: True was taken to mean blocked")
def heads_with_inverted_mask(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    inverted = None if mask is None else for_heads(~mask)
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), inverted)) @ W_o


@mistaken_layer("multi-head attention whose mask per batch element was laid over the heads instead")
def batch_mask_over_heads(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    fits = mask is None or mask.ndim < 3 or mask.shape[0] == num_heads
    return merge_by_loops(attend(q, k, v, mask if fits else for_heads(mask))) @ W_o


@mistaken_layer("multi-head attention that gives NaN to a query that may attend to nothing")
def nan_heads(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    scores = with_mask(mask, scores_of(q, k))
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return merge_by_loops(e / e.sum(-1, keepdims=True) @ v) @ W_o


@mistaken_layer("multi-head attention masked with -100: a forbidden key wins where the allowed scores lie below that")
def heads_masked_with_too_little(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    alive = 1.0 if mask is None else for_heads(mask).any(-1, keepdims=True)
    return merge_by_loops(plain_softmax(with_mask(mask, scores_of(q, k), -100.0)) * alive @ v) @ W_o


@mistaken_layer("multi-head attention that takes a mask without any True for no mask at all")
def heads_without_keys_see_all(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    mask = mask if mask is not None and mask.any() else None
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask))) @ W_o


@mistaken_layer("multi-head attention with mask[:, None]: of two batch axes the second is laid over the heads")
def head_axis_in_second_place(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    fits = mask is not None and mask.ndim > 3 and mask.shape[1] == num_heads
    placed = mask[:, None] if fits else for_heads(mask)
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), placed)) @ W_o
