"""Rotary frequencies: how fast each pair of features turns, in training and in a longer context."""

import math

import numpy as np

from headstart.contract import ShapeError, shapes


def rotary_frequencies(d_head, base=10000.0):
    """Compute the angle by which each pair of features turns from one position to the next.

    d_head  int   even       else ShapeError (a ValueError)
    base    float            larger: the slow pairs turn more slowly
    return  (d_head/2,)      pair i turns by base^(-2i/d_head) radians a position

    Law: the first pair turns by one radian a position, whatever base and width are.
    Source: Su et al. 2024 (RoFormer), section 3.2.2.
    """
    if d_head < 2 or d_head % 2 != 0:
        raise ShapeError(f"rotary_frequencies: d_head must be even and positive, got {d_head}")
    return base ** (-np.arange(0, d_head, 2) / d_head)


@shapes(frequencies="n")
def interpolated_frequencies(frequencies, factor):
    """Slow every pair down alike, so that `factor` times as many positions span the angles seen in training.

    frequencies  (n,)    as trained, radians a position
    factor       float   new length over trained length: s in the papers
    return       (n,)

    Law: position t with these frequencies is position t / factor with the trained ones.
    Source: Chen et al. 2023, section 2.3 (position interpolation).
    """
    return frequencies / factor


@shapes(frequencies="n")
def ntk_frequencies(frequencies, factor):
    """Stretch the base instead: the fastest pair keeps its speed, the slowest is slowed by `factor`.

    frequencies  (n,)    as trained: base^(-2i/d_head) for pair i, d_head = 2·n
    factor       float   new length over trained length: s in the papers
    return       (n,)    the same with base · factor^(d_head / (d_head - 2)) in place of the base

    Law: the slowing grows from pair to pair by one constant ratio, from 1 at the first to `factor` at the last.
    Source: Peng et al. 2024 (YaRN), section 3.1 ("NTK-aware" interpolation).
    """
    return frequencies * factor ** -np.linspace(0.0, 1.0, len(frequencies))


@shapes(frequencies="n")
def yarn_frequencies(frequencies, factor, T_train, beta_slow=1.0, beta_fast=32.0):
    """Interpolate by parts: keep the pairs that turned often in training, slow those that never completed a turn.

    frequencies  (n,)    θ, as trained, radians a position
    factor       float   new length over trained length: s in the paper
    T_train      int     trained length: L in the paper
    beta_slow    float   pairs with fewer turns than this in T_train positions are divided by factor: α in the paper
    beta_fast    float   pairs with more turns than this keep their frequency: β in the paper
    return       (n,)    (1 - γ) θ / factor + γ θ, with γ rising linearly from 0 to 1 between the two numbers of turns

    Law: every frequency lies between its interpolated and its trained value.
    Source: Peng et al. 2024 (YaRN), section 3.2 ("NTK-by-parts" interpolation).
    """
    turns = T_train * frequencies / (2 * math.pi)  # (n,)
    kept = ((turns - beta_slow) / (beta_fast - beta_slow)).clip(0.0, 1.0)
    return (1 - kept) * frequencies / factor + kept * frequencies
