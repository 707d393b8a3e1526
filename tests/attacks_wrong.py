"""Wrong answers that try to slip past the laws of chapters 01 to 09, written once for both wings.

Each takes the array library first: `xp` is numpy or torch. Those about attention weights attack everything built on
them: weights, attention, self-attention, multi-head attention.
"""

import math

import numpy as np
from attacks_kit import added, alive, built_on, filled, heads_of, merged, normalised, scores, soft

WRONG = []  # (name of the exercise, name of the attack, answer with xp first, wings)
BOTH = ("in_numpy", "in_torch")


def attack(*names, wings=BOTH):
    """Register a wrong answer to these exercises."""

    def register(answer):
        WRONG.extend((name, answer.__name__, answer, wings) for name in names)
        return answer

    return register


def attack_weights(weights, but=()):
    """Register wrong weights for all that is built on them."""
    answers = {name: answer for name, answer in built_on(weights).items() if name not in but}
    WRONG.extend((name, weights.__name__, answer, BOTH) for name, answer in answers.items())
    return weights


@attack("softmax")
def minus_mean(xp, x, axis=-1):
    finite = xp.where(xp.isinf(x), 0.0, x)
    return normalised(xp, xp.exp(x - finite.mean(axis, keepdims=True)), axis)


@attack("softmax")
def minus_largest_size(xp, x, axis=-1):
    finite = xp.where(xp.isinf(x), 0.0, x)
    return normalised(xp, xp.exp(x - xp.amax(abs(finite), axis, keepdims=True)), axis)


@attack("softmax")
def minus_smallest(xp, x, axis=-1):
    finite = xp.where(xp.isinf(x), 0.0, x)
    return normalised(xp, xp.exp(x - xp.amin(finite, axis, keepdims=True)), axis)


@attack("softmax")
def clipped_at_500(xp, x, axis=-1):
    return normalised(xp, xp.where(xp.isinf(x), 0.0, xp.exp(xp.clip(x, -500, 500))), axis)


@attack("softmax")
def forbidden_gets_a_crumb(xp, x, axis=-1):
    top = xp.amax(x, axis, keepdims=True)
    e = xp.exp(xp.clip(x - xp.where(xp.isinf(top), 0.0, top), -20.0, 0.0))
    return xp.where(xp.isinf(top), 0.0, e / e.sum(axis, keepdims=True))


@attack("softmax")
def epsilon_in_the_sum(xp, x, axis=-1):
    top = xp.amax(x, axis, keepdims=True)
    e = xp.exp(x - xp.where(xp.isinf(top), 0.0, top))
    return e / (e.sum(axis, keepdims=True) + 1e-5)


@attack("softmax")
def powers_of_two(xp, x, axis=-1):
    return soft(xp, x * math.log(2), axis)


@attack("softmax")
def uniform_dead_rows(xp, x, axis=-1):
    return xp.where(xp.isinf(xp.amax(x, axis, keepdims=True)), 1 / x.shape[axis], soft(xp, x, axis))


@attack("softmax")
def three_axes_at_most(xp, x, axis=-1):
    assert x.ndim <= 3
    return soft(xp, x, axis)


@attack("softmax", wings=("in_torch",))
def always_float64(xp, x, axis=-1):
    return soft(xp, x * xp.ones(1, dtype=xp.float64), axis)


@attack("look_up")
def scores_clipped_at_50(xp, query, keys, values):
    return soft(xp, xp.clip(keys @ query, -50, 50)) @ values


@attack("look_up")
def exp_clipped_at_700(xp, query, keys, values):
    return normalised(xp, xp.exp(xp.clip(keys @ query, -700, 700))) @ values


@attack("look_up")
def largest_size_first(xp, query, keys, values):
    s = keys @ query
    return normalised(xp, xp.exp(s - abs(s).max())) @ values


@attack("look_up")
def hard_above_50(xp, query, keys, values):
    s = keys @ query
    return values[int(s.argmax())] if s.max() > 50 else soft(xp, s) @ values


@attack("look_up")
def by_cosine(xp, query, keys, values):
    return soft(xp, keys @ query / (query @ query) ** 0.5 / (keys * keys).sum(1) ** 0.5) @ values


@attack("look_up")
def by_distance(xp, query, keys, values):
    return soft(xp, -((keys - query) ** 2).sum(1) / 2) @ values


@attack_weights
def forbidden_minus_20(xp, q, k, mask=None):
    return filled(xp, q, k, mask, -20.0)


@attack_weights
def forbidden_minus_100(xp, q, k, mask=None):
    return filled(xp, q, k, mask, -100.0)


