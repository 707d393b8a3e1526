"""Whole models by loops (the oracles), weights to try them with, and models with one wrong part."""

import numpy as np

from headstart.graders.transformer.layer_norm import layer_norm_by_loops
from headstart.graders.transformer.witness import (
    decoder_by_loops,
    draw_block,
    encode_with,
    encoder_by_loops,
    exchange,
    heads_of,
    norm,
    read,
    step,
    think,
)

VOCABULARY, PLACES = 7, 6


def draw_embeddings(draw, d_model):
    """Token and position vectors."""
    return {"tokens": draw(VOCABULARY, d_model), "positions": draw(PLACES, d_model)}


def draw_norm(draw, d_model):
    """Gain and bias of a norm."""
    return 1.0 + 0.3 * draw(d_model), 0.5 * draw(d_model)


def draw_gpt(draw, d_model=6, d_ff=5, num_layers=2):
    """Weights of a decoder-only model."""
    blocks = [draw_block(draw, d_model, d_ff) for _ in range(num_layers)]
    return draw_embeddings(draw, d_model) | {"blocks": blocks, "norm": draw_norm(draw, d_model)}


def draw_pair(draw, d_model=6, d_ff=5, num_layers=2):
    """Weights of an encoder-decoder; the encoder has one block more than the decoder."""
    return draw_embeddings(draw, d_model) | {
        "encoder": [draw_block(draw, d_model, d_ff) for _ in range(num_layers + 1)],
        "encoder_norm": draw_norm(draw, d_model),
        "decoder": [draw_block(draw, d_model, d_ff, 3) for _ in range(num_layers)],
        "decoder_norm": draw_norm(draw, d_model),
    }


def draw_tokens(draw, *shape):
    """Token numbers."""
    return draw.rng.integers(VOCABULARY, size=shape)


def embedded(tokens, weights):
    """Token vectors plus position vectors, one at a time."""
    out = np.zeros((*tokens.shape, weights["tokens"].shape[1]))
    for at in np.ndindex(tokens.shape):
        out[at] = weights["tokens"][tokens[at]] + weights["positions"][at[-1]]
    return out


def gpt_by_loops(tokens, weights, H):
    """The decoder-only model from loops."""
    x, causal = embedded(tokens, weights), np.tri(tokens.shape[-1], dtype=bool)
    for block in weights["blocks"]:
        x = encoder_by_loops(x, block, H, causal)
    return layer_norm_by_loops(x, *weights["norm"]) @ weights["tokens"].T


def pair_by_loops(source, target, weights, H, real=None):
    """The encoder-decoder from loops."""
    memory, x = embedded(source, weights), embedded(target, weights)
    mask = None if real is None else real[..., None, :]
    for block in weights["encoder"]:
        memory = encoder_by_loops(memory, block, H, mask)
    memory = layer_norm_by_loops(memory, *weights["encoder_norm"])
    for block in weights["decoder"]:
        x = decoder_by_loops(x, memory, block, H, mask)
    return layer_norm_by_loops(x, *weights["decoder_norm"]) @ weights["tokens"].T


def causal_of(T):
    """True on and below the diagonal."""
    return np.tri(T, dtype=bool)


def start(tokens, weights, shift=0):
    """Embedded tokens; with a shift the positions start elsewhere."""
    return weights["tokens"][tokens] + weights["positions"][(np.arange(tokens.shape[-1]) + shift) % PLACES]


def gpt_of(begin=start, mask=causal_of, first=True, last=norm, blocks=lambda blocks: blocks):
    """A decoder-only model with a (wrong) beginning, mask, norm order, last norm or choice of blocks."""

    def model(tokens, weights, num_heads):
        x = begin(tokens, weights)
        for block in blocks(weights["blocks"]):
            x = encode_with(x, block, num_heads, mask(tokens.shape[-1]), first)
        return last(x, *weights["norm"]) @ weights["tokens"].T

    return model


def decode_with(x, k, v, block, mask, causal):
    """One right decoder block."""
    x = step(x, lambda y: exchange(y, block, k.shape[-3], causal), block["norm_1"], True)
    x = step(x, lambda y: read(y, k, v, block, mask), block["norm_2"], True)
    return step(x, lambda y: think(y, block), block["norm_3"], True)


def pair_of(hide=("encoder", "decoder"), encoding=encode_with, causal=causal_of, last=norm, heads=None, ready=None):
    """An encoder-decoder that hides padding in some places only, or with one (wrong) part."""

    def model(source, target, weights, num_heads, real=None):
        mask = None if real is None else real[..., None, :]
        masks = {place: mask if place in hide else None for place in ("encoder", "decoder")}
        memory, x = start(source, weights), start(target, weights)
        for block in weights["encoder"] if ready is None else ready(weights["encoder"]):
            memory = encoding(memory, block, num_heads, masks["encoder"])
        memory = last(memory, *weights["encoder_norm"])
        for block in weights["decoder"]:
            k, v = heads_of(memory, block if heads is None else heads(weights["decoder"]), num_heads)
            x = decode_with(x, k, v, block, masks["decoder"], causal(target.shape[-1]))
        return norm(x, *weights["decoder_norm"]) @ weights["tokens"].T

    return model
