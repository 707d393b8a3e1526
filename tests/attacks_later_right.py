"""Right answers to exercises of chapters 10 to 21 in unusual dress, and the functions that they are made of.

Most are NumPy's: where PyTorch has the exercise too, the laws are the same. The last are PyTorch's.
"""

import itertools
import math

import attacks_right
import attacks_torch
import numpy as np
import torch
import torch.nn.functional as F
from attacks_kit import alive, heads_of, merged, soft


def right(*names):
    """Register a right answer to these exercises."""
    return attacks_right.right(*names, wings=("in_numpy",))


# -- softmax in its many places: one answer to each exercise, built on weights made of scores and a mask


def filled(value):
    """Weights with a number in place of forbidden scores, rows without keys set to zero."""

    def weights(s, mask):
        if mask is None:
            return soft(np, s)
        mask = np.broadcast_to(mask, s.shape)
        return soft(np, np.where(mask, s, value)) * alive(mask)

    return weights


def in_float32(s, mask):
    return filled(-math.inf)(s.astype(np.float32), mask)


def dot(q, k):
    return q @ k.mT / math.sqrt(q.shape[-1])


def gated(weights, x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    assert W_q.shape[1] % num_heads == 0
    q, k, v = (heads_of(x @ W, num_heads) for x, W in ((x, W_q), (media, W_k), (media, W_v)))
    mask = mask[..., None, :, :] if mask is not None and mask.ndim > 2 else mask
    return x + np.tanh(gate) * merged(weights(dot(q, k), mask) @ v) @ W_o


def resampler(weights, x, latents, W_q, W_k, W_v, mask=None):
    keys = np.concatenate([x, np.broadcast_to(latents, (*x.shape[:-2], *latents.shape))], -2)
    if mask is not None:
        seen = np.ones((*x.shape[:-2], len(latents)), dtype=bool)
        mask = np.concatenate([np.broadcast_to(mask, x.shape[:-1]), seen], -1)[..., None, :]
    return latents + weights(dot(latents @ W_q, keys @ W_k), mask) @ (keys @ W_v)


def fused(weights, x, present, query):
    present = np.broadcast_to(present, x.shape[:-1])
    x = np.where(present[..., None], x, 0.0)
    return np.einsum("...n,...nd->...d", weights(x @ query / math.sqrt(len(query)), present), x)


def paired(weights, q, k, v, pair, W_b, mask=None):
    return weights(dot(q, k) + np.moveaxis(pair @ W_b, -1, -3), mask) @ v


def latent(weights, q, q_rope, c, k_rope, W_uk, W_uv, mask=None):
    H, _, d_head = q.shape[-3:]
    assert W_uk.shape[1] == H * d_head
    q, k = np.concatenate([q, q_rope], -1), heads_of(c @ W_uk, H)
    shared = np.broadcast_to(k_rope[..., None, :, :], (*k.shape[:-1], k_rope.shape[-1]))
    return weights(dot(q, np.concatenate([k, shared], -1)), mask) @ heads_of(c @ W_uv, H)


def grouped(weights, q, k, v, mask=None):
    R, left_over = divmod(q.shape[-3], k.shape[-3])
    assert not left_over
    k, v = (x.repeat(R, -3) for x in (k, v))
    return weights(dot(q, k), mask) @ v


def differential(weights, q_1, k_1, q_2, k_2, v, lam, mask=None):
    return (weights(dot(q_1, k_1), mask) - lam * weights(dot(q_2, k_2), mask)) @ v


PLACES = {
    "gated_cross_attention": gated,
    "resample": resampler,
    "fuse_modalities": fused,
    "pair_bias_attention": paired,
    "latent_attention": latent,
    "grouped_query_attention": grouped,
    "differential_attention": differential,
}


def everywhere(register, words, weights, but=()):
    """Register weights in every place."""
    for name, place in PLACES.items():
        if name not in but:
            answer = lambda xp, *args, place=place: place(weights, *args)  # noqa: E731
            answer.__name__ = words
            register(name)(answer)


everywhere(right, "minus_ten_thousand", filled(-1e4))
everywhere(right, "scores_in_float32", in_float32)


@right("image_patches")
def by_window_view(xp, x, size, stride=1):
    assert min(size, stride) > 0
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(-3, -2))[..., ::stride, ::stride, :, :, :]
    view = np.moveaxis(view, -3, -1)
    return view.reshape(*view.shape[:-3], size * size * x.shape[-1])


def best_path(scores, allowed, value):
    """Viterbi with a number in place of forbidden steps."""
    best, pointers = np.where(allowed[0], scores[0], value), []
    for row in scores[1:]:
        ways = np.where(allowed, best[:, None], value)
        pointers, best = [*pointers, ways.argmax(0)], ways.max(0) + row
    path = [int(best.argmax())]
    for pointer in pointers[::-1]:
        path.append(int(pointer[path[-1]]))
    return path[::-1]


