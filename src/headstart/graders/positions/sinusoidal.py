"""Sinusoidal positions: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect

sinusoidal_positions = exercise("sinusoidal_positions", "positions", wings=("in_numpy",))

SIZES = ((1, 2), (5, 4), (12, 8), (30, 6), (4, 12))  # T, d_model


def by_loops(T, d_model, base=10000.0):
    """One number at a time."""
    table = np.zeros((T, d_model))
    for t in range(T):
        for j in range(d_model):
            angle = t / base ** ((j - j % 2) / d_model)
            table[t, j] = math.sin(angle) if j % 2 == 0 else math.cos(angle)
    return table


@sinusoidal_positions.law
def sines_and_cosines_take_turns(candidate, draw):
    """Feature 2i of position t is sin(t / base^(2i/d_model)), feature 2i + 1 the cosine of the same angle."""
    for T, d_model in SIZES:
        agree(candidate(T, d_model), by_loops(T, d_model), f"sinusoidal_positions({T}, {d_model})")


@sinusoidal_positions.law
def another_base(candidate, draw):
    """The base sets how slow the slowest pair is."""
    for base in (100.0, 500000.0):
        agree(candidate(9, 8, base), by_loops(9, 8, base), f"sinusoidal_positions(9, 8, base={base:g})")


@sinusoidal_positions.law
def a_step_is_a_rotation(candidate, draw):
    """The product of two rows depends on the distance of their positions alone, and every row has length √(d/2)."""
    table = np.asarray(candidate(20, 8))
    products = table @ table.T
    for distance in (0, 1, 7):
        diagonal = np.diagonal(products, distance)
        agree(
            diagonal, np.full_like(diagonal, products[0, distance]), f"the product of rows {distance} apart", atol=1e-4
        )
    agree(np.diagonal(products), np.full(20, 4.0), "a row times itself")


@sinusoidal_positions.law
def refuses_an_odd_width(candidate, draw):
    """An odd width raises an exception: a sine without its cosine is no pair."""
    expect(candidate.refuses(4, 7), "it made a table of 7 features, it should raise ValueError")


@sinusoidal_positions.mutant("sinusoids whose exponent is i/d_model instead of 2i/d_model: off by a factor 2")
def exponent_halved(T, d_model, base=10000.0):
    angles = np.arange(T)[:, None] * base ** (-np.arange(d_model // 2) / d_model)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(T, d_model)


@sinusoidal_positions.mutant("sinusoids whose exponent is 4i/d_model: doubled where it was 2i already")
def exponent_doubled(T, d_model, base=10000.0):
    angles = np.arange(T)[:, None] * base ** (-2 * np.arange(0, d_model, 2) / d_model)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(T, d_model)


@sinusoidal_positions.mutant(
    "sinusoids where sine and cosine of a pair have different frequencies (j/d_model for all j)"
)
def own_frequency_each(T, d_model, base=10000.0):
    angles = np.arange(T)[:, None] * base ** (-np.arange(d_model) / d_model)
    return np.where(np.arange(d_model) % 2 == 0, np.sin(angles), np.cos(angles))


@sinusoidal_positions.mutant("all sines first, then all cosines, instead of taking turns")
def sines_then_cosines(T, d_model, base=10000.0):
    table = by_loops(T, d_model, base)
    return np.concatenate([table[:, 0::2], table[:, 1::2]], axis=1)


@sinusoidal_positions.mutant("cosine and sine in the wrong order: even features must be sines")
def cosines_first(T, d_model, base=10000.0):
    table = by_loops(T, d_model, base)
    return np.stack([table[:, 1::2], table[:, 0::2]], -1).reshape(T, d_model)


@sinusoidal_positions.mutant("positions counted from 1 instead of 0")
def from_one(T, d_model, base=10000.0):
    return by_loops(T + 1, d_model, base)[1:]


@sinusoidal_positions.mutant("a table whose base is always 10000")
def fixed_base(T, d_model, base=10000.0):
    return by_loops(T, d_model)


@sinusoidal_positions.mutant("frequencies that grow with i: multiplied by base^(2i/d) instead of divided")
def growing_frequencies(T, d_model, base=10000.0):
    return by_loops(T, d_model, 1 / base)


@sinusoidal_positions.style
def through_logarithms(T, d_model, base=10000.0):
    """exp of a multiple of log(base), slices assigned, as in many public codes; float32."""
    table = np.zeros((T, d_model), np.float32)
    rate = np.exp(np.arange(0, d_model, 2) * (-math.log(base) / d_model))
    table[:, 0::2], table[:, 1::2] = np.sin(np.arange(T)[:, None] * rate), np.cos(np.arange(T)[:, None] * rate)
    return table


@sinusoidal_positions.style
def from_complex_powers(T, d_model, base=10000.0):
    """Powers of unit complex numbers: a position is a rotation."""
    turn = np.exp(1j * base ** (-np.arange(0, d_model, 2) / d_model))
    z = turn ** np.arange(T)[:, None]
    return np.stack([z.imag, z.real], -1).reshape(T, d_model)
