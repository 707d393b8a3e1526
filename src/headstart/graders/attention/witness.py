"""Outside witnesses for attention (plain loops, finite differences) and the pieces that mistakes are made of."""

import math

import numpy as np

FUSED = ("torch.nn.functional.scaled_dot_product_attention", "torch.nn.MultiheadAttention")

SHAPES = [  # leading axes, T_q, T_k, d_head, d_v: one of a batch, odd lengths, T_q ≠ T_k, d_v ≠ d_head, one key
    ((), 3, 5, 4, 6),
    ((1,), 4, 4, 3, 3),
    ((2, 3), 5, 7, 8, 2),
    ((2,), 1, 6, 5, 4),
    ((3,), 4, 1, 2, 3),
]


LIFT = 60.0  # scores of lifted queries and keys with d_head 4 lie near ±60² / √4 = ±1800
ROUGH = {"rtol": 2e-3, "atol": 2e-3}  # what float32 keeps of weights whose scores are in the thousands


def softmax_by_loops(row):
    """Softmax of a short list of numbers by the definition; forbidden entries are -inf."""
    allowed = [x for x in row if x > -math.inf]
    top = max(allowed, default=0.0)
    total = sum(math.exp(x - top) for x in allowed)
    return [math.exp(x - top) / total if x > -math.inf else 0.0 for x in row]


def weights_by_loops(q, k, mask=None):
    """Attention weights, one query and one key at a time."""
    lead = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], () if mask is None else mask.shape[:-2])
    T_q, T_k, d_head = q.shape[-2], k.shape[-2], q.shape[-1]
    q, k = np.broadcast_to(q, (*lead, T_q, d_head)), np.broadcast_to(k, (*lead, T_k, d_head))
    allowed = np.broadcast_to(True if mask is None else mask, (*lead, T_q, T_k))
    weights = np.zeros((*lead, T_q, T_k))
    for at in np.ndindex(*lead, T_q):
        scores = [key @ q[at] / math.sqrt(d_head) for key in k[at[:-1]]]
        weights[at] = softmax_by_loops([s if ok else -math.inf for s, ok in zip(scores, allowed[at], strict=True)])
    return weights


def mix_by_loops(weights, v):
    """Weighted sums of the values, one query at a time."""
    lead, (T_q, T_k) = weights.shape[:-2], weights.shape[-2:]
    v = np.broadcast_to(v, (*lead, T_k, v.shape[-1]))
    out = np.zeros((*lead, T_q, v.shape[-1]))
    for at in np.ndindex(*lead, T_q):
        out[at] = weights[at] @ v[at[:-1]]
    return out


def by_loops(q, k, v, mask=None):
    """Scaled dot-product attention by the definition."""
    return mix_by_loops(weights_by_loops(q, k, mask), v)


def draw_qkv(draw, lead, T_q, T_k, d_head, d_v, scale=1.0):
    """Queries, keys and values of moderate scale."""
    return draw(*lead, T_q, d_head, scale=scale), draw(*lead, T_k, d_head, scale=scale), draw(*lead, T_k, d_v)


def signs(T):
    """+1, -1, +1, … for T tokens."""
    return np.where(np.arange(T) % 2, -1.0, 1.0)


def lifted(x):
    """Tokens in eighths with ±60 in their last feature: there like signs attract and unlike signs repel."""
    x = np.round(8 * x) / 8  # so that float32 holds the products exactly
    x[..., -1] = LIFT * signs(x.shape[-2])
    return x


def lifting(W, H=1):
    """A projection in eighths that leads the last feature, and nothing else, into the last feature of each head."""
    W = np.round(8 * W.reshape(len(W), H, -1)) / 8
    W[-1], W[:, :, -1] = 0.0, 0.0
    W[-1, :, -1] = 1.0
    return W.reshape(len(W), -1)


def best_forbidden(T_q, T_k):
    """A mask that forbids like signs; but query 0 may attend to every key, and query 1 to none."""
    mask = signs(T_q)[:, None] != signs(T_k)
    mask[0], mask[1] = True, False
    return mask


def one_hidden_one_closed(T_q, T_k):
    """A mask for gradients: query 0 may attend to all keys but the last, query 1 to none, the others to every key."""
    mask = np.ones((T_q, T_k), dtype=bool)
    mask[0, -1], mask[1] = False, False
    return mask


def slopes(function, g, *arrays, step=1e-5):
    """Central finite differences of sum(g · function(*arrays)) for each array."""
    gradients = []
    for i, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for at in np.ndindex(array.shape):
            up, down = array.copy(), array.copy()
            up[at] += step
            down[at] -= step
            high, low = (function(*arrays[:i], moved, *arrays[i + 1 :]) for moved in (up, down))
            gradient[at] = np.sum(g * (high - low)) / (2 * step)
        gradients.append(gradient)
    return gradients


def slopes_at_once(function, g, *arrays, step=1e-5):
    """The same for a function whose leading axes are free: one call moves every entry of an array, up and down."""
    axes, gradients = max(array.ndim for array in arrays), []
    for i, array in enumerate(arrays):
        moves = step * np.eye(array.size).reshape(array.size, *(1,) * (axes - array.ndim), *array.shape)
        high, low = (function(*arrays[:i], array + move, *arrays[i + 1 :]) for move in (moves, -moves))
        change = np.sum(g * (high - low), axis=tuple(range(1, high.ndim)))
        gradients.append(change.reshape(array.shape) / (2 * step))
    return gradients


def plain_softmax(x, axis=-1):
    """A right softmax, zeros where nothing is allowed."""
    top = np.max(x, axis=axis, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0.0))
    total = e.sum(axis=axis, keepdims=True)
    return e / np.where(total == 0, 1.0, total)


def scores_of(q, k, mask=None, scale=None):
    """Scaled scores with -inf where the mask forbids."""
    scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    return scores if mask is None else np.where(mask, scores, -np.inf)
