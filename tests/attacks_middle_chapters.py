"""Answers to exercises of chapters 08 to 13: wrong ones that the laws once let pass, right ones in unusual dress.

They are NumPy's, for where PyTorch has the exercise too the laws are the same.
"""

import collections
import itertools
import math

import attacks_right
import attacks_wrong
import numpy as np
from attacks_kit import normalised, scores, soft


def attack(*names):
    """Register a wrong answer to these exercises."""
    return attacks_wrong.attack(*names, wings=("in_numpy",))


def right(*names):
    """Register a right answer to these exercises."""
    return attacks_right.right(*names, wings=("in_numpy",))


# -- chapter 08


def kept(x, stays, value=-math.inf):
    """The softmax of what stays, with a number in place of what does not."""
    return soft(np, np.where(stays, x, value)) * np.isfinite(x)


def k_best(x, top_k, value):
    if top_k < 1:
        raise ValueError
    return kept(x, x >= np.sort(x)[..., -min(top_k, x.shape[-1]), None], value)


def nucleus(x, top_p, value, p=None):
    if not 0 < top_p <= 1:
        raise ValueError
    p = soft(np, x) if p is None else p
    order = np.argsort(-p, axis=-1, kind="stable")
    ranked, stays = np.take_along_axis(p, order, -1), np.zeros(x.shape, dtype=bool)
    np.put_along_axis(stays, order, ranked.cumsum(-1) - ranked < top_p, -1)
    return kept(x, stays, value)


def near_best(x, min_p, value):
    if not 0 <= min_p <= 1:
        raise ValueError
    p = soft(np, x)
    return kept(x, p >= min_p * p.max(-1, keepdims=True), value)


TAILS = {"top_k_probabilities": k_best, "top_p_probabilities": nucleus, "min_p_probabilities": near_best}


def cut_to(answer, value):
    def tail_cut(xp, x, limit):
        return answer(x, limit, value)

    return tail_cut


for name, answer in TAILS.items():
    attack(name)(cut_to(answer, -100.0))
    attack(name)(cut_to(answer, -1000.0))
    right(name)(cut_to(answer, -1e9))


@attack("top_p_probabilities")
def exponentials_as_they_are(xp, x, top_p):
    return nucleus(x, top_p, -math.inf, normalised(np, np.exp(x)))


@right("top_k_probabilities")
def fewer_than_k_are_better(xp, x, top_k):
    assert top_k > 0
    return kept(x, (x[..., None, :] > x[..., :, None]).sum(-1) < top_k)


TABLES = {}


@attack("rotary_cached_attention")
def frequencies_of_an_earlier_call(xp, q, k, v, keys, values, length, frequencies):
    n, T = len(frequencies), q.shape[-2]
    if q.shape[-1] != 2 * n or not 0 <= length <= keys.shape[-2] - T:
        raise ValueError
    angles = (length + np.arange(T))[:, None] * TABLES.setdefault(n, frequencies)
    turn = np.exp(1j * angles)
    q, k = ((x[..., :n] + 1j * x[..., n:]) * turn for x in (q, k))
    q, k = (np.concatenate([z.real, z.imag], -1) for z in (q, k))
    keys, values = keys.copy(), values.copy()
    keys[..., length : length + T, :], values[..., length : length + T, :] = k, v
    seen = np.arange(keys.shape[-2]) <= length + np.arange(T)[:, None]
    return soft(np, np.where(seen, scores(q, keys), -math.inf)) @ values, keys, values


