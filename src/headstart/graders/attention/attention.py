"""Scaled dot-product attention: laws, and the known mistakes that the weights alone do not show."""

import math

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    LIFT,
    ROUGH,
    SHAPES,
    best_forbidden,
    by_loops,
    draw_qkv,
    lifted,
    one_hidden_one_closed,
    plain_softmax,
    scores_of,
    slopes,
)
from headstart.graders.kit import agree, exercise, expect

scaled_dot_product_attention = exercise(
    "scaled_dot_product_attention", "attention", needs=("softmax", "attention_weights"), bans=FUSED
)


@scaled_dot_product_attention.law
def attention_by_the_definition(candidate, draw):
    """out[i] is the sum over the keys j of weights[i, j] · v[j], for every shape."""
    for shape in SHAPES:
        q, k, v = draw_qkv(draw, *shape)
        agree(candidate(q, k, v), by_loops(q, k, v))


@scaled_dot_product_attention.law
def attention_under_masks(candidate, draw):
    """Masked keys contribute nothing, whichever way the mask broadcasts, and a query without keys gets zeros."""
    for T_q, T_k in ((5, 5), (3, 6)):
        q, k, v = draw_qkv(draw, (2, 2), T_q, T_k, 4, 6)
        some = draw.mask(T_q, T_k)
        some[2] = False
        none = np.zeros((T_q, T_k), dtype=bool)
        random = (draw.mask(*shape) for shape in ((2, 2, T_q, T_k), (2, 1, 1, T_k), (2, T_q, T_k), (T_k,)))
        for mask in (*random, some, np.tri(T_q, T_k, dtype=bool), none):
            agree(candidate(q, k, v, mask), by_loops(q, k, v, np.broadcast_to(mask, (2, 2, T_q, T_k))))


@scaled_dot_product_attention.law
def the_future_stays_out(candidate, draw):
    """Under a causal mask, changing later tokens moves no earlier output."""
    q, k, v = draw_qkv(draw, (2,), 6, 6, 4, 3)
    mask, k2, v2 = np.tri(6, dtype=bool), k.copy(), v.copy()
    k2[:, 4:], v2[:, 4:] = draw(2, 2, 4), draw(2, 2, 3)
    before, after = np.asarray(candidate(q, k, v, mask)), np.asarray(candidate(q, k2, v2, mask))
    agree(after[:, :4], before[:, :4], "the output before the change")
    expect(not np.allclose(after[:, 4:], before[:, 4:]), "a changed token does not reach the queries that may see it")


@scaled_dot_product_attention.law
def keys_are_a_set(candidate, draw):
    """Shuffling keys and values together changes nothing; shuffling queries shuffles the rows of the answer."""
    q, k, v = draw_qkv(draw, (2,), 5, 7, 4, 3)
    out, keys, queries = np.asarray(candidate(q, k, v)), draw.rng.permutation(7), draw.rng.permutation(5)
    agree(candidate(q, k[:, keys], v[:, keys]), out, "the output after a shuffle of the keys")
    agree(candidate(q[:, queries], k, v), out[:, queries], "the output after a shuffle of the queries")


@scaled_dot_product_attention.law
def batch_elements_are_independent(candidate, draw):
    """One batch element's answer is the same alone and in company."""
    q, k, v = draw_qkv(draw, (3,), 4, 4, 5, 5)
    agree(np.asarray(candidate(q, k, v))[1], candidate(q[1], k[1], v[1]), "batch element 1 in company")


@scaled_dot_product_attention.law
def large_inputs_stay_finite(candidate, draw):
    """Scores in the thousands neither overflow nor vanish: keys that fit equally well share the weight."""
    q, k, v = draw_qkv(draw, (), 4, 5, 4, 3)
    q, k = lifted(q), lifted(k)
    k[:, -1] = LIFT  # far above zero for queries 0 and 2, far below for 1 and 3
    agree(candidate(q, k, v), by_loops(q, k, v), **ROUGH)


@scaled_dot_product_attention.law
def forbidden_keys_leave_no_trace(candidate, draw):
    """A forbidden key contributes nothing, however much better than the allowed ones it fits."""
    q, k, v = draw_qkv(draw, (), 4, 5, 4, 3)
    q, k, mask = lifted(q), lifted(k), best_forbidden(4, 5)
    agree(candidate(q, k, v, mask), by_loops(q, k, v, mask), **ROUGH)


@scaled_dot_product_attention.law(wings=("in_torch",))
def attention_passes_gradients(candidate, draw):
    """Gradients reach q, k and v, masked rows included, and equal finite differences."""
    q, k, v = draw_qkv(draw, (), 3, 5, 4, 2)
    mask, g = one_hidden_one_closed(3, 5), draw(3, 2)
    wanted = slopes(lambda q, k, v: by_loops(q, k, v, mask), g, q, k, v)
    for got, want in zip(candidate.gradients(g, q, k, v, mask), wanted, strict=True):
        agree(got, want, "the gradient")


@scaled_dot_product_attention.mutant("the weights alone applied to the keys: k was used where v belongs")
def keys_as_values(q, k, v, mask=None):
    return plain_softmax(scores_of(q, k, mask)) @ k


@scaled_dot_product_attention.mutant("attention with the roles of queries and keys exchanged in the scores")
def queries_and_keys_exchanged(q, k, v, mask=None):
    return plain_softmax(scores_of(k, q, mask)) @ v


@scaled_dot_product_attention.mutant("attention scaled by √d_v, the width of the values, instead of √d_head")
def scaled_by_value_width(q, k, v, mask=None):
    return plain_softmax(scores_of(q, k, mask, scale=1 / math.sqrt(v.shape[-1]))) @ v


@scaled_dot_product_attention.style
def attention_query_by_query(q, k, v, mask=None):
    """A loop over the queries, with helper functions and everything spelt out."""
    lead = np.broadcast_shapes(q.shape[:-2], () if mask is None else mask.shape[:-2])
    allowed = np.broadcast_to(True if mask is None else mask, (*lead, q.shape[-2], k.shape[-2]))
    rows = [
        plain_softmax(scores_of(q[..., i : i + 1, :], k, allowed[..., i : i + 1, :])) @ v for i in range(q.shape[-2])
    ]
    return np.concatenate(rows, axis=-2)
