"""A decoder-only model that writes with a cache: every step computes the rows of the new tokens and nothing else."""

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.feed_forward import feed_forward
from headstart.in_numpy.kv_cache import cached_attention
from headstart.in_numpy.multi_head import merge_heads, split_heads
from headstart.in_numpy.norms import layer_norm


def cached_block(x, block, keys, values, length, num_heads):
    """Run one pre-norm block over the new tokens; return its output and the block's own cache, [keys, values].

    block   dict, as encoder_block's weights:
            "attention"      W_q, W_k, W_v, W_o (d_model, d_model)
            "feed_forward"   W_1 (d_model, d_ff), b_1 (d_ff,), W_2 (d_ff, d_model), b_2 (d_model,)
            "norm_1"         gain, bias (d_model,)   of the attention sub-layer
            "norm_2"         gain, bias (d_model,)   of the feed-forward sub-layer
    """
    *W, W_o = block["attention"]
    y = layer_norm(x, *block["norm_1"])
    q, k, v = (split_heads(y @ w, num_heads) for w in W)  # (..., H, T, d_head)
    heads, keys, values = cached_attention(q, k, v, keys, values, length)
    x = x + merge_heads(heads) @ W_o
    x = x + feed_forward(layer_norm(x, *block["norm_2"]), *block["feed_forward"])
    return x, [keys, values]


@shapes(tokens="... T")
def decoder_step(tokens, caches, length, weights, num_heads):
    """Score the next token after each of the new ones: decoder_only, with the past in caches.

    tokens     (..., T)      whole numbers below n_vocab: the whole prompt first, then one token a step
    caches     list          of [keys, values], both (..., H, T_max, d_head), one for each block, else ValueError
    length     int           tokens in the caches: the new ones stand at positions length, length + 1, …; from 0 to
                             T_max - T, else ShapeError (a ValueError)
    weights    dict:
               "tokens"      E (n_vocab, d_model)   looks tokens up, and transposed scores them: tied embeddings
               "positions"   P (n_positions, d_model)   n_positions ≥ length + T
               "blocks"      list of cached_block's weights: those of encoder_block, pre-norm
               "norm"        gain, bias (d_model,)   after the last block
    num_heads  int H
    return     scores, caches   scores (..., T, n_vocab); the caches with the new rows written; the given ones stay

    Law: fed in pieces of any size, a text gets the scores that decoder_only gives it in one pass.
    Source: Radford et al. 2019, section 2.3 (the model); Pope et al. 2023, section 2 (prefill and decode).
    """
    places = np.arange(length, length + tokens.shape[-1])
    x = weights["tokens"][tokens] + weights["positions"][places]  # (..., T, d_model)
    written = []
    for block, (keys, values) in zip(weights["blocks"], caches, strict=True):
        x, cache = cached_block(x, block, keys, values, length, num_heads)
        written.append(cache)
    return layer_norm(x, *weights["norm"]) @ weights["tokens"].T, written
