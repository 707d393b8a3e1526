"""Attention with a pre-allocated cache: laws, known mistakes, accepted styles; and what they share."""

import numpy as np

from headstart.graders.attention.witness import FUSED, by_loops, plain_softmax, scores_of
from headstart.graders.kit import agree, exercise, expect

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention")

cached_attention = exercise("cached_attention", "kv_cache", chapter="generation", needs=NEEDS, bans=FUSED)

CASES = (  # leading axes, tokens cached, tokens new, T_max, d_head, d_v
    ((1, 3), 0, 4, 4, 2, 5),
    ((2,), 3, 1, 6, 4, 3),
    ((), 4, 3, 9, 3, 3),
    ((2, 2), 0, 1, 3, 4, 2),
)


def draw_cache(draw, lead, length, T, T_max, d_head, d_v):
    """New rows, and a cache whose rows behind `length` are rubbish from an earlier sequence."""
    q, k, v = draw(*lead, T, d_head), draw(*lead, T, d_head), draw(*lead, T, d_v)
    return q, k, v, 5.0 * draw(*lead, T_max, d_head), 5.0 * draw(*lead, T_max, d_v), length


def row_after_row(q, k, v, keys, values, length):
    """The definition: one new token at a time is written and attends to everything up to itself."""
    keys, values, rows = keys.copy(), values.copy(), []
    for t in range(q.shape[-2]):
        at = length + t
        keys[..., at, :], values[..., at, :] = k[..., t, :], v[..., t, :]
        rows.append(by_loops(q[..., t : t + 1, :], keys[..., : at + 1, :], values[..., : at + 1, :]))
    return np.concatenate(rows, axis=-2), keys, values


def compare(got, want, what=""):
    """Compare output and both caches."""
    expect(isinstance(got, tuple | list) and len(got) == 3, "the result should be three arrays: out, keys, values")
    for array, right, name in zip(got, want, ("out", "keys", "values"), strict=True):
        agree(array, right, f"{name}{what}")


@cached_attention.law
def new_rows_are_written_and_read(candidate, draw):
    """New keys and values stand at rows length, length + 1, …; each query sees the rows up to its own, no other."""
    for case in CASES:
        inputs = draw_cache(draw, *case)
        compare(candidate(*inputs), row_after_row(*inputs), f" with {case[1]} cached and {case[2]} new tokens")


@cached_attention.law
def pieces_equal_the_whole(candidate, draw):
    """A sequence fed as a prompt and then token by token gets the rows of one causal pass without a cache."""
    T = 6
    q, k, v, keys, values, _ = draw_cache(draw, (2,), 0, T, T + 2, 4, 3)
    want, length = by_loops(q, k, v, np.tri(T, dtype=bool)), 0
    for new in (3, 1, 1, 1):
        piece = slice(length, length + new)
        got = candidate(q[:, piece], k[:, piece], v[:, piece], keys, values, length)
        agree(got[0], want[:, piece], f"the output of tokens {length} to {length + new - 1}")
        _, keys, values = got
        length += new


@cached_attention.law
def other_sequences_stay_out(candidate, draw):
    """Sequences of a batch keep caches of their own: changing one sequence's past changes no other's answer."""
    q, k, v, keys, values, length = draw_cache(draw, (3,), 4, 2, 7, 4, 4)
    moved_keys, moved_values = keys.copy(), values.copy()
    moved_keys[1], moved_values[1] = -keys[1], draw(7, 4)
    before, after = candidate(q, k, v, keys, values, length), candidate(q, k, v, moved_keys, moved_values, length)
    agree(np.asarray(after[0])[[0, 2]], np.asarray(before[0])[[0, 2]], "the output of the other sequences")
    agree(after[0], row_after_row(q, k, v, moved_keys, moved_values, length)[0], "the output")


@cached_attention.law
def scores_far_from_zero(candidate, draw):
    """Scores near -800 or +800 are answered like any others: no overflow, and no unseen key is preferred to them."""
    for sign in (-1, 1):
        q, k, v, keys, values, length = draw_cache(draw, (2,), 3, 2, 7, 4, 3)
        q, k, keys = (np.round(4 * x) / 4 for x in (q, k, keys / 5))  # scores exact in float32 too
        q[..., 0], k[..., 0], keys[..., 0] = 40, 40 * sign, 40 * sign
        keys[..., length + 2 :, 0] = 0  # rows behind: scores near 0
        inputs = q, k, v, keys, values, length
        compare(candidate(*inputs), row_after_row(*inputs), f" with scores near {800 * sign}")


