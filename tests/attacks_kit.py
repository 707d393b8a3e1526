"""What the attacks on the graders are made of: small right pieces for numpy and torch alike (`xp` is either)."""

import math


def normalised(xp, e, axis=-1):
    """Positive numbers divided by their sum, zeros where there is none."""
    total = e.sum(axis, keepdims=True)
    return e / xp.where(total == 0, 1.0, total)


def soft(xp, x, axis=-1):
    """A right softmax."""
    top = xp.amax(x, axis, keepdims=True)
    return normalised(xp, xp.exp(x - xp.where(xp.isinf(top), 0.0, top)), axis)


def scores(q, k):
    """Scaled scores."""
    return q @ k.mT / math.sqrt(q.shape[-1])


def alive(mask):
    """True for a query that may attend to something."""
    return mask.any(-1, keepdims=True)


def filled(xp, q, k, mask, value):
    """Weights with forbidden scores replaced by a value, rows without keys set to zero."""
    s = scores(q, k)
    return soft(xp, s) if mask is None else soft(xp, xp.where(mask, s, value)) * alive(mask)


def added(xp, q, k, mask, value):
    """Weights with a value added to forbidden scores, rows without keys set to zero."""
    s = scores(q, k)
    return soft(xp, s) if mask is None else soft(xp, s + value * ~mask) * alive(mask)


def heads_of(x, H):
    """Cut into heads, heads in front of tokens."""
    return x.reshape(*x.shape[:-1], H, x.shape[-1] // H).swapaxes(-3, -2)


def merged(x):
    """Heads side by side again."""
    x = x.swapaxes(-3, -2)
    return x.reshape(*x.shape[:-2], -1)


def built_on(weights):
    """Map the exercises that are built on attention weights to answers built on these."""

    def attention(xp, q, k, v, mask=None):
        return weights(xp, q, k, mask) @ v

    def of_one_sequence(xp, x, W_q, W_k, W_v, mask=None):
        return weights(xp, x @ W_q, x @ W_k, mask) @ (x @ W_v)

    def of_many_heads(xp, x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
        q, k, v = (heads_of(x @ W, num_heads) for x, W in ((x_q, W_q), (x_kv, W_k), (x_kv, W_v)))
        mask = mask[..., None, :, :] if mask is not None and mask.ndim > 2 else mask
        return merged(weights(xp, q, k, mask) @ v) @ W_o

    return {
        "attention_weights": weights,
        "scaled_dot_product_attention": attention,
        "self_attention": of_one_sequence,
        "multi_head_attention": of_many_heads,
    }
