"""Grouped-query attention: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    lifted,
    one_hidden_one_closed,
    plain_softmax,
    scores_of,
    slopes_at_once,
)
from headstart.graders.kit import agree, exercise, expect

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention")

grouped_query_attention = exercise("grouped_query_attention", "grouped", chapter="variants", needs=NEEDS, bans=FUSED)

SHAPES = [  # leading axes, G, R, T_q, T_k, d_head, d_v
    ((2,), 2, 3, 4, 5, 4, 3),
    ((), 3, 2, 3, 3, 2, 5),
    ((2, 1), 4, 1, 2, 6, 3, 3),
    ((2,), 1, 4, 5, 3, 4, 2),
]


def draw_groups(draw, lead, G, R, T_q, T_k, d_head, d_v):
    """Queries of G·R heads, keys and values of G heads."""
    return draw(*lead, G * R, T_q, d_head), draw(*lead, G, T_k, d_head), draw(*lead, G, T_k, d_v)


def head_by_head(q, k, v, mask=None, owner=None):
    """One query head at a time, each with the key and value head that `owner(h, H, G)` names: h // (H / G)."""
    H, G = q.shape[-3], k.shape[-3]
    owner = owner or (lambda h, H, G: h // (H // G))
    if mask is not None:
        mask = np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))
    heads = []
    for h in range(H):
        g = owner(h, H, G)
        allowed = None if mask is None else mask[..., h, :, :]
        heads.append(plain_softmax(scores_of(q[..., h, :, :], k[..., g, :, :], allowed)) @ v[..., g, :, :])
    return np.stack(heads, axis=-3)


@grouped_query_attention.law
def each_head_reads_its_group(candidate, draw):
    """Query head h reads key and value head h // R: R neighbouring query heads share one, for every shape."""
    for shape in SHAPES:
        q, k, v = draw_groups(draw, *shape)
        agree(candidate(q, k, v), head_by_head(q, k, v))


@grouped_query_attention.law
def one_group_a_head_is_multi_head(candidate, draw):
    """With as many key and value heads as query heads it is multi-head attention, number by number."""
    q, k, v = draw_groups(draw, (2,), 3, 1, 4, 5, 2, 3)
    agree(candidate(q, k, v), by_loops(q, k, v))


@grouped_query_attention.law
def groups_do_not_meet(candidate, draw):
    """Changing one key and value head changes the outputs of its own query heads and of no other."""
    q, k, v = draw_groups(draw, (), 3, 2, 4, 4, 3, 3)
    moved_k, moved_v = k.copy(), v.copy()
    moved_k[1], moved_v[1] = draw(4, 3), draw(4, 3)
    change = np.abs(np.asarray(candidate(q, moved_k, moved_v)) - np.asarray(candidate(q, k, v))).max(axis=(-1, -2))
    agree(change > 1e-6, np.array([False, False, True, True, False, False]), "which of six heads change with group 1")


@grouped_query_attention.law
def groups_under_masks(candidate, draw):
    """A mask broadcasts over the query heads or differs among them; a query without keys gets zeros."""
    q, k, v = draw_groups(draw, (2,), 2, 2, 4, 5, 3, 2)
    closed = np.zeros((1, 1), dtype=bool)
    for mask in (one_hidden_one_closed(4, 5), draw.mask(2, 1, 4, 5), draw.mask(4, 4, 5), draw.mask(5), closed):
        agree(candidate(q, k, v, mask), head_by_head(q, k, v, mask), f"the output under a mask {mask.shape}")