@cached_attention.law
def a_full_cache_refuses(candidate, draw):
    """Rows that do not fit behind the past are refused by an exception; rows that just fit are taken."""
    inputs = draw_cache(draw, (2,), 3, 2, 5, 4, 4)
    compare(candidate(*inputs), row_after_row(*inputs), " of a cache that is now full")
    for length in (4, 5, -1):
        refused = candidate.refuses(*inputs[:-1], length)
        expect(refused, f"it wrote 2 rows at row {length} of 5, it should raise ValueError")
    one = draw_cache(draw, (2,), 0, 1, 5, 4, 4)[:-1]
    for length in (5, -1):  # an empty slice takes one row without a word
        expect(candidate.refuses(*one, length), f"it wrote 1 row at row {length} of 5, it should raise ValueError")


def seen(T, end, length):
    """The right mask of new tokens over all rows so far: bottom-right causal."""
    return np.tri(T, end, length, dtype=bool)


def cached_with(at=lambda length: length, mask=seen, store=lambda cache: cache.copy(), rows=None, values_too=True):
    """A right step, or one with a wrong place to write, mask, copy of the cache or number of rows that are read."""

    def step(q, k, v, keys, values, length):
        T, T_max, start = q.shape[-2], keys.shape[-2], at(length)
        assert 0 <= length <= T_max - T, "the cache is full"
        keys, values = store(keys), store(values)
        keys[..., start : start + T, :] = k
        if values_too:
            values[..., start : start + T, :] = v
        end = length + T if rows is None else rows(length, T, T_max)
        A = plain_softmax(scores_of(q, keys[..., :end, :], mask(T, end, length)))
        return A @ values[..., :end, :], keys, values

    return step


@cached_attention.mutant("keys and values appended on the wrong axis: the first (the batch) instead of the tokens")
def appended_to_the_batch(q, k, v, keys, values, length):
    keys, values = (np.concatenate([old[..., : new.shape[-2], :], new]) for old, new in ((keys, k), (values, v)))
    return plain_softmax(scores_of(q, keys)) @ values, keys, values


@cached_attention.mutant("one cache shared by all sequences of the batch: every one reads the first one's past")
def shared_by_sequences(*inputs):
    def first(cache):
        return np.repeat(cache[:1], len(cache), axis=0) if cache.ndim > 2 else cache.copy()

    return cached_with(store=first)(*inputs)


@cached_attention.mutant("the position not advanced: new rows are written at row 0 each time, over the past")
def not_advanced(*inputs):
    return cached_with(at=lambda length: 0)(*inputs)


@cached_attention.mutant("a causal mask aligned at the top left: a new token sees the oldest rows only, not the newest")
def top_left(*inputs):
    return cached_with(mask=lambda T, end, length: np.tri(T, end, dtype=bool))(*inputs)


@cached_attention.mutant("no mask among the new tokens: in a prompt each sees those behind it")
def unmasked_prompt(*inputs):
    return cached_with(mask=lambda T, end, length: None)(*inputs)


@cached_attention.mutant("attention over the whole buffer: rows behind the newest token, old rubbish, are read too")
def whole_buffer(*inputs):
    def mask(T, end, length):
        return seen(T, end, length) | (np.arange(end) >= length + T)

    return cached_with(mask=mask, rows=lambda length, T, T_max: T_max)(*inputs)


@cached_attention.mutant("a mask that is off by one: the new token does not see itself")
def not_itself(*inputs):
    return cached_with(mask=lambda T, end, length: seen(T, end, length - 1))(*inputs)


@cached_attention.mutant("values forgotten: only the keys were written into the cache")
def keys_alone(*inputs):
    return cached_with(values_too=False)(*inputs)


@cached_attention.mutant("the past forgotten: the new tokens attend to each other only")
def past_forgotten(q, k, v, keys, values, length):
    _, keys, values = cached_with()(q, k, v, keys, values, length)
    return plain_softmax(scores_of(q, k, np.tri(q.shape[-2], dtype=bool))) @ v, keys, values


@cached_attention.style
def by_concatenation(q, k, v, keys, values, length):
    """Past, new rows and the rest joined; a mask from positions; a finite mask value."""
    T, T_max = q.shape[-2], keys.shape[-2]
    if not 0 <= length <= T_max - T:
        raise IndexError("the cache is full")
    keys = np.concatenate([keys[..., :length, :], k, keys[..., length + T :, :]], axis=-2)
    values = np.concatenate([values[..., :length, :], v, values[..., length + T :, :]], axis=-2)
    hidden = np.arange(T_max)[None, :] > length + np.arange(T)[:, None]
    scores = np.einsum("...td,...sd->...ts", q, keys) / q.shape[-1] ** 0.5 + np.where(hidden, -1e9, 0.0)
    return np.einsum("...ts,...sd->...td", plain_softmax(scores), values), keys, values


@cached_attention.style
def token_by_token(q, k, v, keys, values, length):
    """A loop over the new tokens, no mask at all."""
    assert 0 <= length <= keys.shape[-2] - q.shape[-2], "the cache is full"
    return row_after_row(q, k, v, keys, values, length)