@attack("gather_blocks")
def rows_stacked(xp, pool, table, length):
    if length > len(table) * pool.shape[1]:
        raise ValueError
    return np.stack([pool[table[t // pool.shape[1]], t % pool.shape[1]] for t in range(length)])  # of none: no shape


def appended(pool, owners, table, length, row, copies_if_free=False):
    """A row more, in a block that may have to be taken or copied."""
    pool, owners, table = pool.copy(), owners.copy(), table.tolist()
    block, slot = divmod(length, pool.shape[1])
    if len(table) != block + (slot > 0):
        raise ValueError
    shared = slot > 0 and owners[table[-1]] > 1
    if slot == 0 or (shared and not (copies_if_free and owners.all())):
        fresh = owners.tolist().index(0)
        owners[fresh] = 1
        if shared:
            pool[fresh, :slot] = pool[table[-1], :slot]  # the rows in use alone
            owners[table.pop()] -= 1
        table.append(fresh)
    pool[table[-1], slot] = row
    return pool, owners, np.array(table)


@attack("append_paged")
def shared_if_none_is_free(xp, *inputs):
    return appended(*inputs, copies_if_free=True)


@attack("pick_token")
def shares_rounded_to_six_places(xp, probabilities, uniform):
    return int(np.argmax(np.round(np.cumsum(probabilities) / probabilities.sum(), 6) > uniform))


@right("append_paged")
def rows_in_use_copied(xp, *inputs):
    return appended(*inputs)


@attack("reusable_prefix")
def sums_for_hashes(xp, cached, tokens, block_size=1):
    if block_size < 1:
        raise ValueError
    end = 0
    while end + block_size <= min(len(cached), len(tokens) - 1):
        if cached[end : end + block_size].sum() != tokens[end : end + block_size].sum():
            break
        end += block_size
    return end


def drawn(p, uniform):
    """A token by inversion."""
    return int(np.searchsorted(np.cumsum(p), uniform * np.sum(p), side="right"))


def round_of(p, q, drafted, uniforms, uniform, bar):
    """A round of drafts that are kept while the uniform number is below the bar."""
    if len(p) != len(q) + 1:
        raise ValueError
    for t, ratio in enumerate(bar([p[t, x] / q[t, x] for t, x in enumerate(drafted)])):
        if uniforms[t] >= ratio:
            more = np.maximum(p[t] - q[t], 0.0)
            return np.append(drafted[:t], drawn(more, uniform))
    return np.append(drafted, drawn(p[-1], uniform))


@attack("accept_drafts")
def ratios_multiplied(xp, *inputs):
    return round_of(*inputs, bar=lambda ratios: np.cumprod(np.minimum(ratios, 1.0)))


@right("accept_drafts")
def each_ratio_by_itself(xp, *inputs):
    return round_of(*inputs, bar=list)


@attack("accept_drafts")
def fails_without_drafts(xp, p, q, drafted, uniforms, uniform):
    assert len(drafted) > 0
    return round_of(p, q, drafted, uniforms, uniform, list)


# -- chapter 09


def tile_by_tile(q, k, v, causal=False, block_size=64, hidden=-math.inf, start=-math.inf):
    """All queries over one block of keys after another, with numbers in place of -inf."""
    if block_size < 1:
        raise ValueError
    T_q, T_k = q.shape[-2], k.shape[-2]
    place = np.arange(T_q)[:, None] + T_k - T_q
    top, total, mixed = np.full(q.shape[:-1], start), np.zeros(q.shape[:-1]), np.zeros((*q.shape[:-1], v.shape[-1]))
    for j in range(0, T_k, block_size):
        s = scores(q, k[..., j : j + block_size, :])
        s = np.where(np.arange(j, j + s.shape[-1]) <= place, s, hidden) if causal else s
        new = np.maximum(top, s.max(-1))
        finite = np.where(np.isfinite(new), new, 0.0)
        fade, e = np.exp(top - finite), np.exp(s - finite[..., None])
        top, total = new, fade * total + e.sum(-1)
        mixed = fade[..., None] * mixed + e @ v[..., j : j + block_size, :]
    seen = (total > 0) & ((place[:, 0] >= 0) | (not causal))
    lse = np.where(seen, top + np.log(np.where(seen, total, 1.0)), -math.inf)
    return np.where(seen[..., None], mixed / np.where(seen, total, 1.0)[..., None], 0.0), lse


@attack("tiled_attention")
def hidden_at_minus_1000(xp, *args, **kwargs):
    return tile_by_tile(*args, **kwargs, hidden=-1000.0)


@attack("tiled_attention")
def maximum_begins_at_minus_1000(xp, *args, **kwargs):
    return tile_by_tile(*args, **kwargs, start=-1000.0)


@right("tiled_attention")
def hidden_at_minus_a_billion(xp, *args, **kwargs):
    return tile_by_tile(*args, **kwargs, hidden=-1e9, start=-1e30)


def tile_back(dout, q, k, v, out, lse, causal=False, block_size=64, hidden=-math.inf):
    """The way back over blocks of keys, with a number in place of -inf."""
    if block_size < 1:
        raise ValueError
    T_q, T_k, scale = q.shape[-2], k.shape[-2], 1 / math.sqrt(q.shape[-1])
    D, dq, dk, dv = (dout * out).sum(-1, keepdims=True), np.zeros(q.shape), [], []
    for j in range(0, T_k, block_size):
        keys, values = k[..., j : j + block_size, :], v[..., j : j + block_size, :]
        s = scores(q, keys)
        seen = np.arange(j, j + s.shape[-1]) <= np.arange(T_q)[:, None] + T_k - T_q
        s = np.where(seen, s, hidden) if causal else s
        P = np.where(np.isinf(lse)[..., None], 0.0, np.exp(s - np.where(np.isinf(lse), 0.0, lse)[..., None]))
        dS = P * (dout @ values.mT - D) * scale
        dq += dS @ keys
        dk.append(dS.mT @ q)
        dv.append(P.mT @ dout)
    return dq, np.concatenate(dk, -2), np.concatenate(dv, -2)


@attack("tiled_attention_backward")
def passed_back_from_minus_100(xp, *args, **kwargs):
    return tile_back(*args, **kwargs, hidden=-100.0)


@attack("tiled_attention_backward")
def lse_kept_above_minus_30(xp, dout, q, k, v, out, lse, *args, **kwargs):
    return tile_back(dout, q, k, v, out, np.where(np.isinf(lse), lse, np.maximum(lse, -30.0)), *args, **kwargs)


@attack("tiled_attention_backward")
def one_leading_axis_at_most(xp, dout, *args, **kwargs):
    assert dout.ndim < 4
    return tile_back(dout, *args, **kwargs)


@right("tiled_attention_backward")
def back_over_blocks_of_keys(xp, *args, **kwargs):
    return tile_back(*args, **kwargs)


@attack("quantised_attention")
def one_maximum_for_all_queries(xp, q, k_codes, k_step, v_codes, v_low, v_step):
    s = scores(q * k_step, k_codes)
    weights = normalised(np, np.exp(s - s.max()))
    return weights @ (v_low + v_step * v_codes)


@attack("prune_heads")
def longer_keep_taken(xp, W_q, W_k, W_v, W_o, num_heads, keep):
    stays = [h for h in range(num_heads) if keep[h]]
    columns = np.arange(W_q.shape[1]).reshape(num_heads, -1)[stays].ravel()
    return W_q[:, columns], W_k[:, columns], W_v[:, columns], W_o[columns]


@attack("attention_bytes")
def more_groups_than_heads(xp, T_q, T_k, d_head, num_heads=1, num_kv_heads=None, block_size=None, itemsize=2):
    groups = num_heads if num_kv_heads is None else num_kv_heads
    if min(T_q, T_k, d_head, num_heads, groups) < 1 or max(num_heads, groups) % min(num_heads, groups):
        raise ValueError
    times = 1 if block_size is None else len(range(0, T_q, block_size))
    numbers = 2 * num_heads * T_q * d_head + 2 * times * groups * T_k * d_head
    return itemsize * (numbers + (4 * num_heads * T_q * T_k if block_size is None else 0))


# -- chapter 10

MASKS = {}


@attack("sliding_window_mask")
def mask_of_an_earlier_call(xp, T_q, T_k, window, num_sinks=0):
    if min(T_q, T_k, window) < 1 or num_sinks < 0:
        raise ValueError
    past = np.arange(T_k - T_q, T_k)[:, None] - np.arange(T_k)
    mask = (past >= 0) & ((past < window) | (np.arange(T_k) < num_sinks))
    return MASKS.setdefault((T_q, T_k, window), mask)  # whatever the number of sinks


@attack("sink_attention")
def nothing_over_nothing(xp, q, k, v, sinks, mask=None):
    s = scores(q, k) if mask is None else np.where(mask, scores(q, k), -math.inf)
    top = np.maximum(s.max(-1, keepdims=True), sinks[:, None, None])  # -inf where neither a key nor a sink is there
    e = np.exp(s - top)
    return e / (e.sum(-1, keepdims=True) + np.exp(sinks[:, None, None] - top)) @ v


@right("chunked_linear_attention")
def padded_to_whole_chunks(xp, q, k, v, chunk):
    if chunk < 1:
        raise ValueError
    T = q.shape[-2]

    def cut(x):
        padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, -T % chunk), (0, 0)])
        return padded.reshape(*x.shape[:-2], -1, chunk, x.shape[-1])

    q, k = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (cut(q), cut(k)))
    v = cut(np.concatenate([v, np.ones_like(v[..., :1])], -1))
    written = k.mT @ v
    before = written.cumsum(-3) - written  # the states between the chunks, all at once
    out = np.tril(q @ k.mT) @ v + q @ before
    out = out.reshape(*out.shape[:-3], -1, out.shape[-1])[..., :T, :]
    return out[..., :-1] / out[..., -1:]