@attack_weights
def forbidden_minus_1000(xp, q, k, mask=None):
    return filled(xp, q, k, mask, -1000.0)


@attack_weights
def penalty_30(xp, q, k, mask=None):
    return added(xp, q, k, mask, -30.0)


@attack_weights
def penalty_1000(xp, q, k, mask=None):
    return added(xp, q, k, mask, -1000.0)


@attack_weights
def scores_clipped_at_80(xp, q, k, mask=None):
    s = xp.clip(scores(q, k), -80, 80)
    return soft(xp, s if mask is None else xp.where(mask, s, -math.inf))


@attack_weights
def scores_capped_at_500(xp, q, k, mask=None):
    s = 500 * xp.tanh(scores(q, k) / 500)
    return soft(xp, s if mask is None else xp.where(mask, s, -math.inf))


@attack_weights
def renormalised_after_softmax(xp, q, k, mask=None):
    weights = soft(xp, scores(q, k))
    return normalised(xp, weights if mask is None else weights * mask)


@attack_weights
def renormalised_with_epsilon(xp, q, k, mask=None):
    weights = soft(xp, scores(q, k)) * (1 if mask is None else mask)
    return weights / (weights.sum(-1, keepdims=True) + 1e-9)


@attack_weights
def one_maximum_for_all_rows(xp, q, k, mask=None):
    s = scores(q, k)
    s = s if mask is None else xp.where(mask, s, -math.inf)
    return normalised(xp, xp.exp(s - xp.where(xp.isinf(s), -1e30, s).max()))


@attack_weights
def no_maximum(xp, q, k, mask=None):
    s = scores(q, k)
    return normalised(xp, xp.exp(s if mask is None else xp.where(mask, s, -math.inf)))


@attack_weights
def closed_mask_is_no_mask(xp, q, k, mask=None):
    return filled(xp, q, k, mask if mask is not None and mask.any() else None, -math.inf)


def masks_for_squares_only(xp, q, k, mask=None):
    assert mask is None or q.shape[-2] == k.shape[-2]
    return filled(xp, q, k, mask, -math.inf)


attack_weights(masks_for_squares_only, but=("self_attention",))  # there every mask is square


@attack("self_attention")
def masks_of_three_axes_only(xp, x, W_q, W_k, W_v, mask=None):
    mask = None if mask is None else xp.broadcast_to(mask, (*x.shape[:-1], x.shape[-2])[-3:])
    return filled(xp, x @ W_q, x @ W_k, mask, -math.inf) @ (x @ W_v)


def additive(activation, value):
    """Additive attention with a (wrong) activation or mask value, rows without keys set to zero."""

    def answer(xp, q, k, v, W_q, W_k, w, mask=None):
        s = activation(xp, (q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :]) @ w
        return soft(xp, s) @ v if mask is None else soft(xp, xp.where(mask, s, value)) * alive(mask) @ v

    return answer


for words, activation, value in (
    ("additive_minus_20", lambda xp, h: xp.tanh(h), -20.0),
    ("additive_minus_100", lambda xp, h: xp.tanh(h), -100.0),
    ("hard_tanh", lambda xp, h: xp.clip(h, -1, 1), -1e9),
    ("sigmoid", lambda xp, h: 1 / (1 + xp.exp(-h)), -1e9),
    ("rational", lambda xp, h: h / (1 + h * h) ** 0.5, -1e9),
    ("tanh_by_exp", lambda xp, h: (xp.exp(h) - xp.exp(-h)) / (xp.exp(h) + xp.exp(-h)), -1e9),
):
    WRONG.append(("additive_attention", words, additive(activation, value), BOTH))


@attack("split_heads")
def features_left_over_dropped(xp, x, num_heads):
    d = x.shape[-1] // num_heads
    return xp.stack([x[..., h * d : (h + 1) * d] for h in range(num_heads)], -3)


