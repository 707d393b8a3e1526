"""Inputs for multi-head attention: tokens, weights and masks of every kind."""

import numpy as np

from headstart.graders.attention.witness import lifted, lifting

MASKED = (((3,), 3, 3, 6, 3), ((2, 2), 3, 4, 6, 2))  # leading axes (one could be taken for heads), T_q, T_k, d_model, H


def draw_layer(draw, lead, T_q, T_k, d_model, d_all=None, d_out=None):
    """Tokens and weights of one layer; weights scaled so that the scores stay moderate."""
    d_all, d_out = d_all or d_model, d_out or d_model
    W_q, W_k, W_v = (draw(d_model, d_all, scale=1.5 * d_model**-0.5) for _ in range(3))
    return draw(*lead, T_q, d_model), draw(*lead, T_k, d_model), W_q, W_k, W_v, draw(d_all, d_out, scale=d_all**-0.5)


def draw_lifted(draw, lead, T_q, T_k, d_model, H):
    """Tokens and weights that give scores in the thousands in every head."""
    x_q, x_kv, W_q, W_k, *rest = draw_layer(draw, lead, T_q, T_k, d_model)
    return lifted(x_q), lifted(x_kv), lifting(W_q, H), lifting(W_k, H), *rest


def masks_of_every_kind(draw, lead, T_q, T_k):
    """Causal, one for each batch element, padding, for one sequence; a query without keys; nothing allowed at all."""
    some, none = draw.mask(T_q, T_k), np.zeros((T_q, T_k), dtype=bool)
    some[1] = False
    padding = draw.mask(*lead, 1, T_k), draw.mask(T_k)
    return np.tri(T_q, T_k, dtype=bool), draw.mask(*lead, T_q, T_k), *padding, some, none
