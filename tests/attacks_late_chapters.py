"""Answers to exercises of chapters 14 to 21: wrong ones that the laws once let pass, right ones in unusual dress.

They are NumPy's, for where PyTorch has the exercise too the laws are the same.
"""

import functools
import itertools
import math
import re
from fractions import Fraction

import attacks_right
import attacks_wrong
import numpy as np
from attacks_kit import heads_of, merged, scores, soft
from attacks_later_right import distance


def attack(*names):
    """Register a wrong answer to these exercises."""
    return attacks_wrong.attack(*names, wings=("in_numpy",))


def right(*names):
    """Register a right answer to these exercises."""
    return attacks_right.right(*names, wings=("in_numpy",))


# -- vision


@attack("attention_rollout")
def rows_divided_by_their_sum(xp, weights):
    steps = weights.mean(-3) + np.eye(weights.shape[-1])
    steps = np.moveaxis(steps / steps.sum(-1, keepdims=True), -3, 0)
    return functools.reduce(lambda total, step: step @ total, steps)


@attack("box_iou")
def a_millionth_in_the_union(xp, boxes, targets):
    a, b = boxes[..., :, None, :], targets[..., None, :, :]
    sides = (np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).clip(min=0)
    shared, areas = sides.prod(-1), [(x[..., 2:] - x[..., :2]).prod(-1) for x in (a, b)]
    return shared / (sum(areas) - shared + 1e-6)


@attack("match_queries")
def largest_regret_first(xp, cost):
    n, m = cost.shape
    assert m <= n
    left, chosen, open_ = np.vstack([cost, np.full(m, 1e9)]), np.zeros(m, dtype=int), set(range(m))
    while open_:
        j = max(open_, key=lambda j: np.diff(np.sort(left[:, j])[:2])[0])
        chosen[j] = left[:, j].argmin()
        left[chosen[j]] = 1e9
        open_.remove(j)
    return chosen


@right("attention_rollout")
def by_recursion(xp, weights):
    step = (np.average(weights[..., -1, :, :, :], axis=-3) + np.identity(weights.shape[-1])) * 0.5
    return step if weights.shape[-4] == 1 else step @ by_recursion(xp, weights[..., :-1, :, :, :])


