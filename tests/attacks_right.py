"""Right answers in unusual dress, which no law may reject, written once for both wings where both can say it.

Each takes the array library first: `xp` is numpy or torch.
"""

import functools
import math

import numpy as np
from attacks_kit import added, alive, built_on, filled, normalised, scores, soft
from attacks_wrong import BOTH, additive, flops, guarded

RIGHT = []  # (name of the exercise, name of the answer, answer with xp first, wings)
NUMPY = ("in_numpy",)


def right(*names, wings=BOTH):
    """Register a right answer to these exercises."""

    def register(answer):
        RIGHT.extend((name, answer.__name__, answer, wings) for name in names)
        return answer

    return register


def right_weights(weights, wings=BOTH):
    """Register right weights for all that is built on them."""
    RIGHT.extend((name, weights.__name__, answer, wings) for name, answer in built_on(weights).items())
    return weights


@right("softmax", wings=NUMPY)
def in_place_on_a_copy(xp, x, axis=-1):
    x = x.copy()
    top = x.max(axis, keepdims=True)
    top[np.isinf(top)] = 0
    x -= top
    np.exp(x, out=x)
    x /= np.where(x.sum(axis, keepdims=True) == 0, 1, x.sum(axis, keepdims=True))
    return x


@right("softmax", wings=NUMPY)
def by_logaddexp(xp, x, axis=-1):
    total = np.logaddexp.reduce(x, axis=axis, keepdims=True)
    return np.exp(x - np.where(np.isinf(total), 0, total))


@right("softmax", wings=NUMPY)
def by_masked_array(xp, x, axis=-1):
    masked = np.ma.masked_invalid(x)
    e = np.ma.exp(masked - masked.max(axis=axis, keepdims=True))
    return (e / e.sum(axis=axis, keepdims=True)).filled(0)


@right("softmax", wings=NUMPY)
def extended_inside(xp, x, axis=-1):
    return soft(np, x.astype(np.longdouble), axis).astype(x.dtype)


@right("softmax", wings=NUMPY)
def always_float64(xp, x, axis=-1):
    return soft(np, x.astype(np.float64), axis)


@right("softmax", wings=NUMPY)
def fortran_order(xp, x, axis=-1):
    return np.asfortranarray(soft(np, x, axis))


@right("softmax")
def dead_rows_aside(xp, x, axis=-1):
    dead = xp.isinf(xp.amax(x, axis, keepdims=True))
    x = xp.where(dead, 0.0, x)
    e = xp.exp(x - xp.amax(x, axis, keepdims=True))
    return xp.where(dead, 0.0, e / e.sum(axis, keepdims=True))


@right("softmax")
def tiny_floor_under_the_sum(xp, x, axis=-1):
    top = xp.amax(x, axis, keepdims=True)
    e = xp.exp(x - xp.where(xp.isinf(top), 0.0, top))
    return e / xp.clip(e.sum(axis, keepdims=True), 1e-30, None)


@right("softmax")
def further_keyword(xp, x, axis=-1, *, eps=0.0):
    return soft(xp, x, axis)


class Callable:
    __name__ = "callable_object"

    def __call__(self, xp, x, axis=-1):
        return soft(xp, x, axis)


right("softmax")(Callable())


@right("look_up")
def weights_times_rows(xp, query, keys, values):
    return (soft(xp, (keys * query).sum(1))[:, None] * values).sum(0)


@right("look_up")
def query_as_a_row(xp, query, keys, values):
    return (soft(xp, query[None] @ keys.T) @ values)[0]


@right("look_up", wings=NUMPY)
def by_average(xp, query, keys, values):
    return np.average(values, axis=0, weights=soft(np, keys @ query))


@right_weights
def minus_ten_thousand(xp, q, k, mask=None):
    return filled(xp, q, k, mask, -1e4)


@right_weights
def minus_hundred_thousand(xp, q, k, mask=None):
    return filled(xp, q, k, mask, -1e5)


@right_weights
def penalty_of_ten_thousand(xp, q, k, mask=None):
    return added(xp, q, k, mask, -1e4)


