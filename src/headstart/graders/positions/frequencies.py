"""Rotary frequencies as trained: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect

rotary_frequencies = exercise("rotary_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))

TINY = 1e-12  # slow pairs turn by very small angles, so only relative differences tell


def powers(d_head, base=10000.0):
    """Frequencies one pair at a time."""
    return np.array([math.pow(base, -2 * i / d_head) for i in range(d_head // 2)])


@rotary_frequencies.law
def frequencies_are_powers_of_the_base(candidate, draw):
    """Pair i turns by base^(-2i/d_head) a position, for every width and base."""
    for d_head, base in ((2, 10000.0), (8, 10000.0), (8, 500000.0), (64, 10000.0), (128, 500000.0)):
        agree(candidate(d_head, base), powers(d_head, base), f"rotary_frequencies({d_head}, {base:g})", atol=TINY)


@rotary_frequencies.law
def the_usual_base(candidate, draw):
    """Without a base it is 10000."""
    agree(candidate(16), powers(16), "rotary_frequencies(16)", rtol=1e-5, atol=TINY)


@rotary_frequencies.law
def neighbours_have_one_ratio(candidate, draw):
    """The first pair turns by one radian, and each next pair more slowly by one constant ratio."""
    got = np.asarray(candidate(12, 4096.0))
    agree(got[0], 1.0, "the first frequency")
    agree(got[1:] / got[:-1], np.full(5, 0.25), "the ratio of neighbours")


@rotary_frequencies.law
def refuses_an_odd_head(candidate, draw):
    """An odd width raises an exception: one feature would have no partner."""
    expect(candidate.refuses(7), "it made frequencies for 7 features, it should raise ValueError")


@rotary_frequencies.mutant("frequencies base^(-i/d_head): the exponent is off by a factor 2")
def half_exponent(d_head, base=10000.0):
    return base ** (-np.arange(d_head // 2) / d_head)


@rotary_frequencies.mutant("frequencies base^(-4i/d_head): 2i was doubled once more")
def double_exponent(d_head, base=10000.0):
    return powers(d_head, base) ** 2


@rotary_frequencies.mutant("wavelengths instead of frequencies: 2π·base^(2i/d_head)")
def wavelengths(d_head, base=10000.0):
    return 2 * np.pi / powers(d_head, base)


@rotary_frequencies.mutant("one frequency for each feature instead of one for each pair")
def one_each(d_head, base=10000.0):
    return base ** (-np.arange(d_head) / d_head)


@rotary_frequencies.mutant("slow pairs first: the frequencies in reverse order")
def slow_first(d_head, base=10000.0):
    return powers(d_head, base)[::-1]


@rotary_frequencies.mutant("frequencies that ignore `base`")
def base_ignored(d_head, base=10000.0):
    return powers(d_head)


@rotary_frequencies.style
def frequencies_by_exp(d_head, base=10000.0):
    """exp and log, float32."""
    if d_head % 2:
        raise ValueError("d_head is odd")
    return np.exp(-np.arange(0, d_head, 2, dtype=np.float32) * math.log(base) / d_head).astype(np.float32)


@rotary_frequencies.style
def frequencies_by_logspace(d_head, base=10000.0):
    """np.logspace without its end."""
    assert d_head % 2 == 0
    return np.logspace(0, -1, d_head // 2, endpoint=False, base=base)
