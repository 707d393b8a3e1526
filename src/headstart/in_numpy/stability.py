"""Softmax and attention that survive large scores: in one pass, in logarithms, capped, normalised."""

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import scaled_dot_product_attention


@shapes(x="... n")
def log_sum_exp(x, axis=-1):
    """Add numbers that are given by their logarithms: log Σ exp(x), without leaving the logarithms.

    x       (..., n)   real numbers of any size; -inf is the logarithm of zero
    axis    int        the axis that is summed away
    return  (...)      one number a row; a row of nothing but -inf gives -inf

    Law: log_sum_exp(x + c) = log_sum_exp(x) + c, and softmax(x) = exp(x - log_sum_exp(x)).
    Source: Blanchard, Higham and Higham 2021, section 1.
    """
    top = x.max(axis=axis, keepdims=True)
    top = np.where(top == -np.inf, 0.0, top)  # a row of nothing: keep -inf - (-inf) from being nan
    total = np.exp(x - top).sum(axis=axis)
    empty = total == 0.0
    return np.where(empty, -np.inf, np.log(np.where(empty, 1.0, total))) + top.squeeze(axis)


@shapes(scores="... T_q n", v="... n d_v", top="... T_q", total="... T_q", mixed="... T_q d_v")
def online_softmax(scores, v, top, total, mixed):
    """Take one more block of keys into a running softmax average, without a look at the blocks before.

    scores  (..., T_q, n)     scores of n further keys; -inf means "not allowed"
    v       (..., n, d_v)     the values of these keys
    top     (..., T_q)        the largest score so far; -inf before the first block
    total   (..., T_q)        the sum of exp(score - top) so far; 0 before the first block
    mixed   (..., T_q, d_v)   the sum of exp(score - top) · value so far; 0 before the first block
    return  (top, total, mixed) with this block taken in

    Law: after the last block mixed / total is softmax(all scores) times all values, wherever the blocks were cut.
    Source: Milakov and Gimelshein 2018, algorithm 3; Dao et al. 2022, algorithm 1.
    """
    new_top = np.maximum(top, scores.max(axis=-1))  # (..., T_q)
    shift = np.where(new_top == -np.inf, 0.0, new_top)  # nothing allowed so far: keep -inf - (-inf) from being nan
    fade = np.exp(top - shift)  # what was summed against the old maximum, seen from the new one
    e = np.exp(scores - shift[..., None])  # (..., T_q, n)
    return new_top, fade * total + e.sum(axis=-1), fade[..., None] * mixed + e @ v


@shapes(scores="... n")
def soft_cap(scores, cap=50.0):
    """Bound scores smoothly: cap · tanh(scores / cap).

    scores  (..., n)
    cap     float      above 0, else ValueError
    return  (..., n)   between -cap and cap, in the same order

    Law: small scores pass almost unchanged, and the slope is 1 - (result / cap)², never negative.
    -inf comes back as -cap: cap first, mask afterwards.
    Source: Gemma Team 2024 (Gemma 2), section 2, "Logit soft-capping".
    """
    if cap <= 0:
        raise ValueError(f"soft_cap: cap must be above 0, got {cap}")
    return cap * np.tanh(scores / cap)


@shapes(
    q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", gain_q="d_head", gain_k="d_head", mask="bool ... T_q T_k"
)
def qk_norm_attention(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    """Attend with queries and keys brought to one length first: their root mean square becomes 1, times a gain.

    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    v       (..., T_k, d_v)
    gain_q  (d_head,)         learnt, one factor a feature; gain_k alike for the keys
    gain_k  (d_head,)
    mask    (..., T_q, T_k)   boolean, True where a query may attend; broadcasts; None allows everything
    eps     float             added to the mean square, under the root
    return  (..., T_q, d_v)   a query that may attend to nothing gets zeros

    Law: queries and keys may grow by any factor and nothing changes; with gains of 1 no score exceeds √d_head.
    Source: Dehghani et al. 2023, section 2 (with layer norm); Zhang and Sennrich 2019, section 4 (the norm used here).
    """
    q = q / np.sqrt((q * q).mean(axis=-1, keepdims=True) + eps) * gain_q
    k = k / np.sqrt((k * k).mean(axis=-1, keepdims=True) + eps) * gain_k
    return scaled_dot_product_attention(q, k, v, mask)


@shapes(weights="... n")
def attention_entropy(weights):
    """Measure how widely attention is spread: -Σ w log w along the last axis, in nats.

    weights  (..., n)   rows of attention weights: not negative, sum 1 (or 0, where nothing is allowed)
    return   (...)      0 for a row on one key, log n for an even row; 0 · log 0 counts as 0

    Law: exp(entropy) is the number of keys that an even row of this entropy would cover.
    Source: Zhai et al. 2023, section 3.
    """
    safe = np.where(weights > 0.0, weights, 1.0)
    return -(weights * np.log(safe)).sum(axis=-1)