@right_weights
def penalty_of_ten_billion(xp, q, k, mask=None):
    return added(xp, q, k, mask, -1e10)


@right_weights
def masked_before_scaling(xp, q, k, mask=None):
    s = q @ k.mT if mask is None else xp.where(mask, q @ k.mT, -1e5)
    weights = soft(xp, s / math.sqrt(q.shape[-1]))
    return weights if mask is None else weights * alive(mask)


@right_weights
def root_of_the_root(xp, q, k, mask=None):
    root = q.shape[-1] ** -0.25
    s = (q * root) @ (k * root).mT
    return soft(xp, s if mask is None else xp.where(mask, s, -math.inf))


@right_weights
def maximum_of_the_allowed(xp, q, k, mask=None):
    s = scores(q, k)
    top = xp.amax(s if mask is None else xp.where(mask, s, -1e30), -1, keepdims=True)
    e = xp.exp(xp.clip(s - top, None, 0.0))
    return normalised(xp, e if mask is None else e * mask)


@functools.partial(right_weights, wings=NUMPY)
def in_float32(xp, q, k, mask=None):
    return filled(np, q.astype(np.float32), k.astype(np.float32), mask, -np.inf)


@functools.partial(right_weights, wings=NUMPY)
def by_boolean_index(xp, q, k, mask=None):
    s = scores(q, k)
    if mask is not None:
        s[~np.broadcast_to(mask, s.shape)] = -np.inf
    return soft(np, s)


@right("self_attention")
def keys_folded_into_queries(xp, x, W_q, W_k, W_v, mask=None):
    s = x @ (W_q @ W_k.T) @ x.mT / math.sqrt(W_q.shape[1])
    return soft(xp, s if mask is None else xp.where(mask, s, -math.inf)) @ x @ W_v


@right("scaled_dot_product_attention")
def online(xp, q, k, v, mask=None):
    top, total, out = -1e30 * xp.ones_like(q[..., :1]), 0.0, 0.0
    for j in range(k.shape[-2]):
        s = (q * k[..., j : j + 1, :]).sum(-1, keepdims=True) / math.sqrt(q.shape[-1])
        s = s if mask is None else xp.where(mask[..., j : j + 1], s, -math.inf)
        new = xp.maximum(top, s)
        old, e, top = xp.exp(top - new), xp.exp(s - new), new
        total, out = total * old + e, out * old + e * v[..., j : j + 1, :]
    return out / xp.where(total == 0, 1.0, total)


RIGHT.append(("additive_attention", "filled_with_minus_1e9", additive(lambda xp, h: xp.tanh(h), -1e9), BOTH))


@right("additive_attention")
def without_maximum(xp, q, k, v, W_q, W_k, w, mask=None):
    e = xp.exp(xp.tanh((q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :]) @ w)
    return normalised(xp, e if mask is None else e * mask) @ v


@right("split_heads")
def stacked_slices(xp, x, num_heads):
    assert x.shape[-1] % num_heads == 0
    d = x.shape[-1] // num_heads
    return xp.stack([x[..., h * d : (h + 1) * d] for h in range(num_heads)], -3)


@right("merge_heads")
def joined_one_by_one(xp, x):
    return xp.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], -1)


@right("head_contributions")
def with_the_other_heads_off(xp, heads, W_o):
    H, terms = heads.shape[-3], []
    for h in range(H):
        alone = [heads[..., i, :, :] * (i == h) for i in range(H)]
        terms.append(xp.concatenate(alone, -1) @ W_o)
    return xp.stack(terms, -3)


@right("multi_head_parameters", wings=NUMPY)
def as_a_numpy_integer(xp, d_model, num_heads, d_head=None, bias=False):
    assert d_head or d_model % num_heads == 0
    d_all = num_heads * (d_head or d_model // num_heads)
    return np.int64(4 * d_model * d_all + (3 * d_all + d_model if bias else 0))


RIGHT.append(("multi_head_flops", "by_formula", guarded(flops(lambda n: 2 * n)), NUMPY))
