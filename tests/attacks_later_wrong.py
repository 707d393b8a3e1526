"""Wrong answers to exercises of chapters 10 to 21 that the laws once let pass, and their kin.

They are NumPy's, for where PyTorch has the exercise too the laws are the same, but for two about gradients at the end.
"""

import itertools
import math

import attacks_torch
import attacks_wrong
import numpy as np
import torch
from attacks_kit import normalised
from attacks_later_right import (
    best_pair,
    best_path,
    by_window_view,
    cheapest,
    decayed,
    differential,
    distance,
    everywhere,
    filled,
    grouped,
    kinds,
    ranked,
    steps,
    windows,
)

ZEROED = ("resample", "fuse_modalities")  # there a closed mask is another mask, or the values are zeros by then


def attack(*names):
    """Register a wrong answer to these exercises."""
    return attacks_wrong.attack(*names, wings=("in_numpy",))


def no_maximum(s, mask):
    return normalised(np, np.exp(s if mask is None else np.where(mask, s, -math.inf)))


def closed_is_open(s, mask):
    return filled(-math.inf)(s, mask if mask is not None and mask.any() else None)


for value in (-20.0, -100.0, -1000.0):
    everywhere(attack, f"forbidden_{value:g}", filled(value))
everywhere(attack, "no_maximum", no_maximum)
everywhere(attack, "closed_mask_is_no_mask", closed_is_open, but=ZEROED)


@attack("differential_attention")
def no_negative_lam(xp, q_1, k_1, q_2, k_2, v, lam, mask=None):
    return differential(filled(-math.inf), q_1, k_1, q_2, k_2, v, max(lam, 0.0), mask)


@attack("grouped_query_attention")
def one_leading_axis_at_most(xp, q, k, v, mask=None):
    assert q.ndim < 5
    return grouped(filled(-math.inf), q, k, v, mask)


@attack("image_patches")
def height_alone_is_checked(xp, x, size, stride=1):
    if size < 1 or stride < 1 or size > x.shape[-3]:
        raise ValueError
    if size > x.shape[-2]:
        return np.zeros((*x.shape[:-3], 1, 0, size * size * x.shape[-1]))
    return by_window_view(xp, x, size, stride)


@attack("masked_mean")
def mean_of_all_where_none_is_real(xp, x, real):
    weights = np.broadcast_to(real if real.any() else True, x.shape[:-1])[..., None]
    return np.where(weights, x, 0.0).sum(-2) / np.maximum(weights.sum(-2), 1)


@attack("span_f1")
def column_by_column(xp, predicted, gold):
    found = np.all([np.isin(p, g) for p, g in zip(predicted.T, gold.T, strict=True)], axis=0).sum()
    return 2 * found / max(len(predicted) + len(gold), 1)


@attack("viterbi")
def forbidden_steps_cost_100(xp, scores, allowed):
    return best_path(scores, allowed, -100.0)


@attack("best_span")
def forbidden_pairs_score_minus_100(xp, start_scores, end_scores, passage, max_length):
    return best_pair(start_scores, end_scores, passage, max_length, -100.0)


@attack("cut_windows")
def shift_within_a_window(xp, x, window, shift=0):
    return windows(x, window, shift % window)


@attack("match_queries")
def from_a_thousand_down(xp, cost):
    return cheapest(cost, 1e3)


@attack("match_queries")
def exchanged_in_twos(xp, cost):
    n, m = cost.shape
    assert m <= n
    order, better = list(range(n)), True
    while better:
        better = False
        for a, b in itertools.combinations(range(n), 2):
            other = list(order)
            other[a], other[b] = order[b], order[a]
            if cost[other[:m], range(m)].sum() < cost[order[:m], range(m)].sum() - 1e-12:
                order, better = other, True
    return np.array(order[:m], dtype=int)


@attack("greedy_decode")
def by_probabilities(xp, log_probs, blank=0):
    return np.array([k for k, _ in itertools.groupby(np.exp(log_probs).argmax(-1)) if k != blank], dtype=int)


@attack("edit_distance")
def label_0_left_out(xp, hypothesis, reference):
    return distance(hypothesis[hypothesis != 0], reference[reference != 0])


@attack("image_block_mask")
def image_ends_at_the_first_text(xp, image_ids):
    run = np.cumsum(np.diff(image_ids, axis=-1, prepend=0) != 0, axis=-1)
    same = (run[..., :, None] == run[..., None, :]) & (image_ids > 0)[..., None]
    return np.tri(image_ids.shape[-1], dtype=bool) | same


@attack("hit_and_ndcg")
def close_is_equal(xp, scores, targets, top_k):
    return ranked(scores, targets, top_k, np.isclose)


@attack("hit_and_ndcg")
def nothing_is_below_minus_10(xp, scores, targets, top_k):
    return ranked(np.where(np.isinf(scores), -10.0, scores), targets, top_k, np.equal)


@attack("average_precision")
def scores_rounded(xp, scores, labels):
    return steps(np.round(scores, 2), labels)


@attack("time_decay_bias")
def clocks_in_float32(xp, times, rates):
    return decayed(times.astype(np.float32), rates)


@attack("returns_to_go")
def whole_like_the_rewards(xp, rewards, ends, discount=1.0):
    out = np.zeros_like(rewards)  # cuts what is discounted
    for t in reversed(range(rewards.shape[-1])):
        later = out[..., t + 1] if t + 1 < rewards.shape[-1] else 0
        out[..., t] = rewards[..., t] + discount * later * ~ends[..., t]
    return out


@attack("largest_weight_bound")
def two_exponentials(xp, q, k):
    r = np.linalg.norm(q, axis=-1) * np.linalg.norm(k, axis=-1).max(-1)[..., None] / math.sqrt(q.shape[-1])
    return np.exp(r) / (np.exp(r) + (k.shape[-2] - 1) * np.exp(-r))


@attack("distance_to_rank_one")
def epsilon_in_the_norm(xp, x):
    rest = np.linalg.norm(x - x.mean(-2, keepdims=True), axis=(-2, -1))
    return rest / (np.linalg.norm(x, axis=(-2, -1)) + 1e-6)


@attack("block_kinds")
def kinds_as_floats(xp, mask, block_size):
    return kinds(mask, block_size) * 1.0


# -- gradients


def forbidden_plus_minus_infinity(x, query, real):
    x = x.masked_fill(~real[..., None], 0.0)
    s = x @ query / math.sqrt(len(query)) + torch.where(real, 0.0, -math.inf)
    return (torch.nan_to_num(s.softmax(-1))[..., None] * x).sum(-2)  # NaN gradients where no token is real


def shifted_without_gradient(scores):
    T = scores.shape[-2]
    assert scores.shape[-1] == 2 * T - 1
    place = torch.arange(T)
    return scores.detach()[..., place[:, None], T - 1 - place[:, None] + place]


attacks_torch.WRONG += [
    ("attention_pool", "nan_to_num_after_infinity", forbidden_plus_minus_infinity),
    ("relative_shift", "detached", shifted_without_gradient),
]