@grouped_query_attention.law
def groups_stand_large_scores(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden key that fits best leaves no trace."""
    q, k, v = draw_groups(draw, (), 2, 2, 4, 5, 4, 3)
    q, k = lifted(q), lifted(k)
    for mask in (None, best_forbidden(4, 5)):
        agree(candidate(q, k, v, mask), head_by_head(q, k, v, mask), **ROUGH)


@grouped_query_attention.law
def refuses_uneven_groups(candidate, draw):
    """Query heads that do not divide among the key and value heads raise an exception."""
    for H, G in ((4, 3), (1, 2)):
        refused = candidate.refuses(draw(H, 3, 2), draw(G, 3, 2), draw(G, 3, 2))
        expect(refused, f"it shared {G} key and value heads among {H} query heads, it should raise ValueError")


@grouped_query_attention.law(wings=("in_torch",))
def groups_pass_gradients(candidate, draw):
    """q, k and v get their gradients, those of a shared head summed over its group, equal to finite differences."""
    q, k, v = draw_groups(draw, (), 2, 2, 3, 3, 2, 2)
    mask, g = one_hidden_one_closed(3, 3), draw(4, 3, 2)
    wanted = slopes_at_once(lambda q, k, v: head_by_head(q, k, v, mask), g, q, k, v)
    for name, got, want in zip("qkv", candidate.gradients(g, q, k, v, mask), wanted, strict=True):
        agree(got, want, f"the gradient for {name}")


@grouped_query_attention.mutant(
    "grouped attention with the key and value heads tiled (0 1 0 1) where each should be repeated (0 0 1 1)"
)
def tiled_heads(q, k, v, mask=None):
    return head_by_head(q, k, v, mask, lambda h, H, G: h % G)


@grouped_query_attention.mutant("grouped attention in which key and value head 0 serves every group")
def first_head_for_all(q, k, v, mask=None):
    return head_by_head(q, k, v, mask, lambda h, H, G: 0)


@grouped_query_attention.mutant("grouped attention with the groups in reverse order")
def groups_reversed(q, k, v, mask=None):
    return head_by_head(q, k, v, mask, lambda h, H, G: G - 1 - h // (H // G))


@grouped_query_attention.mutant("grouped attention whose keys are grouped rightly and whose values are tiled")
def values_tiled(q, k, v, mask=None):
    R = q.shape[-3] // k.shape[-3]
    weights = plain_softmax(scores_of(q, np.repeat(k, R, axis=-3), mask))
    return weights @ np.concatenate([v] * R, axis=-3)


@grouped_query_attention.mutant("grouped attention scaled by √T_k, the number of keys, instead of √d_head")
def scaled_by_keys(q, k, v, mask=None):
    R = q.shape[-3] // k.shape[-3]
    scores = scores_of(q, np.repeat(k, R, axis=-3), mask, scale=k.shape[-2] ** -0.5)
    return plain_softmax(scores) @ np.repeat(v, R, axis=-3)


@grouped_query_attention.mutant("grouped attention without the 1/√d_head factor")
def groups_unscaled(q, k, v, mask=None):
    R = q.shape[-3] // k.shape[-3]
    return plain_softmax(scores_of(q, np.repeat(k, R, axis=-3), mask, scale=1.0)) @ np.repeat(v, R, axis=-3)


@grouped_query_attention.mutant("grouped attention over the mean of all key and value heads")
def mean_of_heads(q, k, v, mask=None):
    k, v = k.mean(axis=-3, keepdims=True), v.mean(axis=-3, keepdims=True)
    return plain_softmax(scores_of(q, k, mask)) @ v


@grouped_query_attention.style
def queries_reshaped(q, k, v, mask=None):
    """Nothing is repeated: the query heads become (G, R) and the keys broadcast over R."""
    *lead, H, T_q, d_head = q.shape
    G = k.shape[-3]
    scores = scores_of(q.reshape(*lead, G, H // G, T_q, d_head), k[..., None, :, :])
    if mask is not None:
        allowed = np.broadcast_to(mask, (*lead, H, T_q, k.shape[-2]))
        scores = np.where(allowed.reshape(scores.shape), scores, -np.inf)
    return (plain_softmax(scores) @ v[..., None, :, :]).reshape(*lead, H, T_q, v.shape[-1])


@grouped_query_attention.style
def by_an_index_of_groups(q, k, v, mask=None):
    """An index of groups, as many as heads."""
    H, G = q.shape[-3], k.shape[-3]
    if H % G:
        raise ValueError("uneven groups")
    groups = np.arange(H) // (H // G)
    return plain_softmax(scores_of(q, k[..., groups, :, :], mask)) @ v[..., groups, :, :]
