"""What the laws on gradients share: comparing several gradients by name, a forward pass with dropout, inputs."""

import numpy as np

from headstart.graders.attention.witness import draw_qkv, plain_softmax, scores_of
from headstart.graders.kit import agree, expect

SHAPES = [  # leading axes, T_q, T_k, d_head, d_v
    ((), 3, 4, 3, 2),
    ((1,), 2, 2, 4, 4),
    ((2, 2), 2, 3, 5, 3),
    ((2,), 1, 3, 2, 1),
    ((2,), 3, 1, 2, 3),
]
QKV = ("dq", "dk", "dv")


def agree_all(got, want, names, **tolerance):
    """Compare a tuple of gradients with what they should be, each under its name."""
    count = f"{len(names)} gradients ({', '.join(names)})"
    expect(isinstance(got, tuple | list), f"the result is a {type(got).__name__}, it should be a tuple of {count}")
    expect(len(got) == len(names), f"the result has {len(got)} entries, it should have {count}")
    for name, g, w in zip(names, got, want, strict=True):
        agree(g, w, name, **tolerance)


def forward(q, k, v, mask=None, kept=None, rate=0.0):
    """Attention with dropout on the weights, by the definition of both."""
    weights = plain_softmax(scores_of(q, k, mask))
    return (weights if kept is None else np.where(kept, weights / (1 - rate), 0.0)) @ v


def draw_attention(draw, lead, T_q, T_k, d_head, d_v):
    """The gradient of the output, then queries, keys and values."""
    return draw(*lead, T_q, d_v), *draw_qkv(draw, lead, T_q, T_k, d_head, d_v)


def draw_kept(draw, *shape):
    """A dropout draw with at least one entry dropped and one kept, as zeros and ones."""
    kept = (draw.rng.random(shape) < 0.7) * 1.0
    kept.flat[0], kept.flat[-1] = 0.0, 1.0
    return kept


def loud():
    """Queries and keys with scores of 1800 (query i, key i), -1260 (the next key) and -1800, a mask and the weights.

    The mask forbids every query its best key and query 2 all keys, so the weights are a one at the next key, or zeros.
    """
    k = 60.0 * np.eye(3, 4)
    weights = np.roll(np.eye(3), 1, axis=1)
    q = k - 0.7 * weights @ k - weights.T @ k
    return q, k, closed(~np.eye(3, dtype=bool), 2), closed(weights, 2)


def closed(mask, row):
    """The mask (or the weights) with nothing in one row."""
    mask = mask.copy()
    mask[..., row, :] = 0
    return mask
