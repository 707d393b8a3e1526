"""The one mechanism that each application adds to attention: patches, decay in time, strands, pairs, frames."""

import math

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import softmax


@shapes(series="... T")
def series_patches(series, window, step):
    """Cut a series into overlapping pieces that become tokens; the last piece ends with the newest value.

    series  (..., T)           oldest value first
    window  int                values in a piece, from 1 to T, else ShapeError (a ValueError)
    step    int                from the start of one piece to the next, at least 1, else ShapeError
    return  (..., N, window)   N = (T - window) // step + 1 pieces, oldest first; the values that are left over stand
                               before the first piece and are dropped

    Law: with window = step = 1 every value is a token; the last row is series[..., T - window:].
    Source: Nie et al. 2023, section 3.1 (which appends the last value `step` times instead of dropping the oldest).
    """
    T = series.shape[-1]
    if window < 1 or window > T or step < 1:
        raise ShapeError(f"series_patches: window must be from 1 to {T} and step at least 1, got {window} and {step}")
    starts = np.arange((T - window) % step, T - window + 1, step)  # (N,)
    return series[..., starts[:, None] + np.arange(window)]


@shapes(times="... T", rates="H")
def time_decay_bias(times, rates):
    """Let each head forget at its own rate, by the clock and not by the count of events; the future is forbidden.

    times   (..., T)         when each event happened, oldest first; gaps of any size or none; seconds since 1970 too
    rates   (H,)             forgetting per unit of time, 0 or more; 0: never forget
    return  (..., H, T, T)   added to the scores: -rate · (time of the query - time of the key) where the key's place
                             is at most the query's, -inf where it is behind it

    Law: adding one number to all times changes nothing; at equal gaps of 1 it is ALiBi with the rates as slopes.
    Source: Press et al. 2022, section 3 (linear in the distance; here the distance is in time).
    """
    T = times.shape[-1]
    ago = times[..., None, :, None] - times[..., None, None, :]  # (..., 1, T, T): query's time less key's
    return np.where(np.tri(T), -rates[:, None, None] * ago, -np.inf)


@shapes(dna="... L 4")
def reverse_complement(dna):
    """Read the other strand of one-hot DNA: from its end to its start, A and T exchanged, C and G exchanged.

    dna     (..., L, 4)   a row a base, columns A, C, G, T (else ShapeError); probabilities will do
    return  (..., L, 4)

    Law: the reverse complement of the reverse complement is the sequence itself.
    Source: Watson and Crick 1953 (the pairs, and the chains that run in opposite directions).
    """
    if dna.shape[-1] != 4:
        raise ShapeError(f"reverse_complement: dna must have 4 columns (A, C, G, T), got {dna.shape[-1]}")
    return dna[..., ::-1, ::-1]  # in the order A, C, G, T the pairs A-T and C-G are mirror images


@shapes(
    q="... H T_q d_head", k="... H T_k d_head", v="... H T_k d_v",
    pair="... T_q T_k d_pair", W_b="d_pair H", mask="bool ... H T_q T_k",
)  # fmt: skip
def pair_bias_attention(q, k, v, pair, W_b, mask=None):
    """Attend with what is known about each pair (a distance, a contact, a relative place) added to the scores.

    q       (..., H, T_q, d_head)
    k       (..., H, T_k, d_head)
    v       (..., H, T_k, d_v)
    pair    (..., T_q, T_k, d_pair)   features of query i with key j; (i, j) and (j, i) may differ
    W_b     (d_pair, H)               one bias a head: pair @ W_b is added after the division by √d_head
    mask    (..., H, T_q, T_k)        boolean, True where a query may attend; every axis may be 1 or missing
    return  (..., H, T_q, d_v)        a query that may attend to nothing gets zeros

    Law: W_b of zeros gives plain attention; with q of zeros the pairs alone decide.
    Source: Jumper et al. 2021, supplementary algorithm 7 (there with layer norms and a gate around it).
    """
    scores = q @ k.mT / math.sqrt(q.shape[-1]) + np.moveaxis(pair @ W_b, -1, -3)  # (..., H, T_q, T_k)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return softmax(scores) @ v


@shapes(positions="... N 2", headings="... N")
def in_each_frame(positions, headings):
    """Say where every agent is as seen by every agent: x ahead of it, y to its left.

    positions  (..., N, 2)      metres, in any common frame
    headings   (..., N)         radians, anticlockwise from the x axis of that frame
    return     (..., N, N, 2)   entry (i, j): agent j in the frame of agent i, which stands at 0 and looks along x

    Law: turning and shifting the whole scene changes nothing; shuffling the agents shuffles both axes alike.
    Source: Zhou et al. 2023 (query-centric: each element in a local frame of its own).
    """
    offset = positions[..., None, :, :] - positions[..., None, :]  # (..., N, N, 2): from agent i to agent j
    x, y = np.moveaxis(offset, -1, 0)  # (..., N, N) each
    cos, sin = np.cos(headings)[..., None], np.sin(headings)[..., None]  # (..., N, 1)
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=-1)