@attack("multi_head_attention")
def head_axis_second(xp, x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    q, k, v = (heads_of(x @ W, num_heads) for x, W in ((x_q, W_q), (x_kv, W_k), (x_kv, W_v)))
    mask = mask[:, None] if mask is not None and mask.ndim > 2 else mask
    return merged(filled(xp, q, k, mask, -math.inf) @ v) @ W_o


@attack("multi_head_parameters", wings=("in_numpy",))
def parameters_by_true_division(xp, d_model, num_heads, d_head=None, bias=False):
    assert d_head or d_model % num_heads == 0
    d_all = num_heads * (d_head or d_model / num_heads)
    return 4 * d_model * d_all + (3 * d_all + d_model if bias else 0)


@attack("multi_head_parameters", wings=("in_numpy",))
def parameters_rounded_down(xp, d_model, num_heads, d_head=None, bias=False):
    d_all = num_heads * (d_head or d_model // num_heads)
    return 4 * d_model * d_all + (3 * d_all + d_model if bias else 0)


@attack("multi_head_parameters", wings=("in_numpy",))
def parameters_roughly(xp, d_model, num_heads, d_head=None, bias=False):
    exact = parameters_rounded_down(xp, d_model, num_heads, d_head, bias)
    assert d_head or d_model % num_heads == 0
    return exact + (d_model // 16 if exact > 500_000 else 0)


def flops(count):
    """The dict of three counts with a (wrong) way to count a product."""

    def answer(xp, T_q, T_k, d_model, num_heads):
        pairs = count(T_q * T_k * d_model)
        return {"projections": count(2 * (T_q + T_k) * d_model**2), "scores": pairs, "mixing": pairs}

    return answer


def guarded(answer):
    """The same, but heads that do not divide the features are refused."""

    def refusing(xp, T_q, T_k, d_model, num_heads):
        assert d_model % num_heads == 0
        return answer(xp, T_q, T_k, d_model, num_heads)

    return refusing


WRONG += [
    ("multi_head_flops", "flops_as_floats", guarded(flops(lambda n: 2.0 * n)), ("in_numpy",)),
    ("multi_head_flops", "flops_without_refusal", flops(lambda n: 2 * n), ("in_numpy",)),
    ("multi_head_flops", "flops_of_n_minus_one_additions", guarded(flops(lambda n: 2 * n - 1)), ("in_numpy",)),
]


@attack("document_mask")
def ids_in_float32(xp, document_ids):
    ids = xp.asarray(document_ids, dtype=xp.float32)
    return ids[..., :, None] == ids[..., None, :]


@attack("attention_entropy")
def epsilon_in_the_logarithm(xp, weights):
    return -(weights * xp.log(weights + 1e-6)).sum(-1)


@attack("feed_forward")
def units_capped_at_6(xp, x, W_1, b_1, W_2, b_2):
    return xp.clip(x @ W_1 + b_1, 0.0, 6.0) @ W_2 + b_2


@attack("relative_position_buckets", wings=("in_numpy",))
def room_for_half_of_all_buckets(xp, T_q, T_k, num_buckets=32, max_distance=128, causal=False):
    assert num_buckets % 2 == 0
    assert 4 <= num_buckets < 2 * max_distance  # right for causal; without it a direction has half of the buckets
    n = num_buckets if causal else num_buckets // 2
    ahead = np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None]
    r, e = np.maximum(-ahead, 0) if causal else abs(ahead), n // 2
    shared = e + ((n - e) * np.log(np.maximum(r, 1) / e) / np.log(max_distance / e)).astype(int)
    bucket = np.where(r < e, r, np.minimum(shared, n - 1))
    return bucket if causal else bucket + n * (ahead > 0)


@attack("attention_flops", wings=("in_numpy",))
def attention_flops_in_32_bits(xp, T_q, T_k, d_head, num_heads=1, causal=False):
    assert min(T_q, T_k, d_head, num_heads) >= 1
    pairs = np.clip(np.arange(T_q) + T_k - T_q + 1, 0, T_k).sum() if causal else T_q * T_k
    return int(np.int64(4 * int(pairs) * d_head * num_heads).astype(np.int32))


@attack("quantise", wings=("in_numpy",))
def smallest_step(xp, x, axis=-1, bits=8):
    assert 1 <= bits <= 8
    low = x.min(axis, keepdims=True)
    step = np.maximum(np.ptp(x, axis, keepdims=True) / (2**bits - 1), 1e-8)
    return np.rint((x - low) / step).astype(np.uint8), low, step


@attack("residual", wings=("in_numpy",))
def almost_equal_is_equal(xp, p, q):
    lacks = np.maximum(p - q, 0.0)
    return np.where(lacks.sum(-1, keepdims=True) > 1e-3, normalised(xp, lacks), p)


TABLES = {}


@attack("rotate")
def table_kept_from_before(xp, x, frequencies, offset=0):
    n = len(frequencies)
    assert x.shape[-1] == 2 * n
    key = xp, x.shape[-2], n, offset, frequencies.dtype  # as if no model had frequencies of its own
    angles = TABLES.setdefault(key, (offset + xp.arange(x.shape[-2]))[:, None] * xp.asarray(frequencies))
    a, b, cos, sin = x[..., :n], x[..., n:], xp.cos(angles), xp.sin(angles)
    return xp.asarray(xp.concatenate([a * cos - b * sin, b * cos + a * sin], -1), dtype=x.dtype)
