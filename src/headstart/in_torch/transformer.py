"""The blocks of a Transformer: sub-layers, each with a residual connection and a norm."""

import torch

from headstart.contract import shapes
from headstart.in_torch.attention import scaled_dot_product_attention
from headstart.in_torch.feed_forward import feed_forward
from headstart.in_torch.multi_head import merge_heads, multi_head_attention, split_heads
from headstart.in_torch.norms import layer_norm


def residual_step(x, sublayer, norm, norm_first):
    """Add what a sub-layer makes of x to x; the norm stands before the sub-layer (pre) or after the sum (post)."""
    if norm_first:
        return x + sublayer(layer_norm(x, *norm))
    return layer_norm(x + sublayer(x), *norm)


@shapes(x="... T d_model", mask="bool ... T T")
def encoder_block(x, weights, num_heads, mask=None, norm_first=True):
    """Two sub-layers: tokens exchange (self-attention), then each thinks alone (feed-forward). Both are added to x.

    x           (..., T, d_model)
    weights     dict, each entry in the order of its function's arguments:
                "attention"      W_q, W_k, W_v, W_o (d_model, d_model)
                "feed_forward"   W_1 (d_model, d_ff), b_1 (d_ff,), W_2 (d_ff, d_model), b_2 (d_model,)
                "norm_1"         gain, bias (d_model,)   of the attention sub-layer
                "norm_2"         gain, bias (d_model,)   of the feed-forward sub-layer
    num_heads   int H
    mask        (..., T, T)   boolean, True where a query may attend; causal: the block of a decoder-only model
    norm_first  bool          True: x + sublayer(norm(x)), pre-norm; False: norm(x + sublayer(x)), post-norm
    return      (..., T, d_model)

    Law: with W_o, W_2 and b_2 all zero the pre-norm block is the identity.
    Source: Vaswani et al. 2017, section 3.1 (post-norm); Xiong et al. 2020, section 3, table 1 (both).
    """

    def attend(y):
        return multi_head_attention(y, y, *weights["attention"], num_heads, mask)

    def think(y):
        return feed_forward(y, *weights["feed_forward"])

    x = residual_step(x, attend, weights["norm_1"], norm_first)
    return residual_step(x, think, weights["norm_2"], norm_first)


@shapes(
    x="... T_q d_model", k="... H T_k d_head", v="... H T_k d_head",
    W_q="d_model d_all", W_o="d_all d_out", mask="bool ... T_q T_k",
)  # fmt: skip
def cross_attention(x, k, v, W_q, W_o, mask=None):
    """Let target tokens read from a source whose keys and values were made once, before the first token was written.

    x       (..., T_q, d_model)       the target: queries are made from it
    k, v    (..., H, T_k, d_head)     the source's keys and values, projected and split into heads already
    W_q     (d_model, H·d_head)
    W_o     (H·d_head, d_out)
    mask    (..., T_q, T_k)           boolean, True where a query may attend: the source's padding; one for all heads
    return  (..., T_q, d_out)

    Law: with k = split_heads(source W_k) and v = split_heads(source W_v) it equals multi_head_attention(x, source, …);
    one target token at a time gives the same rows, and never touches the source again.
    Source: Vaswani et al. 2017, section 3.2.3, first item.
    """
    q = split_heads(x @ W_q, k.shape[-3])  # (..., H, T_q, d_head)
    if mask is not None and mask.ndim > 2:
        mask = mask[..., None, :, :]  # (..., 1, T_q, T_k): one mask for all heads
    return merge_heads(scaled_dot_product_attention(q, k, v, mask)) @ W_o


@shapes(x="... T_q d_model", k="... H T_k d_head", v="... H T_k d_head", mask="bool ... T_q T_k")
def decoder_block(x, k, v, weights, mask=None, norm_first=True):
    """Three sub-layers: causal self-attention, cross-attention to the source, feed-forward. Each is added to x.

    x           (..., T_q, d_model)       the target tokens so far
    k, v        (..., H, T_k, d_head)     keys and values of the source, made once with weights["source"]
    weights     dict, each entry in the order of its function's arguments:
                "attention"      W_q, W_k, W_v, W_o (d_model, d_model)
                "source"         W_k, W_v (d_model, d_model)   not used here: they made k and v
                "cross"          W_q, W_o (d_model, d_model)
                "feed_forward"   W_1 (d_model, d_ff), b_1 (d_ff,), W_2 (d_ff, d_model), b_2 (d_model,)
                "norm_1"         gain, bias (d_model,)   of self-attention
                "norm_2"         gain, bias (d_model,)   of cross-attention
                "norm_3"         gain, bias (d_model,)   of the feed-forward network
    mask        (..., T_q, T_k)           boolean, True where a target token may read a source token (its padding)
    norm_first  bool                      True: pre-norm; False: post-norm
    return      (..., T_q, d_model)

    Law: target token i depends on target tokens 0 … i and on every source token that the mask allows.
    Source: Vaswani et al. 2017, sections 3.1 and 3.2.3.
    """
    causal = x.new_ones(x.shape[-2], x.shape[-2], dtype=torch.bool).tril()  # (T_q, T_q): True on and below the diagonal

    def attend(y):
        return multi_head_attention(y, y, *weights["attention"], k.shape[-3], causal)

    def read(y):
        return cross_attention(y, k, v, *weights["cross"], mask)

    def think(y):
        return feed_forward(y, *weights["feed_forward"])

    x = residual_step(x, attend, weights["norm_1"], norm_first)
    x = residual_step(x, read, weights["norm_2"], norm_first)
    return residual_step(x, think, weights["norm_3"], norm_first)
