"""Wrong multi-head layers, written once as functions and registered for the function and for the PyTorch layer."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.multi_head.function import attend, for_heads, multi_head_attention
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops
from headstart.graders.multi_head.layer import MultiHeadAttention, as_layer


def mistaken_layer(diagnosis):
    """Register a wrong function as a known mistake of the function and, wrapped, of the layer."""

    def register(function):
        multi_head_attention.mutant(diagnosis)(function)
        MultiHeadAttention.mutant(diagnosis)(as_layer(function))
        return function

    return register


def projected(x_q, x_kv, W_q, W_k, W_v, H, split=split_by_loops):
    """q, k and v of all heads."""
    return tuple(split(x @ W, H) for x, W in ((x_q, W_q), (x_kv, W_k), (x_kv, W_v)))


def with_mask(mask, scores, value=-np.inf):
    """Scores with `value` where the mask forbids."""
    return scores if mask is None else np.where(for_heads(mask), scores, value)


@mistaken_layer("multi-head attention without the 1/√d_head factor")
def unscaled_heads(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask), 1.0)) @ W_o


@mistaken_layer("multi-head attention scaled by √d_model, the width of all heads together, instead of √d_head")
def scaled_by_all_heads(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    return merge_by_loops(attend(q, k, v, for_heads(mask), 1 / math.sqrt(x_q.shape[-1]))) @ W_o


@mistaken_layer("multi-head attention without the output projection W_o (the heads never mix)")
def without_output_projection(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask)))


@mistaken_layer("multi-head attention whose heads were cut by view(B, H, T, d_head) without a transpose")
def heads_by_view(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    def split(x, H):
        return x.reshape(*x.shape[:-2], H, x.shape[-2], -1)

    heads = attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads, split), for_heads(mask))
    return heads.reshape(*x_q.shape[:-1], -1) @ W_o


@mistaken_layer("multi-head attention whose heads were merged without transposing back")
def merged_by_view(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    heads = attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask))
    return heads.reshape(*x_q.shape[:-1], -1) @ W_o


@mistaken_layer("multi-head attention whose heads were merged after transpose(-1, -2)")
def merged_by_wrong_transpose(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    heads = attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask))
    return heads.mT.reshape(*x_q.shape[:-1], -1) @ W_o


@mistaken_layer("multi-head attention that splits the input, not its projections: a head sees a slice of the features")
def split_before_projection(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    if W_q.shape[0] % num_heads == 0:
        d_in, d = W_q.shape[0] // num_heads, q.shape[-1]
        blocks = np.kron(np.eye(num_heads), np.ones((d_in, d)))
        q, k, v = projected(x_q, x_kv, W_q * blocks, W_k * blocks, W_v * blocks, num_heads)
    return merge_by_loops(attend(q, k, v, for_heads(mask))) @ W_o


@mistaken_layer("multi-head attention with the weights applied as x @ W.T where the contract says x @ W")
def weights_transposed(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    W_q, W_k, W_v, W_o = (W.T if W.shape[0] == W.shape[1] else W for W in (W_q, W_k, W_v, W_o))
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask))) @ W_o


@mistaken_layer("one wide head: the projections were never split")
def never_split(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    return attend(x_q @ W_q, x_kv @ W_k, x_kv @ W_v, mask) @ W_o


@mistaken_layer("self-attention on x_q: x_kv is ignored where shapes allow it")
def ignores_x_kv(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    x_kv = x_q if x_q.shape == x_kv.shape else x_kv
    return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask))) @ W_o


@mistaken_layer("multi-head attention normalised over the heads instead of the keys")
def softmax_over_heads(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    return merge_by_loops(plain_softmax(with_mask(mask, scores_of(q, k)), axis=-3) @ v) @ W_o


@mistaken_layer("multi-head attention without a maximum subtracted in the softmax: large scores overflow")
def overflowing_heads(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = projected(x_q, x_kv, W_q, W_k, W_v, num_heads)
    e = np.exp(with_mask(mask, scores_of(q, k)))
    total = e.sum(-1, keepdims=True)
    return merge_by_loops(e / np.where(total == 0, 1.0, total) @ v) @ W_o


@mistaken_layer("attention across the batch: the first axis was taken for the tokens (batch_first forgotten)")
def across_the_batch(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    if x_q.ndim != 3 or x_q.shape != x_kv.shape or (x_q.shape[0] != x_q.shape[1] and mask is not None):
        return merge_by_loops(attend(*projected(x_q, x_kv, W_q, W_k, W_v, num_heads), for_heads(mask))) @ W_o
    turned = (x.swapaxes(0, 1) for x in (x_q, x_kv))
    heads = attend(*projected(*turned, W_q, W_k, W_v, num_heads), for_heads(mask))
    return (merge_by_loops(heads) @ W_o).swapaxes(0, 1)