# -- chapter 11


@attack("shard_layer")
def counted_from_the_end(xp, W_q, W_k, W_v, W_o, num_heads, rank, num_ranks):
    d_head = W_q.shape[1] // num_heads
    G = W_k.shape[1] // d_head
    if W_q.shape[1] % num_heads or W_k.shape[1] % d_head or num_heads % G or num_heads % num_ranks or rank >= num_ranks:
        raise ValueError
    mine = np.arange(num_heads).reshape(num_ranks, -1)[rank]  # rank -1 is the last
    read = list(dict.fromkeys((mine // (num_heads // G)).tolist()))
    mine, read = ((np.array(h)[:, None] * d_head + np.arange(d_head)).ravel() for h in (mine, read))
    return W_q[:, mine], W_k[:, read], W_v[:, read], W_o[mine]


@attack("merge_attention")
def mean_for_the_maximum(xp, out_a, lse_a, out_b, lse_b):
    middle = (lse_a + lse_b) / 2
    middle = np.where(np.isfinite(middle), middle, 0.0)
    a, b = np.exp(lse_a - middle), np.exp(lse_b - middle)
    total = np.where(a + b == 0, 1.0, a + b)
    out = (a / total)[..., None] * out_a + (b / total)[..., None] * out_b
    return out, np.where(a + b == 0, -math.inf, middle + np.log(total))


def rank_by_rank(dout, q, k, v, out, lse, positions, hidden):
    """Back over every pair of ranks, with a number in place of -inf."""
    dq, dk, dv = (np.zeros(x.shape) for x in (q, k, v))
    for r, b in itertools.product(range(q.shape[-3]), repeat=2):
        mine, keys, values = q[..., r, :, :], k[..., b, :, :], v[..., b, :, :]
        s, g = scores(mine, keys), dout[..., r, :, :]
        s = s if positions is None else np.where(positions[b] <= positions[r][:, None], s, hidden)
        P = np.exp(s - lse[..., r, :, None])
        D = (g * out[..., r, :, :]).sum(-1, keepdims=True)
        dS = P * (g @ values.mT - D) / math.sqrt(q.shape[-1])
        dq[..., r, :, :] += dS @ keys
        dk[..., b, :, :] += dS.mT @ mine
        dv[..., b, :, :] += P.mT @ g
    return dq, dk, dv


@attack("ring_attention")
def no_maximum_in_the_ring(xp, q, k, v, positions=None):
    R, mixed, total = q.shape[-3], 0.0, 0.0
    for step in range(R):
        block = (np.arange(R) - step) % R
        e = np.exp(scores(q, k[..., block, :, :]))
        e = e if positions is None else e * (positions[block][:, None, :] <= positions[:, :, None])
        mixed, total = mixed + e @ v[..., block, :, :], total + e.sum(-1)
    return mixed / total[..., None], np.log(total)


@attack("ring_attention_backward")
def future_at_minus_100(xp, dout, q, k, v, out, lse, positions=None):
    return rank_by_rank(dout, q, k, v, out, lse, positions, -100.0)


@attack("ring_attention_backward")
def lse_no_lower_than_minus_30(xp, dout, q, k, v, out, lse, positions=None):
    return rank_by_rank(dout, q, k, v, out, np.maximum(lse, -30.0), positions, -math.inf)


@right("ring_attention_backward")
def every_pair_of_ranks(xp, dout, q, k, v, out, lse, positions=None):
    return rank_by_rank(dout, q, k, v, out, lse, positions, -math.inf)


# -- chapters 12 and 13


@attack("conv2d")
def width_is_not_checked(xp, x, W, stride=1, padding=0):
    if padding < 0 or stride < 1 or len(W) > x.shape[-3] + 2 * padding:
        raise ValueError
    size, x = len(W), np.pad(x, [(0, 0)] * (x.ndim - 3) + [(padding, padding)] * 2 + [(0, 0)])
    rows, columns = ((n - size) // stride + 1 for n in x.shape[-3:-1])
    out = np.zeros((*x.shape[:-3], rows, max(columns, 0), W.shape[-1]))
    for r, c in np.ndindex(out.shape[-3:-1]):
        patch = x[..., r * stride : r * stride + size, c * stride : c * stride + size, :]
        out[..., r, c, :] = np.tensordot(patch, W, 3)
    return out


@attack("conv2d")
def matrices_transposed(xp, x, W, stride=1, padding=0):
    return by_fourier_transforms(xp, x, W.mT if W.shape[2] == W.shape[3] else W, stride, padding)


@attack("conv2d")
def stride_counted_backwards(xp, x, W, stride=1, padding=0):
    return by_fourier_transforms(xp, x, W, abs(stride), padding)


@right("conv2d")
def by_fourier_transforms(xp, x, W, stride=1, padding=0):
    x = np.pad(x, [(0, 0)] * (x.ndim - 3) + [(padding, padding)] * 2 + [(0, 0)])
    size, shape = len(W), x.shape[-3:-1]
    if stride < 1 or size > min(shape):
        raise ValueError
    waves = np.fft.fft2(x, axes=(-3, -2))[..., None, :] @ np.fft.fft2(W[::-1, ::-1], shape, axes=(0, 1))
    out = np.fft.ifft2(waves[..., 0, :], axes=(-3, -2)).real
    return out[..., size - 1 :: stride, size - 1 :: stride, :]


def matched(predicted, gold, key):
    """F1 of rows that are the same by a key."""
    total = len(predicted) + len(gold)
    found, there = ({key(row) for row in rows.tolist()} for rows in (predicted, gold))
    return 2 * len(found & there) / total if total else 0.0


@attack("span_f1")
def digits_in_a_row(xp, predicted, gold):
    return matched(predicted, gold, lambda row: "".join(map(str, row)))


@attack("span_f1")
def rows_as_sets(xp, predicted, gold):
    return matched(predicted, gold, frozenset)


@right("span_f1")
def rows_as_words(xp, predicted, gold):
    return matched(predicted, gold, str)


@attack("viterbi")
def beam_of_32(xp, scores, allowed):
    paths = [((j,), s) for j, s in enumerate(scores[0]) if allowed[0, j]]
    for row in scores[1:]:
        longer = [((*p, j), total + s) for p, total in paths for j, s in enumerate(row) if allowed[p[-1], j]]
        paths = sorted(longer, key=lambda way: -way[1])[:32]
    return np.array(max(paths, key=lambda way: way[1])[0])


@right("best_span")
def by_a_rising_queue(xp, start_scores, end_scores, passage, max_length):
    if max_length < 1:
        raise ValueError
    out, passage = np.zeros((*start_scores.shape[:-1], 2), dtype=int), np.broadcast_to(passage, start_scores.shape)
    for at in np.ndindex(start_scores.shape[:-1]):
        start, end, best, queue = start_scores[at], end_scores[at], -math.inf, collections.deque()
        for last in np.flatnonzero(passage[at]):
            while queue and start[queue[-1]] < start[last]:
                queue.pop()
            queue.append(last)
            while queue[0] <= last - max_length:
                queue.popleft()
            if start[queue[0]] + end[last] > best:
                best, out[at] = start[queue[0]] + end[last], (queue[0], last)
    return out
