"""Whole models, forward only: token numbers in, scores for the next token out; pre-norm, with tied embeddings."""

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.multi_head import split_heads
from headstart.in_numpy.norms import layer_norm
from headstart.in_numpy.transformer import decoder_block, encoder_block


def embed(tokens, weights):
    """Look up a vector for every token and add the vector of its place."""
    places = np.arange(tokens.shape[-1])
    return weights["tokens"][tokens] + weights["positions"][places]  # (..., T, d_model)


@shapes(tokens="... T")
def decoder_only(tokens, weights, num_heads):
    """Score every next token after every prefix of a text: a small GPT.

    tokens     (..., T)      whole numbers below n_vocab
    weights    dict:
               "tokens"      E (n_vocab, d_model)   looks tokens up, and transposed scores them: tied embeddings
               "positions"   P (n_positions, d_model)   n_positions ≥ T
               "blocks"      list of encoder_block's weights, pre-norm
               "norm"        gain, bias (d_model,)   after the last block
    num_heads  int H
    return     (..., T, n_vocab)   row t scores token t + 1 and depends on tokens 0 … t alone

    Law: changing a token moves no row before it.
    Source: Radford et al. 2019, section 2.3 (pre-norm, final norm); Press and Wolf 2017 (tied embeddings).
    """
    x = embed(tokens, weights)  # (..., T, d_model)
    causal = np.tri(tokens.shape[-1], dtype=bool)  # (T, T)
    for block in weights["blocks"]:
        x = encoder_block(x, block, num_heads, causal)
    return layer_norm(x, *weights["norm"]) @ weights["tokens"].T


def encode(source, weights, num_heads, real=None):
    """Turn the source's tokens into one vector each: the memory, (..., T_k, d_model)."""
    x = embed(source, weights)
    mask = None if real is None else real[..., None, :]  # (..., 1, T_k): no query may attend to padding
    for block in weights["encoder"]:
        x = encoder_block(x, block, num_heads, mask)
    return layer_norm(x, *weights["encoder_norm"])


def source_heads(memory, weights, num_heads):
    """Make the keys and values of every decoder block, once a source: a list of [k, v], each (..., H, T_k, d_head)."""
    return [[split_heads(memory @ W, num_heads) for W in block["source"]] for block in weights["decoder"]]


def decode(target, sources, weights, real=None):
    """Score every next target token after every prefix, (..., T_q, n_vocab), reading from the source's heads."""
    x = embed(target, weights)
    mask = None if real is None else real[..., None, :]  # (..., 1, T_k)
    for block, (k, v) in zip(weights["decoder"], sources, strict=True):
        x = decoder_block(x, k, v, block, mask)
    return layer_norm(x, *weights["decoder_norm"]) @ weights["tokens"].T


@shapes(source="... T_k", target="... T_q", real="bool ... T_k")
def encoder_decoder(source, target, weights, num_heads, real=None):
    """Score every next target token given a whole source: both stacks of 2017, with pre-norm and learnt positions.

    source     (..., T_k)    whole numbers below n_vocab
    target     (..., T_q)    whole numbers below n_vocab: what was written so far, a start token first
    weights    dict:
               "tokens"        E (n_vocab, d_model)   for source, target and, transposed, the scores
               "positions"     P (n_positions, d_model)   n_positions ≥ T_k, T_q
               "encoder"       list of encoder_block's weights
               "encoder_norm"  gain, bias (d_model,)
               "decoder"       list of decoder_block's weights
               "decoder_norm"  gain, bias (d_model,)
    num_heads  int H
    real       (..., T_k)    boolean, False for padding in the source; None: no padding
    return     (..., T_q, n_vocab)   row t depends on target tokens 0 … t and on the whole source

    Law: the encoder, and every key and value made from it, is independent of the target: compute them once.
    Source: Vaswani et al. 2017, section 3 (post-norm, sinusoids, embeddings times √d_model there; not here).
    """
    memory = encode(source, weights, num_heads, real)
    return decode(target, source_heads(memory, weights, num_heads), weights, real)
