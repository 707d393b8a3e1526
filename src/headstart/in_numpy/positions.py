"""Positions that are added: sinusoids to the tokens, relative buckets and linear biases to the scores."""

import math

import numpy as np

from headstart.contract import ShapeError, shapes


def sinusoidal_positions(T, d_model, base=10000.0):
    """Encode the positions 0 … T-1 as sines and cosines of wavelengths that grow geometrically.

    T        int              number of positions
    d_model  int   even       else ShapeError (a ValueError)
    base     float            wavelengths run from 2π towards 2π·base
    return   (T, d_model)     [t, 2i] = sin(t / base^(2i/d_model)), [t, 2i+1] = cos of the same angle

    Law: the row of t + s is the row of t with every pair rotated, by angles that depend on s alone.
    Source: Vaswani et al. 2017, section 3.5.
    """
    if d_model < 2 or d_model % 2 != 0:
        raise ShapeError(f"sinusoidal_positions: d_model must be even and positive, got {d_model}")
    frequencies = base ** (-np.arange(0, d_model, 2) / d_model)  # (d_model/2,)
    angles = np.arange(T)[:, None] * frequencies  # (T, d_model/2)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, d_model)


def relative_position_buckets(T_q, T_k, num_buckets=32, max_distance=128, causal=False):
    """Sort the distance of each query and key into one of a few buckets: fine near by, logarithmic far away.

    T_q, T_k      int            numbers of queries and keys; the queries are the last T_q of the T_k positions
    num_buckets   int   even, at least 4, else ValueError
    max_distance  int            from here on all distances share the last bucket; more than e, else ValueError
    causal        bool           True: all buckets for the past, and every future key in bucket 0
    return        (T_q, T_k)     whole numbers from 0 to num_buckets - 1

    Past keys (and the token itself) take the first half of the buckets, future keys the second half. Of a direction's n
    buckets the first e = n/2 hold one distance each; a distance r ≥ e gets bucket e + floor((n - e) · log(r/e) /
    log(max_distance/e)), but at most n - 1. Law: a bucket depends on the distance alone.
    Source: Raffel et al. 2020, section 2.1; the boundaries are those of the published T5 code.
    """
    n = num_buckets if causal else num_buckets // 2
    exact = n // 2
    if num_buckets < 4 or num_buckets % 2 != 0 or max_distance <= exact:
        raise ValueError(
            f"relative_position_buckets: num_buckets must be even and at least 4, max_distance above {exact}, "
            f"got {num_buckets} and {max_distance}"
        )
    ahead = np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None]  # (T_q, T_k): key minus query
    distance = (-ahead).clip(min=0) if causal else np.abs(ahead)
    growth = np.log(distance.clip(min=exact) / exact) / math.log(max_distance / exact)
    far = (exact + (growth * (n - exact)).astype(int)).clip(max=n - 1)
    return np.where(distance < exact, distance, far) + (0 if causal else n * (ahead > 0))


def alibi_slopes(num_heads):
    """Give each head its slope: a geometric sequence, steep heads first.

    num_heads  int   at least 1   else ValueError
    return     (H,)               for a power of two: 2^(-8/H), 2^(-16/H), …, 2^-8

    Otherwise, as in the authors' code: the slopes of the next lower power of two P, then every second slope of
    2P heads (the first, the third, …) until there are H. Law: for a power of two, neighbours have one constant ratio.
    Source: Press, Smith and Lewis 2022, section 3 (powers of two) and its published code (other numbers).
    """
    if num_heads < 1:
        raise ValueError(f"alibi_slopes: num_heads must be at least 1, got {num_heads}")
    power = 2 ** (num_heads.bit_length() - 1)
    coarse = np.arange(1, power + 1) / power  # (P,)
    between = (2 * np.arange(num_heads - power) + 1) / (2 * power)  # (H - P,)
    return 2.0 ** (-8 * np.concatenate([coarse, between]))


@shapes(slopes="H")
def alibi_bias(slopes, T_q, T_k):
    """Make the penalty that grows linearly with distance; it is added to the scaled scores before the softmax.

    slopes    (H,)             one positive number a head
    T_q, T_k  int              the queries are the last T_q of the T_k positions, as with a cache
    return    (H, T_q, T_k)    -slope · |distance|: zero at the query's own position; the causal mask is not in it

    Law: only the distance counts, so the rows for a cached step are the last rows for the whole sequence.
    Source: Press, Smith and Lewis 2022, section 3.
    """
    distance = np.abs(np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None])  # (T_q, T_k)
    return -slopes[:, None, None] * distance
