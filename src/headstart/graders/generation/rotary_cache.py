"""The cache with rotary positions: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import FUSED
from headstart.graders.generation.cache import NEEDS, cached_with, compare, draw_cache, row_after_row
from headstart.graders.kit import again, agree, exercise, expect
from headstart.graders.positions.rotary_witness import (
    angles_of,
    frequencies_of,
    half_split,
    turn_halves,
    turn_neighbours,
    turned,
)

rotary_cached_attention = exercise(
    "rotary_cached_attention",
    "kv_cache",
    chapter="generation",
    needs=(*NEEDS, "rotate", "cached_attention"),
    bans=FUSED,
)

CASES = (((2,), 3, 1, 6, 4, 4), ((), 0, 4, 4, 2, 5), ((1, 2), 2, 3, 8, 6, 2))


def turned_first(q, k, v, keys, values, length, f):
    """The definition: new queries and keys are turned at their own positions, then row after row."""
    q, k = (turned(x, f, length, half_split) for x in (q, k))
    return row_after_row(q, k, v, keys, values, length)


@rotary_cached_attention.law
def turned_at_their_positions(candidate, draw):
    """The new queries and keys are turned at positions length, length + 1, …, once; values and old rows are not."""
    for case in again(*CASES):
        inputs, f = draw_cache(draw, *case), frequencies_of(case[4] // 2)
        compare(candidate(*inputs, f), turned_first(*inputs, f), f" with {case[1]} cached tokens")


@rotary_cached_attention.law
def pieces_equal_one_pass(candidate, draw):
    """A sequence fed in pieces gets what it gets in one piece: the distance to the past is right at every step."""
    T, f = 7, frequencies_of(2, base=10.0)  # no table of an earlier call will do
    q, k, v, keys, values, _ = draw_cache(draw, (2,), 0, T, T, 4, 3)
    want, length = turned_first(q, k, v, keys, values, 0, f)[0], 0
    for new in (3, 1, 2, 1):
        piece = slice(length, length + new)
        out, keys, values = candidate(q[:, piece], k[:, piece], v[:, piece], keys, values, length, f)
        agree(out, want[:, piece], f"the output of tokens {length} to {length + new - 1}")
        length += new


@rotary_cached_attention.law
def a_wrong_width_is_refused(candidate, draw):
    """Frequencies that do not fit the width, and rows that do not fit into the cache, are refused by an exception."""
    inputs = draw_cache(draw, (), 2, 2, 5, 4, 4)
    expect(candidate.refuses(*inputs, frequencies_of(3)), "it turned 4 features by 3 frequencies")
    expect(candidate.refuses(*inputs[:-1], 4, frequencies_of(2)), "it wrote 2 rows at row 4 of 5")
    one = draw_cache(draw, (), 0, 1, 5, 4, 4)[:-1]
    expect(candidate.refuses(*one, -1, frequencies_of(2)), "it wrote 1 row at row -1 of 5")


def turned_with(turn_q, turn_k, turn_v=lambda v, f, length: v, read=lambda keys, f, end: keys):
    """A step whose queries, keys, values and cached keys are turned in given (wrong) ways."""

    def step(q, k, v, keys, values, length, f):
        assert q.shape[-1] == 2 * len(f), "the width"
        keys = read(keys, f, length)
        return cached_with()(turn_q(q, f, length), turn_k(k, f, length), turn_v(v, f, length), keys, values, length)

    return step


def at_offset(x, f, length):
    return turn_halves(x, angles_of(x, f, length))


def at_zero(x, f, length):
    return turn_halves(x, angles_of(x, f))


def unturned(x, f, length):
    return x


@rotary_cached_attention.mutant("the rotary offset forgotten: with a cache every new token stands at position 0 again")
def offset_forgotten_with_a_cache(*inputs):
    return turned_with(at_zero, at_zero)(*inputs)


@rotary_cached_attention.mutant("the rotary offset given to the keys only: new queries are turned from position 0")
def offset_for_keys_alone(*inputs):
    return turned_with(at_zero, at_offset)(*inputs)


@rotary_cached_attention.mutant("the rotary offset given to the queries only: new keys are turned from position 0")
def offset_for_queries_alone(*inputs):
    return turned_with(at_offset, at_zero)(*inputs)


@rotary_cached_attention.mutant("keys cached without rotation while queries are rotated")
def keys_not_turned(*inputs):
    return turned_with(at_offset, unturned)(*inputs)


@rotary_cached_attention.mutant("cached keys turned again at every step: they were stored rotated")
def turned_again(*inputs):
    return turned_with(at_offset, at_offset, read=lambda keys, f, end: at_zero(keys, f, end))(*inputs)


@rotary_cached_attention.mutant("positions one too late: the first new token was given position length + 1")
def one_position_late(*inputs):
    return turned_with(*[lambda x, f, length: at_offset(x, f, length + 1)] * 2)(*inputs)


@rotary_cached_attention.mutant("pairs of neighbours (2i, 2i + 1), the interleaved convention, instead of (i, i + n)")
def neighbours_cached(*inputs):
    return turned_with(*[lambda x, f, length: turn_neighbours(x, angles_of(x, f, length))] * 2)(*inputs)


@rotary_cached_attention.style
def by_complex_and_concatenation(q, k, v, keys, values, length, f):
    """Complex rotation written out, then a loop over the new tokens."""
    if 2 * len(f) != q.shape[-1] or not 0 <= length <= keys.shape[-2] - q.shape[-2]:
        raise ValueError("sizes do not fit")

    def turn(x):
        angles = (length + np.arange(x.shape[-2]))[:, None] * f
        z = (x[..., : len(f)] + 1j * x[..., len(f) :]) * np.exp(1j * angles)
        return np.concatenate([z.real, z.imag], -1)

    return row_after_row(turn(q), turn(k), v, keys, values, length)