@right("viterbi")
def as_a_list(xp, scores, allowed):
    return best_path(scores, allowed, -1e30)


def best_pair(start_scores, end_scores, passage, max_length, value):
    """The best pair of a table of all, with a number in place of forbidden pairs."""
    assert max_length > 0
    place = np.arange(start_scores.shape[-1])
    length = place - place[:, None]
    allowed = (length >= 0) & (length < max_length) & passage[..., None] & passage[..., None, :]
    sums = np.where(allowed, start_scores[..., None] + end_scores[..., None, :], value)
    best = sums.reshape(*sums.shape[:-2], -1).argmax(-1)
    return np.stack(np.unravel_index(best, length.shape), axis=-1)


@right("best_span")
def by_a_table(xp, start_scores, end_scores, passage, max_length):
    return best_pair(start_scores, end_scores, passage, max_length, -np.inf)


@right("cut_windows")
def windows_by_index(xp, x, window, shift=0):
    return windows(x, window, shift)


def windows(x, window, shift):
    """Windows read through rows and columns of an index."""
    height, width, d = x.shape[-3:]
    assert height % window == width % window == 0
    x = x.take((np.arange(height) + shift) % height, -3).take((np.arange(width) + shift) % width, -2)
    corners = itertools.product(range(0, height, window), range(0, width, window))
    cuts = [x[..., i : i + window, j : j + window, :].reshape(*x.shape[:-3], -1, d) for i, j in corners]
    return np.stack(cuts, axis=-3)


def cheapest(cost, most):
    """Every choice tried, from a total that is taken for too much."""
    n, m = cost.shape
    assert m <= n
    best, chosen = most, range(m)
    for rows in itertools.permutations(range(n), m):
        if cost[rows, range(m)].sum() < best:
            best, chosen = cost[rows, range(m)].sum(), rows
    return np.array(chosen, dtype=int)


@right("match_queries")
def from_infinity_down(xp, cost):
    return cheapest(cost, math.inf).astype(np.uint8)


@right("edit_distance")
def by_one_row(xp, hypothesis, reference):
    return np.int64(distance(hypothesis, reference))


