"""Rotary frequencies, as trained and for longer contexts: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect

rotary_frequencies = exercise("rotary_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))
interpolated_frequencies = exercise("interpolated_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))
ntk_frequencies = exercise("ntk_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))
yarn_frequencies = exercise("yarn_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))

TINY = 1e-12  # slow pairs turn by very small angles, so only relative differences tell


def powers(d_head, base=10000.0):
    """Frequencies one pair at a time."""
    return np.array([math.pow(base, -2 * i / d_head) for i in range(d_head // 2)])


@rotary_frequencies.law
def frequencies_are_powers_of_the_base(candidate, draw):
    """Pair i turns by base^(-2i/d_head) a position, for every width and base."""
    for d_head, base in ((2, 10000.0), (8, 10000.0), (6, 500000.0), (64, 10000.0), (128, 500000.0)):
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
    return np.exp(-np.arange(0, d_head, 2, dtype=np.float32) * math.log(base) / d_head).astype(np.float32)


@rotary_frequencies.style
def frequencies_by_logspace(d_head, base=10000.0):
    """np.logspace without its end."""
    return np.logspace(0, -1, d_head // 2, endpoint=False, base=base)


def draw_frequencies(draw):
    """Frequencies of several widths and bases."""
    return [
        powers(d, base)
        for d, base in ((4, 100.0), (8, 10000.0), (32, 500000.0), (2 * int(draw.rng.integers(3, 9)), 1e4))
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
    for d_head, base in ((8, 10000.0), (64, 10000.0), (128, 500000.0), (4, 100.0)):
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


def by_parts(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    """NTK-by-parts one pair at a time, from the wavelengths."""
    out = []
    for theta in frequencies:
        turns = T_train / (2 * math.pi / theta)
        if turns < beta_slow:
            gamma = 0.0
        elif turns > beta_fast:
            gamma = 1.0
        else:
            gamma = (turns - beta_slow) / (beta_fast - beta_slow)
        out.append((1 - gamma) * theta / factor + gamma * theta)
    return np.array(out)


@yarn_frequencies.law
def three_parts(candidate, draw):
    """Fast pairs stay, slow pairs are divided by factor, those between are mixed in proportion to their turns."""
    for d_head, base, T_train in ((64, 10000.0, 4096), (128, 500000.0, 8192), (16, 10000.0, 300)):
        for factor in (2.0, 16.0):
            trained = powers(d_head, base)
            agree(candidate(trained, factor, T_train), by_parts(trained, factor, T_train), "the frequencies", atol=TINY)


@yarn_frequencies.law
def other_bounds(candidate, draw):
    """beta_slow and beta_fast move the ends of the ramp."""
    trained = powers(32)
    for slow, fast in ((0.5, 4.0), (2.0, 64.0)):
        want = by_parts(trained, 4.0, 512, slow, fast)
        agree(candidate(trained, 4.0, 512, beta_slow=slow, beta_fast=fast), want, "the frequencies", atol=TINY)


@yarn_frequencies.law
def never_outside(candidate, draw):
    """No frequency is above its trained or below its interpolated value, and the slowest is interpolated fully."""
    trained = powers(64)
    got = np.asarray(candidate(trained, 8.0, 1024))
    inside = (got <= trained * 1.00001) & (got >= trained / 8.0001)
    expect(inside.all(), f"frequency {np.argmin(inside)} lies outside the range from interpolated to trained")
    agree(got[-1], trained[-1] / 8, "the slowest frequency", atol=TINY)


@yarn_frequencies.mutant("the ramp turned round: fast pairs interpolated, slow pairs kept")
def ramp_turned_round(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    return frequencies + frequencies / factor - by_parts(frequencies, factor, T_train, beta_slow, beta_fast)


@yarn_frequencies.mutant("turns counted without 2π: radians were taken for turns")
def radians_for_turns(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    return by_parts(frequencies, factor, T_train * 2 * math.pi, beta_slow, beta_fast)


@yarn_frequencies.mutant("turns counted over the new length instead of the trained one")
def turns_of_the_new_length(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    return by_parts(frequencies, factor, T_train * factor, beta_slow, beta_fast)


@yarn_frequencies.mutant("no ramp: pairs are either kept or divided, with the step at beta_slow")
def hard_step(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    return np.where(T_train * frequencies / (2 * np.pi) < beta_slow, frequencies / factor, frequencies)


@yarn_frequencies.mutant("a ramp that is not held between 0 and 1: fast pairs are sped up")
def ramp_not_held(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    gamma = (T_train * frequencies / (2 * np.pi) - beta_slow) / (beta_fast - beta_slow)
    return (1 - gamma) * frequencies / factor + gamma * frequencies


@yarn_frequencies.mutant(
    "a ramp over the pair's number instead of its turns, as the published code has it, not the paper"
)
def ramp_over_numbers(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    log_base = -math.log(frequencies[1])
    low, high = (math.log(T_train / (turns * 2 * math.pi)) / log_base for turns in (beta_fast, beta_slow))
    low, high = max(math.floor(low), 0), min(math.ceil(high), 2 * len(frequencies) - 1)
    gamma = 1 - np.clip((np.arange(len(frequencies)) - low) / max(high - low, 0.001), 0, 1)
    return (1 - gamma) * frequencies / factor + gamma * frequencies


@yarn_frequencies.mutant("position interpolation: every pair divided by factor, whatever its turns")
def all_interpolated(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    return frequencies / factor


@yarn_frequencies.style
def by_interpolation(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    """np.interp for the ramp."""
    gamma = np.interp(T_train * frequencies / (2 * np.pi), [beta_slow, beta_fast], [0.0, 1.0])
    return frequencies * (gamma + (1 - gamma) / factor)


@yarn_frequencies.style
def pair_by_pair(*args, **kwargs):
    """An if for each pair, float32."""
    return by_parts(*args, **kwargs).astype(np.float32)
