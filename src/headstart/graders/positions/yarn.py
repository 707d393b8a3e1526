"""Frequencies for a longer context, interpolated by parts (YaRN): laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.positions.frequencies import TINY, powers

yarn_frequencies = exercise("yarn_frequencies", "frequencies", chapter="positions", wings=("in_numpy",))


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
    for d_head, base, T_train in ((64, 10000.0, 4096), (128, 500000.0, 8192), (16, 10000.0, 300), (16, 500.0, 300)):
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