def distance(a, b):
    """One row of the table at a time."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y)))
    return row[-1]


@right("hit_and_ndcg")
def as_a_list_of_two(xp, scores, targets, top_k):
    return list(ranked(scores, targets, top_k, np.equal))


def ranked(scores, targets, top_k, same):
    """Means over the ranks that the target can have among those that are the `same`."""
    assert top_k > 0
    own = np.take_along_axis(scores, targets[:, None], 1)
    tied = same(scores, own)
    above, rank = ((scores > own) & ~tied).sum(1)[:, None], np.arange(1, scores.shape[1] + 1)
    possible = (rank > above) & (rank <= above + tied.sum(1)[:, None])
    hit = (possible & (rank <= top_k)) / possible.sum(1)[:, None]
    return hit.sum(1), (hit / np.log2(rank + 1)).sum(1)


@right("average_precision")
def by_thresholds(xp, scores, labels):
    assert labels.any()
    return steps(scores, labels)


def steps(scores, labels):
    """Threshold by threshold."""
    assert labels.any()
    total = 0.0
    for score in set(scores.tolist()):
        total += labels[scores == score].sum() / labels.sum() * labels[scores >= score].mean()
    return total


def decayed(times, rates):
    """The bias, with the future closed at the end."""
    bias = -rates[:, None, None] * (times[..., None, :, None] - times[..., None, None, :])
    bias[..., np.triu(np.ones(bias.shape[-2:], dtype=bool), 1)] = -np.inf
    return bias


@right("time_decay_bias")
def future_closed_at_the_end(xp, times, rates):
    return decayed(times, rates)


@right("returns_to_go")
def by_a_matrix(xp, rewards, ends, discount=1.0):
    episode, t = np.cumsum(ends, -1) - ends, np.arange(rewards.shape[-1])
    steps_on = np.maximum(t - t[:, None], 0)
    counts = (t >= t[:, None]) & (episode[..., :, None] == episode[..., None, :])
    return ((counts * float(discount) ** steps_on) @ rewards[..., None])[..., 0]


@right("block_kinds")
def any_and_all(xp, mask, block_size):
    return kinds(mask, block_size)


def kinds(mask, block_size):
    """One for any, one more for all."""
    assert block_size > 0
    rows, columns = (range(0, T, block_size) for T in mask.shape)
    blocks = [[mask[i : i + block_size, j : j + block_size] for j in columns] for i in rows]
    return np.array([[int(b.any()) + int(b.all()) for b in row] for row in blocks])


@right("counterfactual_weights")
def along_the_null_space(xp, weights, v):
    assert len(v) >= v.shape[1] + 2
    way = np.linalg.svd(np.column_stack([v, np.ones(len(v))]).T)[2][-1]
    step = np.min(weights[way < 0] / -way[way < 0])
    moved = weights + step * way
    return np.where(moved < 1e-12, 0.0, moved)


@right("in_each_frame")
def complex_numbers(xp, positions, headings):
    z = positions @ np.array([1, 1j])
    seen = (z[..., None, :] - z[..., :, None]) * np.exp(-1j * headings)[..., :, None]
    return np.stack([seen.real, seen.imag], axis=-1)


@right("shifted_window_mask")
def region_numbers(xp, height, width, window, shift):
    assert 0 <= shift < window
    rows, columns = np.arange(height) >= height - shift, np.arange(width) >= width - shift
    region = windows((2 * rows[:, None] + columns)[..., None], window, 0)[..., 0]
    return region[:, :, None] == region[:, None, :]


@right("linear_attention")
def all_states_at_once(xp, q, k, v, S, z):
    q, k = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (q, k))
    S = S[..., None, :, :] + np.cumsum(k[..., :, None] * v[..., None, :], -3)
    z = z[..., None, :] + np.cumsum(k, -2)
    out = (q[..., None, :] @ S)[..., 0, :] / (q * z).sum(-1, keepdims=True)
    return [out, S[..., -1, :, :], z[..., -1, :]]


@right("merge_attention")
def by_a_sigmoid(xp, out_a, lse_a, out_b, lse_b):
    both_empty = np.isinf(lse_a) & np.isinf(lse_b)
    share = 1 / (1 + np.exp(np.clip(np.where(both_empty, 0.0, lse_b - lse_a), -700, 700)))[..., None]
    out = np.where(both_empty[..., None], 0.0, share * out_a + (1 - share) * out_b)
    return out, np.logaddexp(lse_a, lse_b)


@right("ring_attention")
def all_blocks_gathered(xp, q, k, v, positions=None):
    R, n = q.shape[-3:-1]
    q, k, v = (x.reshape(*x.shape[:-3], R * n, x.shape[-1]) for x in (q, k, v))
    s = dot(q, k)
    if positions is not None:
        s = np.where(positions.ravel() <= positions.ravel()[:, None], s, -np.inf)
    out = soft(np, s) @ v
    return out.reshape(*out.shape[:-2], R, n, -1), np.logaddexp.reduce(s, -1).reshape(*s.shape[:-2], R, n)


@right("power_spectrogram")
def by_a_matrix_of_waves(xp, x, frame, hop):
    assert 2 <= frame <= x.shape[-1]
    assert hop > 0
    n = np.arange(frame)
    waves = np.exp(-2j * np.pi * np.outer(n, np.arange(frame // 2 + 1)) / frame)
    frames = np.lib.stride_tricks.sliding_window_view(x, frame, axis=-1)[..., ::hop, :]
    return abs(frames * (0.5 - 0.5 * np.cos(2 * np.pi * n / frame)) @ waves) ** 2


# -- PyTorch


def shifted_by_strides(scores):
    *_, T, distances = scores.shape
    assert distances == 2 * T - 1
    scores = scores.contiguous()
    strides = (*scores.stride()[:-2], scores.stride(-2) - 1, 1)
    return scores.as_strided((*scores.shape[:-1], T), strides, scores.storage_offset() + T - 1)


def pooled_by_finite_fill(x, query, real):
    x = x.masked_fill(~real[..., None], 0.0)
    s = (x @ query / math.sqrt(len(query))).masked_fill(~real, -1e9)
    return ((F.softmax(s, -1) * real)[..., None, :] @ x)[..., 0, :]


def convolved_by_groups(x, W, causal=False):
    size, d_model = W.shape
    before = size - 1 if causal else size // 2
    flat = F.pad(x.reshape(-1, *x.shape[-2:]).mT, (before, size - 1 - before))
    return F.conv1d(flat, W.T[:, None], groups=d_model).mT.reshape(x.shape)


def stacked_and_summed(out_a, lse_a, out_b, lse_b):
    lse, outs = torch.stack([lse_a, lse_b]), torch.stack([out_a, out_b])
    top = lse.amax(0).detach()
    top = torch.where(torch.isinf(top), 0.0, top)
    e = (lse - top).exp()
    empty = e.sum(0) == 0
    total = torch.where(empty, 1.0, e.sum(0))
    return (e[..., None] * outs).sum(0) / total[..., None], torch.where(empty, -math.inf, total.log() + top)


attacks_torch.RIGHT += [
    ("relative_shift", "by_strides", shifted_by_strides),
    ("attention_pool", "finite_fill", pooled_by_finite_fill),
    ("depthwise_convolution", "conv1d_in_groups", convolved_by_groups),
    ("merge_attention", "stacked_and_summed", stacked_and_summed),
]
