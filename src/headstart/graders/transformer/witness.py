"""Blocks by loops (the oracles), weights to try them with, and the pieces that wrong blocks are made of."""

import numpy as np

from headstart.graders.multi_head.function import attend, for_heads, layer_by_loops
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops
from headstart.graders.transformer.feed_forward import plain_by_loops
from headstart.graders.transformer.layer_norm import layer_norm_by_loops, standardised


def draw_block(draw, d_model, d_ff, norms=2):
    """Weights of one block: those of an encoder block, or of a decoder block when it has three norms."""

    def matrix(rows, columns):
        return draw(rows, columns, scale=1.2 * rows**-0.5)

    square = [matrix(d_model, d_model) for _ in range(8)]
    weights = {
        "attention": tuple(square[:4]),
        "feed_forward": (matrix(d_model, d_ff), draw(d_ff), matrix(d_ff, d_model), draw(d_model)),
    }
    if norms == 3:
        weights |= {"source": tuple(square[4:6]), "cross": tuple(square[6:])}
    return weights | {f"norm_{n + 1}": (1.0 + 0.3 * draw(d_model), 0.5 * draw(d_model)) for n in range(norms)}


def residual_by_loops(x, sublayer, norm, norm_first):
    """One sub-layer with its residual connection and its norm."""
    return x + sublayer(layer_norm_by_loops(x, *norm)) if norm_first else layer_norm_by_loops(x + sublayer(x), *norm)


def encoder_by_loops(x, weights, H, mask=None, norm_first=True):
    """The encoder block from loops."""
    x = residual_by_loops(
        x, lambda y: layer_by_loops(y, y, *weights["attention"], H, mask), weights["norm_1"], norm_first
    )
    return residual_by_loops(x, lambda y: plain_by_loops(y, *weights["feed_forward"]), weights["norm_2"], norm_first)


def cross_by_loops(x, source, weights, H, mask=None):
    """Cross-attention from the source's tokens, nothing computed beforehand."""
    (W_q, W_o), (W_k, W_v) = weights["cross"], weights["source"]
    return layer_by_loops(x, source, W_q, W_k, W_v, W_o, H, mask)


def decoder_by_loops(x, source, weights, H, mask=None, norm_first=True):
    """The decoder block from loops, reading from the source's tokens."""
    causal = np.array([[j <= i for j in range(x.shape[-2])] for i in range(x.shape[-2])])
    sublayers = [
        lambda y: layer_by_loops(y, y, *weights["attention"], H, causal),
        lambda y: cross_by_loops(y, source, weights, H, mask),
        lambda y: plain_by_loops(y, *weights["feed_forward"]),
    ]
    for n, sublayer in enumerate(sublayers, start=1):
        x = residual_by_loops(x, sublayer, weights[f"norm_{n}"], norm_first)
    return x


def heads_of(source, weights, H):
    """Keys and values of the source, split into heads."""
    return tuple(split_by_loops(source @ W, H) for W in weights["source"])


def norm(x, gain, bias):
    """A right layer norm."""
    return standardised(x, 1e-5) * gain + bias


def think(y, weights):
    """A right feed-forward network."""
    W_1, b_1, W_2, b_2 = weights["feed_forward"]
    return np.maximum(y @ W_1 + b_1, 0.0) @ W_2 + b_2


def exchange(y, weights, H, mask=None):
    """Right self-attention."""
    *W, W_o = weights["attention"]
    return merge_by_loops(attend(*(split_by_loops(y @ w, H) for w in W), for_heads(mask))) @ W_o


def read(y, k, v, weights, mask=None):
    """Right cross-attention."""
    W_q, W_o = weights["cross"]
    return merge_by_loops(attend(split_by_loops(y @ W_q, k.shape[-3]), k, v, for_heads(mask))) @ W_o


def step(x, sublayer, norm_weights, norm_first):
    """A right residual step."""
    return x + sublayer(norm(x, *norm_weights)) if norm_first else norm(x + sublayer(x), *norm_weights)


def encode_with(x, block, H, mask, first=True):
    """One right encoder block."""
    x = step(x, lambda y: exchange(y, block, H, mask), block["norm_1"], first)
    return step(x, lambda y: think(y, block), block["norm_2"], first)


def block_of_three(residual=step, arrange=lambda s: s, causal=lambda T: np.tri(T, dtype=bool), reading=read):
    """A right decoder block, or one around a (wrong) residual step, order of sub-layers, mask or cross-attention."""

    def block(x, k, v, weights, mask=None, norm_first=True):
        sublayers = [
            (lambda y: exchange(y, weights, k.shape[-3], causal(y.shape[-2])), weights["norm_1"]),
            (lambda y: reading(y, k, v, weights, mask), weights["norm_2"]),
            (lambda y: think(y, weights), weights["norm_3"]),
        ]
        for sublayer, norm_weights in arrange(sublayers):
            x = residual(x, sublayer, norm_weights, norm_first)
        return x

    return block
