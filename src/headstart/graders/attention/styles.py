"""Right weights in unusual styles, written once, registered for the weights, for attention and for self-attention."""

import math

import numpy as np

from headstart.graders.attention.attention import scaled_dot_product_attention
from headstart.graders.attention.self_attention import self_attention
from headstart.graders.attention.weights import attention_weights
from headstart.graders.attention.witness import plain_softmax, scores_of


def accepted_weights(weights):
    """Register right weights in an unusual style for the weights, attention and self-attention."""
    attention_weights.style(weights)
    scaled_dot_product_attention.style(lambda q, k, v, mask=None: weights(q, k, mask) @ v)
    self_attention.style(lambda x, W_q, W_k, W_v, mask=None: weights(x @ W_q, x @ W_k, mask) @ (x @ W_v))
    return weights


@accepted_weights
def finite_mask_before_scaling(q, k, mask=None):
    """-1e9 before the division by √d_head, then rows without any allowed key set to zero."""
    scores = q @ k.mT if mask is None else np.where(mask, q @ k.mT, -1e9)
    weights = plain_softmax(scores / math.sqrt(q.shape[-1]))
    return weights if mask is None else weights * np.any(mask, axis=-1, keepdims=True)


@accepted_weights
def smallest_finite_mask(q, k, mask=None):
    """The most negative float32 as the mask value, added."""
    bias = 0.0 if mask is None else np.where(mask, 0.0, np.finfo(np.float32).min)
    weights = plain_softmax(scores_of(q, k) + bias)
    return weights if mask is None else weights * mask


@accepted_weights
def root_on_both_sides(q, k, mask=None):
    """d_head ** -0.25 on q and on k."""
    root = q.shape[-1] ** -0.25
    return plain_softmax(scores_of(q * root, k * root, mask, scale=1.0))


@accepted_weights
def weights_by_einsum(q, k, mask=None):
    """einsum instead of a transpose."""
    scores = np.einsum("...qd,...kd->...qk", q, k) / q.shape[-1] ** 0.5
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf))


@accepted_weights
def weights_in_float32(q, k, mask=None):
    """float32 throughout."""
    return plain_softmax(scores_of(q.astype(np.float32), k.astype(np.float32), mask))


@accepted_weights
def renormalised(q, k, mask=None):
    """The exponentials of forbidden keys set to zero, those of the rest divided by their sum."""
    scores = scores_of(q, k)
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    top = scores.max(-1, keepdims=True, initial=-1e30, where=allowed)  # of the allowed scores alone
    e = np.exp(np.minimum(scores - top, 0.0)) * allowed
    total = e.sum(-1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0)
