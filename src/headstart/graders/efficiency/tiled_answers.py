"""Tiled attention: the known mistakes and the accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.efficiency.tiled import tiled_attention


def at_once(q, k, v, causal=False, block_size=64):
    """Attention with all scores in memory."""
    if block_size < 1:
        raise ValueError("block_size is at least 1")
    mask = np.tri(q.shape[-2], k.shape[-2], k.shape[-2] - q.shape[-2], dtype=bool) if causal else None
    scores = scores_of(q, k, mask)
    top = scores.max(-1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return plain_softmax(scores) @ v, top + np.log(np.exp(scores - top[..., None]).sum(-1))


def folded(q, k, v, causal=False, block_size=64, *, fade=None, sum_fade=None, own=False, shift=None, partial=True,
           late=False, scale=None):  # fmt: skip
    """All queries over one block of keys after the other, with a (wrong) factor for what was summed before."""
    if block_size < 1:
        raise ValueError("block_size is at least 1")
    T_q, T_k = q.shape[-2], k.shape[-2]
    fade = fade or (lambda old, new: np.exp(old - new))
    top, total, mixed = np.full(q.shape[:-1], -np.inf), np.zeros(q.shape[:-1]), np.zeros((*q.shape[:-1], v.shape[-1]))
    for j in range(0, T_k if partial else T_k - T_k % block_size, block_size):
        block = slice(j, j + block_size)
        scores = scores_of(q, k[..., block, :], scale=scale)
        if causal:
            diagonal = (T_k - T_q if shift is None else shift) - j
            scores = np.where(np.tri(T_q, scores.shape[-1], diagonal, dtype=bool), scores, -np.inf)
        new = np.maximum(top, scores.max(-1))
        against = scores.max(-1) if own else new
        e = np.exp(scores - np.where(np.isfinite(against), against, 0.0)[..., None])
        safe = np.where(np.isfinite(new), new, 0.0)
        old, sums = fade(top, safe), (sum_fade or fade)(top, safe)
        total = sums * (total + e.sum(-1)) if late else sums * total + e.sum(-1)
        mixed = old[..., None] * mixed + e @ v[..., block, :]
        top = new
    with np.errstate(divide="ignore"):
        return mixed / np.where(total == 0, 1.0, total)[..., None], top + np.log(total)


@tiled_attention.mutant("attention that holds T_q × T_k numbers after all, scores or a mask: right numbers, no tiles")
def all_scores_after_all(*args, **kwargs):
    return at_once(*args, **kwargs)


@tiled_attention.mutant("tiled attention whose old sums are not rescaled when the running maximum rises")
def old_sums_not_rescaled(*args, **kwargs):
    return folded(*args, **kwargs, fade=lambda old, new: np.ones_like(new))


@tiled_attention.mutant("tiled attention that rescales the output and forgets the normaliser")
def normaliser_not_rescaled(*args, **kwargs):
    return folded(*args, **kwargs, sum_fade=lambda old, new: np.ones_like(new))


@tiled_attention.mutant("tiled attention whose normaliser takes the tile in before it is rescaled")
def normaliser_before_the_rescale(*args, **kwargs):
    return folded(*args, **kwargs, late=True)


@tiled_attention.mutant("tiled attention whose tiles are summed against their own maximum, not the running one")
def tile_against_itself(*args, **kwargs):
    return folded(*args, **kwargs, own=True)


@tiled_attention.mutant("tiled attention that drops the last, partial block of keys")
def last_block_dropped(*args, **kwargs):
    return folded(*args, **kwargs, partial=False)


@tiled_attention.mutant("the average of the tiles' own attentions: each tile was normalised alone")
def tiles_averaged(q, k, v, causal=False, block_size=64):
    if block_size < 1:
        raise ValueError("block_size is at least 1")
    T_q, T_k = q.shape[-2], k.shape[-2]
    mask = np.tri(T_q, T_k, T_k - T_q, dtype=bool) if causal else np.ones((T_q, T_k), dtype=bool)
    blocks = [slice(j, j + block_size) for j in range(0, T_k, block_size)]
    parts = [plain_softmax(scores_of(q, k[..., b, :], mask[:, b])) @ v[..., b, :] for b in blocks]
    return sum(parts) / len(parts), at_once(q, k, v, causal)[1]


@tiled_attention.mutant("tiled attention without the 1/√d_head factor")
def tiles_not_scaled(*args, **kwargs):
    return folded(*args, **kwargs, scale=1.0)


@tiled_attention.mutant("tiled attention that ignores causal")
def causal_ignored(q, k, v, causal=False, block_size=64):
    return folded(q, k, v, False, block_size)


@tiled_attention.mutant("tiled attention with the causal mask aligned top left: wrong as soon as there is a cache")
def causal_top_left(*args, **kwargs):
    return folded(*args, **kwargs, shift=0)


@tiled_attention.mutant("tiled attention with a fresh triangle in every tile: the tile's own place is forgotten")
def triangle_in_every_tile(q, k, v, causal=False, block_size=64):
    if not causal:
        return folded(q, k, v, False, block_size)
    T_q, T_k = q.shape[-2], k.shape[-2]
    i, j = np.arange(T_q)[:, None], np.arange(T_k)
    scores = scores_of(q, k, j % block_size <= i % block_size)
    return plain_softmax(scores) @ v, np.log(np.exp(scores).sum(-1))


@tiled_attention.mutant("tiled attention that is NaN for a query without keys")
def nan_without_keys(q, k, v, causal=False, block_size=64):
    out, lse = folded(q, k, v, causal, block_size)
    return np.where(np.isinf(lse)[..., None], np.nan, out), np.where(np.isinf(lse), np.nan, lse)


@tiled_attention.mutant("tiled attention whose lse is the log of the sum alone, without the maximum added again")
def lse_without_the_maximum(q, k, v, causal=False, block_size=64):
    out, lse = folded(q, k, v, causal, block_size)
    T_q, T_k = q.shape[-2], k.shape[-2]
    top = scores_of(q, k, np.tri(T_q, T_k, T_k - T_q, dtype=bool) if causal else None).max(-1)
    return out, lse - np.where(np.isfinite(top), top, 0.0)


@tiled_attention.style
def a_strip_of_all_queries(*args, **kwargs):
    """One loop, over the keys; all queries at once."""
    return folded(*args, **kwargs)


@tiled_attention.style
def parts_joined_by_their_lse(q, k, v, causal=False, block_size=64):
    """Each block of keys attended to alone, then joined by log-sum-exp; queries one block at a time, in float32."""
    if block_size < 1:
        raise ValueError("block_size is at least 1")
    q, k, v, lses, outs = *(x.astype(np.float32) for x in (q, k, v)), [], []
    for i in range(0, q.shape[-2], block_size):
        rows = q[..., i : i + block_size, :]
        out, lse = np.zeros((*rows.shape[:-1], v.shape[-1])), np.full(rows.shape[:-1], -np.inf)
        places = np.arange(i, i + rows.shape[-2])[:, None] + k.shape[-2] - q.shape[-2]
        for j in range(0, k.shape[-2], block_size):
            block = slice(j, j + block_size)
            mask = np.arange(j, j + k[..., block, :].shape[-2]) <= places if causal else None
            scores = scores_of(rows, k[..., block, :], mask)
            top = np.where(np.isfinite(scores.max(-1)), scores.max(-1), 0.0)
            with np.errstate(divide="ignore"):
                part = top + np.log(np.exp(scores - top[..., None]).sum(-1))
            joined = np.logaddexp(lse, part)
            old, new = (np.exp(x - np.where(np.isfinite(joined), joined, 0.0))[..., None] for x in (lse, part))
            out, lse = old * out + new * (plain_softmax(scores) @ v[..., block, :]), joined
        outs.append(out)
        lses.append(lse)
    return [np.concatenate(outs, axis=-2), np.concatenate(lses, axis=-1)]


@tiled_attention.style
def half_the_tiles_skipped(q, k, v, causal=False, block_size=64):
    """Tiles that the causal mask closes altogether are never made."""
    T_q, T_k = q.shape[-2], k.shape[-2]
    outs, lses = [], []
    for i in range(0, T_q, block_size):  # a step of 0 raises by itself
        rows = q[..., i : i + block_size, :]
        end = max(0, min(T_k, i + rows.shape[-2] + T_k - T_q)) if causal else T_k
        if end == 0 or block_size < 0:
            outs.append(np.zeros((*rows.shape[:-1], v.shape[-1])))
            lses.append(np.full(rows.shape[:-1], -math.inf))
            continue
        mask = np.arange(end) <= np.arange(i, i + rows.shape[-2])[:, None] + T_k - T_q if causal else None
        keys = k[..., :end, :]
        scores = scores_of(rows, keys, mask)  # a strip of one block of queries
        top = scores.max(-1)
        top = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):
            lses.append(top + np.log(np.exp(scores - top[..., None]).sum(-1)))
        outs.append(plain_softmax(scores) @ v[..., :end, :])
    return np.concatenate(outs, axis=-2), np.concatenate(lses, axis=-1)
