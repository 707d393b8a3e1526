"""Frequencies for a longer context, interpolated and NTK-aware: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise
from headstart.graders.positions.frequencies import TINY, powers

interpolated_frequencies = exercise("interpolated_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))
ntk_frequencies = exercise("ntk_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))


def draw_frequencies(draw):
    """Frequencies of several widths and bases."""
    return [
        powers(d, base)
        for d, base in ((4, 100.0), (8, 10000.0), (8, 500.0), (32, 500000.0), (2 * int(draw.rng.integers(3, 9)), 1e4))
    ]


@interpolated_frequencies.law
def all_pairs_slow_alike(candidate, draw):
    """Every frequency is divided by factor."""
    for trained in draw_frequencies(draw):
        for factor in (2.0, 8.0, 1.5):
            agree(candidate(trained, factor), [f / factor for f in trained], "the frequencies", atol=TINY)


@interpolated_frequencies.law
def positions_are_squeezed(candidate, draw):
    """The angle at the last new position is the angle at the last trained position."""
    trained = powers(16)
    agree(4096 * np.asarray(candidate(trained, 2.0)), 2048 * trained, "the angles at position 4096", atol=TINY)


@interpolated_frequencies.law
def no_stretching_changes_nothing(candidate, draw):
    """With factor 1 the frequencies are those that were trained."""
    agree(candidate(powers(16), 1.0), powers(16), "the frequencies for factor 1", atol=TINY)


@interpolated_frequencies.mutant("frequencies multiplied by factor: positions are stretched apart instead of squeezed")
def multiplied(frequencies, factor):
    return frequencies * factor


@interpolated_frequencies.mutant("NTK-aware frequencies: only the slowest pair is divided by the whole factor")
def ntk_instead(frequencies, factor):
    n = len(frequencies)
    return np.array([f * factor ** (-i / (n - 1)) for i, f in enumerate(frequencies)])


@interpolated_frequencies.mutant("frequencies that were not changed at all: plain extrapolation")
def extrapolated(frequencies, factor):
    return frequencies + 0.0


@interpolated_frequencies.mutant("frequencies divided by the square root of factor")
def by_root(frequencies, factor):
    return frequencies / math.sqrt(factor)


@interpolated_frequencies.mutant("every pair but the fastest divided: position interpolation slows all of them")
def first_spared(frequencies, factor):
    return np.concatenate([frequencies[:1], frequencies[1:] / factor])


@interpolated_frequencies.style
def by_reciprocal(frequencies, factor):
    """Times one over factor, float32."""
    return (frequencies * (1 / factor)).astype(np.float32)


@ntk_frequencies.law
def the_base_is_stretched(candidate, draw):
    """They are the rotary frequencies of base · factor^(d_head / (d_head - 2))."""
    for d_head, base in ((8, 10000.0), (64, 10000.0), (128, 500000.0), (4, 100.0), (8, 5000.0)):
        for factor in (2.0, 8.0):
            want = powers(d_head, base * factor ** (d_head / (d_head - 2)))
            agree(candidate(powers(d_head, base), factor), want, f"the frequencies for d_head {d_head}", atol=TINY)


@ntk_frequencies.law
def both_ends_are_known(candidate, draw):
    """The first frequency is unchanged, the last is divided by exactly factor."""
    for trained in draw_frequencies(draw):
        got = np.asarray(candidate(trained, 4.0))
        agree(got[[0, -1]], [trained[0], trained[-1] / 4], "the first and the last frequency", atol=TINY)


@ntk_frequencies.law
def ntk_with_factor_one(candidate, draw):
    """With factor 1 the frequencies are those that were trained."""
    agree(candidate(powers(16), 1.0), powers(16), "the frequencies for factor 1", atol=TINY)


@ntk_frequencies.mutant("the base multiplied by factor alone: the slowest pair is not slowed enough")
def plain_factor(frequencies, factor):
    n = len(frequencies)
    return frequencies * factor ** (-np.arange(n) / n)


@ntk_frequencies.mutant("position interpolation: every pair divided by factor")
def interpolated_instead(frequencies, factor):
    return frequencies / factor


@ntk_frequencies.mutant("the exponent d_head / (d_head + 2) instead of d_head / (d_head - 2)")
def plus_two(frequencies, factor):
    n = len(frequencies)
    return frequencies * factor ** (-np.arange(n) / (n + 1))


@ntk_frequencies.mutant("the fastest pair slowed most: the order of the pairs was turned round")
def turned_round(frequencies, factor):
    return frequencies * factor ** -np.linspace(1.0, 0.0, len(frequencies))


@ntk_frequencies.mutant("a shrunken base: the pairs were made faster instead of slower")
def shrunken_base(frequencies, factor):
    return frequencies * factor ** np.linspace(0.0, 1.0, len(frequencies))


@ntk_frequencies.style
def by_the_base(frequencies, factor):
    """Recover the base, stretch it, take the powers again."""
    d = 2 * len(frequencies)
    base = frequencies[1] ** (-d / 2)
    return (base * factor ** (d / (d - 2))) ** (-np.arange(0, d, 2) / d)


@ntk_frequencies.style
def ntk_in_float32(frequencies, factor):
    """A loop, cast to float32."""
    n = len(frequencies)
    return np.array([f / factor ** (i / (n - 1)) for i, f in enumerate(frequencies)], dtype=np.float32)
