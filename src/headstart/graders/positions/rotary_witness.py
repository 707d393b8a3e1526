"""Outside witnesses for rotary positions: complex numbers, one pair at a time, and what mistakes are made of."""

import cmath

import numpy as np

SHAPES = (((), 5, 3), ((2,), 4, 2), ((1, 3), 1, 4), ((2,), 7, 1))  # leading axes, T, pairs


def frequencies_of(n, base=100.0):
    """Frequencies for n pairs; the small base lets every pair turn visibly within a few positions."""
    return np.array([base ** (-i / n) for i in range(n)])


def half_split(n):
    """Pair i is (i, i + n)."""
    return [(i, i + n) for i in range(n)]


def neighbours(n):
    """Pair i is (2i, 2i + 1)."""
    return [(2 * i, 2 * i + 1) for i in range(n)]


def turned(x, frequencies, offset, pairs):
    """Each pair as a complex number times e^(i · position · frequency)."""
    out = x.copy()
    for at in np.ndindex(x.shape[:-1]):
        for (a, b), frequency in zip(pairs(len(frequencies)), frequencies, strict=True):
            z = complex(x[at][a], x[at][b]) * cmath.exp(1j * (offset + at[-1]) * frequency)
            out[(*at, a)], out[(*at, b)] = z.real, z.imag
    return out


def angles_of(x, frequencies, offset=0):
    """(T, n) angles."""
    return (offset + np.arange(x.shape[-2]))[:, None] * frequencies


def turn_halves(x, angles):
    """Half-split rotation by given angles."""
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], -1)


def turn_neighbours(x, angles):
    """Interleaved rotation by given angles."""
    a, b = x[..., 0::2], x[..., 1::2]
    pairs = [a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)]
    return np.stack(pairs, -1).reshape(x.shape)
