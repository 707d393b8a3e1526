"""Additive attention: laws. Known mistakes and accepted styles: see additive_answers.py."""

import math

import numpy as np

from headstart.graders.attention.witness import (
    ROUGH,
    best_forbidden,
    lifted,
    lifting,
    mix_by_loops,
    one_hidden_one_closed,
    signs,
    slopes,
    softmax_by_loops,
)
from headstart.graders.kit import agree, exercise

additive_attention = exercise("additive_attention", "attention", needs=("softmax",))


def draw_additive(draw, lead, T_q, T_k, d_q, d_k, d_a, d_v):
    """Inputs of additive attention, keys of another width than queries."""
    return (
        draw(*lead, T_q, d_q), draw(*lead, T_k, d_k), draw(*lead, T_k, d_v),
        draw(d_q, d_a), draw(d_k, d_a), draw(d_a),
    )  # fmt: skip


def additive_by_loops(q, k, v, W_q, W_k, w, mask=None):
    """Bahdanau's attention, one pair at a time."""
    lead, T_q, T_k = q.shape[:-2], q.shape[-2], k.shape[-2]
    allowed = np.broadcast_to(True if mask is None else mask, (*lead, T_q, T_k))
    weights = np.zeros((*lead, T_q, T_k))
    for at in np.ndindex(*lead, T_q):
        scores = [sum(w * np.tanh(q[at] @ W_q + key @ W_k)) for key in k[at[:-1]]]
        weights[at] = softmax_by_loops([s if ok else -math.inf for s, ok in zip(scores, allowed[at], strict=True)])
    return mix_by_loops(weights, v)


@additive_attention.law
def additive_by_the_definition(candidate, draw):
    """Each score is w . tanh(q W_q + k W_k); the rest is softmax and average as ever."""
    for sizes in (
        ((), 3, 5, 4, 2, 6, 3),
        ((2,), 4, 4, 3, 3, 3, 3),
        ((2, 2), 2, 3, 2, 5, 1, 4),
        ((1,), 1, 4, 3, 2, 5, 2),
    ):
        inputs = draw_additive(draw, *sizes)
        agree(candidate(*inputs), additive_by_loops(*inputs))


@additive_attention.law
def additive_under_masks(candidate, draw):
    """Masked keys contribute nothing, and a query without keys gets zeros."""
    inputs = draw_additive(draw, (2,), 4, 5, 3, 2, 4, 3)
    some, none = draw.mask(4, 5), np.zeros((4, 5), dtype=bool)
    some[1] = False
    for mask in (draw.mask(2, 4, 5), draw.mask(5), some, none):
        agree(candidate(*inputs, mask), additive_by_loops(*inputs, np.broadcast_to(mask, (2, 4, 5))))


@additive_attention.law
def tanh_saturates(candidate, draw):
    """Huge queries and keys cannot push a score beyond sum(|w|): some weight stays on every key."""
    q, k, v, W_q, W_k, w = draw_additive(draw, (), 3, 5, 4, 4, 6, 2)
    inputs = (q * 1e4, k * 1e4, v, W_q, W_k, w)
    agree(candidate(*inputs), additive_by_loops(*inputs))


@additive_attention.law
def forbidden_keys_may_score_best(candidate, draw):
    """With large w, scores in the hundreds do not vanish, and a forbidden key that scores best leaves no trace."""
    q, k, v, W_q, W_k, w = draw_additive(draw, (), 4, 5, 3, 3, 4, 2)
    w[-1] = 600.0  # scores near 600 for like signs above, 0 for unlike, -600 for like signs below
    inputs, mask = (lifted(q), lifted(k), v, lifting(W_q), lifting(W_k), w), best_forbidden(4, 5)
    mask[2:] = signs(5) < 0
    for allowed in (None, mask):
        agree(candidate(*inputs, allowed), additive_by_loops(*inputs, allowed), **ROUGH)


@additive_attention.law(wings=("in_torch",))
def additive_passes_gradients(candidate, draw):
    """Every input and every weight gets its gradient, equal to finite differences, and masked rows give zeros."""
    inputs, mask, g = draw_additive(draw, (), 3, 3, 2, 3, 2, 2), one_hidden_one_closed(3, 3), draw(3, 2)
    wanted = slopes(lambda *arrays: additive_by_loops(*arrays, mask), g, *inputs)
    for got, want in zip(candidate.gradients(g, *inputs, mask), wanted, strict=True):
        agree(got, want, "the gradient")