@right("merge_windows")
def by_the_inverse_of_an_index(xp, windows, height, width, window, shift=0):
    *lead, num_windows, places, d = windows.shape
    assert height % window == width % window == 0
    assert (num_windows * places, places) == (height * width, window**2)
    rows, columns = ((np.arange(side) + shift) % side for side in (height, width))
    numbers = (rows[:, None] * width + columns).reshape(height // window, window, width // window, window)
    order = np.argsort(numbers.swapaxes(1, 2).ravel())
    return windows.reshape(*lead, height * width, d)[..., order, :].reshape(*lead, height, width, d)


@right("match_queries")
def by_sets_of_queries(xp, cost):
    n, m = cost.shape
    assert m <= n
    best = {0: (0.0, [])}
    for j in range(m):
        new = {}
        for taken, (total, chosen) in best.items():
            for i in range(n):
                way = total + cost[i, j], [*chosen, i]
                if not taken >> i & 1 and way < new.get(taken | 1 << i, (math.inf,)):
                    new[taken | 1 << i] = way
        best = new
    return min(best.values())[1]


# -- audio


@attack("greedy_decode")
def text_of_digits(xp, log_probs, blank=0):
    text = re.sub(r"(.)\1+", r"\1", "".join(map(str, log_probs.argmax(1))))
    return [int(digit) for digit in text if digit != str(blank)]


@attack("greedy_decode")
def symbols_in_a_byte(xp, log_probs, blank=0):
    path = log_probs.argmax(1).astype(np.uint8)
    return np.array([symbol for symbol, _ in itertools.groupby(path.tolist()) if symbol != blank], dtype=int)


def searched(log_probs, beam, blank, write, last):
    """A prefix beam search in probabilities, with two sums a prefix."""
    assert beam > 0
    alive, offset = {(): (1.0, 0.0)}, log_probs.max(1).sum()
    for frame in np.exp(log_probs - log_probs.max(1, keepdims=True)):
        grown = {}
        for prefix, (rest, held) in alive.items():
            for symbol, p in enumerate(frame):
                if symbol == blank:
                    moves = [(prefix, 0, rest + held)]
                elif prefix and last(prefix) == write(symbol)[-1]:
                    moves = [(prefix, 1, held), ((*prefix, write(symbol)), 1, rest)]
                else:
                    moves = [((*prefix, write(symbol)), 1, rest + held)]
                for longer, ending, gain in moves:
                    grown.setdefault(longer, [0.0, 0.0])[ending] += gain * p
        alive = dict(sorted(grown.items(), key=lambda item: -sum(item[1]))[:beam])
    best = max(alive, key=lambda prefix: sum(alive[prefix]))
    return best, math.log(sum(alive[best])) + offset


@attack("prefix_beam_search")
def prefixes_of_digits(xp, log_probs, beam, blank=0):
    labels, score = searched(log_probs, beam, blank, str, lambda prefix: prefix[-1][-1])
    return [int(label) for label in labels], score


@right("prefix_beam_search")
def prefixes_of_characters(xp, log_probs, beam, blank=0):
    labels, score = searched(log_probs, beam, blank, lambda s: chr(s + 65), lambda prefix: prefix[-1])
    return np.array([ord(label) - 65 for label in labels], dtype=np.int16), np.array(score)


@attack("edit_distance")
def labels_joined(xp, hypothesis, reference):
    return distance(*("".join(map(str, labels.tolist())) for labels in (hypothesis, reference)))


@attack("edit_distance")
def labels_in_a_byte(xp, hypothesis, reference):
    return distance(hypothesis.astype(np.uint8), reference.astype(np.uint8))


@right("edit_distance")
def labels_as_characters(xp, hypothesis, reference):
    return np.array(distance(*("".join(chr(label + 32) for label in x) for x in (hypothesis, reference))))


def gain(noisy, noise, floor, denominator):
    """The Wiener gain with a (wrong) denominator."""
    if not 0 <= floor < 1:
        raise ValueError
    return np.fmax((noisy - noise[..., None, :]) / denominator(noisy), floor)


@attack("wiener_gain")
def a_millionth_in_the_power(xp, noisy, noise, floor=0.0):
    return gain(noisy, noise, floor, lambda power: power + 1e-6)


@attack("wiener_gain")
def a_little_less_in_the_power(xp, noisy, noise, floor=0.0):
    return gain(noisy, noise, floor, lambda power: power + 1e-8)


@right("wiener_gain")
def nothing_but_a_tiny_number(xp, noisy, noise, floor=0.0):
    return gain(noisy, noise, floor, lambda power: power + 1e-12)


@right("relative_shift")
def by_a_table_of_distances(xp, scores):
    T = scores.shape[-2]
    assert scores.shape[-1] == 2 * T - 1
    table = np.eye(2 * T - 1)[T - 1 - np.subtract.outer(np.arange(T), np.arange(T))]
    return np.einsum("...id,ijd->...ij", scores, table)


# -- multimodal and industry


@attack("gated_cross_attention")
def heads_beside_one_leading_axis(xp, x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    assert W_q.shape[1] % num_heads == 0
    q, k, v = (heads_of(each @ W, num_heads) for each, W in ((x, W_q), (media, W_k), (media, W_v)))
    mask = np.array(True) if mask is None else mask[:, None] if mask.ndim == 3 else mask
    s = np.where(mask, scores(q, k), -np.inf)
    return x + math.tanh(gate) * merged(soft(np, s) @ v) @ W_o


@attack("reverse_complement")
def four_anywhere(xp, dna):
    assert 4 in dna.shape
    return np.flip(dna, (-2, -1))


@attack("hit_and_ndcg")
def ties_within_a_millionth(xp, scores, targets, top_k):
    assert top_k > 0
    own = np.take_along_axis(scores, targets[:, None], 1)
    tied = (scores == own) | (abs(np.where(scores == own, 0.0, scores - own)) < 1e-6)
    above, rank = ((scores > own) & ~tied).sum(1)[:, None], np.arange(1, scores.shape[1] + 1)
    share = ((rank > above) & (rank <= above + tied.sum(1)[:, None]) & (rank <= top_k)) / tied.sum(1)[:, None]
    return share.sum(1), share @ (1 / np.log2(rank + 1))


@attack("average_precision")
def rounded_to_six_places(xp, scores, labels):
    assert labels.any()
    scores = np.round(scores, 6)
    return np.mean([labels[scores >= scores[i]].mean() for i in np.flatnonzero(labels)])


@right("average_precision")
def in_fractions(xp, scores, labels):
    found = [labels[scores >= scores[i]] for i in np.flatnonzero(labels)]
    return float(sum(Fraction(int(kept.sum()), len(kept)) for kept in found) / len(found))


@right("fuse_modalities")
def sample_by_sample(xp, x, present, query):
    def one(rows, here):
        return soft(np, rows[here] @ query / math.sqrt(len(query))) @ rows[here] if here.any() else 0.0 * query

    return np.vectorize(one, signature="(n,d),(n)->(d)")(x, np.broadcast_to(present, x.shape[:-1]))


# -- reinforcement, limits, design


@attack("returns_to_go")
def divided_by_powers_of_the_discount(xp, rewards, ends, discount=1.0):
    if discount == 0:
        return 1.0 * rewards
    T = rewards.shape[-1]
    powers = float(discount) ** np.arange(T)
    sums = np.cumsum((rewards * powers)[..., ::-1], -1)[..., ::-1]
    sums = np.concatenate([sums, np.zeros((*rewards.shape[:-1], 1))], -1)
    following = np.where(ends, np.arange(1, T + 1), T)
    following = np.minimum.accumulate(following[..., ::-1], -1)[..., ::-1]
    return (sums[..., :-1] - np.take_along_axis(sums, following, -1)) / powers


@attack("generalised_advantages")
def errors_divided_by_powers(xp, rewards, values, ends, discount=0.99, lam=0.95):
    assert values.shape[-1] == rewards.shape[-1] + 1
    errors = rewards + discount * values[..., 1:] * ~ends - values[..., :-1]
    return divided_by_powers_of_the_discount(xp, errors, ends, discount * lam)


@right("returns_to_go")
def a_system_of_equations(xp, rewards, ends, discount=1.0):
    T = rewards.shape[-1]
    system = np.eye(T) - discount * np.eye(T, k=1) * ~ends[..., None]
    return np.linalg.solve(system, 1.0 * rewards[..., None])[..., 0]


@right("gru_gate")
def log_space(xp, x, y, W_r, U_r, W_z, U_z, W_g, U_g, bias=2.0):
    r, z = (np.exp(-np.logaddexp(0.0, -s)) for s in (y @ W_r + x @ U_r, y @ W_z + x @ U_z - bias))
    return x - z * (x - np.tanh(y @ W_g + (r * x) @ U_g))


@attack("counterfactual_weights")
def least_weight_shared_out(xp, weights, v):
    assert len(v) >= v.shape[1] + 2
    least, kept = weights.argmin(), np.column_stack([v, np.ones(len(v))])
    others = np.arange(len(v)) != least
    new = np.zeros_like(weights)
    new[others] = weights[others] + np.linalg.lstsq(kept[others].T, weights[least] * kept[least])[0]
    return new


@attack("counterfactual_weights")
def shared_out_and_clipped(xp, weights, v):
    new = np.maximum(least_weight_shared_out(xp, weights, v), 0.0)
    return new / new.sum()


@right("counterfactual_weights")
def with_as_few_keys_as_will_do(xp, weights, v):
    n = v.shape[1] + 2
    assert len(v) >= n
    way = np.linalg.svd(np.column_stack([v, np.ones(len(v))])[:n].T)[2][-1]
    way = np.append(way, np.zeros(len(v) - n))
    return weights - way / (way / weights).max()


def in_order(x, block_size):
    """Blocks from left to right."""
    starts = range(0, x.shape[-1], block_size)
    sums = [functools.reduce(np.add, np.moveaxis(x[..., i : i + block_size], -1, 0)) for i in starts]
    return functools.reduce(np.add, sums)


@attack("fixed_order_sum")
def handed_back_in_float64(xp, x, block_size):
    assert block_size > 0
    return np.asarray(in_order(x, block_size), dtype=np.float64)


@right("fixed_order_sum")
def by_reduce(xp, x, block_size):
    assert block_size > 0
    return in_order(x, block_size)


@attack("longest_context")
def windows_rounded_by_themselves(xp, budget, layers, heads, width, window, every, size=2):
    if min(budget, layers, heads, width, window, every, size) < 1 or every > layers:
        raise ValueError
    num_global, tokens = layers // every, budget // (2 * heads * width * size)
    return max(min(tokens // layers, window), tokens // num_global - (layers - num_global) * window // num_global)


@right("longest_context")
def in_exact_fractions(xp, budget, layers, heads, width, window, every, size=2):
    if min(budget, layers, heads, width, window, every, size) < 1 or every > layers:
        raise ValueError
    num_global, tokens = layers // every, Fraction(budget, 2 * heads * width * size)
    return math.floor(max(min(tokens / layers, window), (tokens - (layers - num_global) * window) / num_global))
