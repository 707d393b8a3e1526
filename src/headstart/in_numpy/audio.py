"""Sound as tokens: the spectrogram, a gain against noise, and a mask for listening while somebody still speaks."""

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(x="... N")
def power_spectrogram(x, frame, hop):
    """Cut a signal into overlapping frames, fade each in and out, and measure the power of every frequency in it.

    x       (..., N)                  samples
    frame   int                       samples in a frame, from 2 to N, else ShapeError (a ValueError)
    hop     int  at least 1           samples from the start of one frame to the start of the next, else ShapeError
    return  (..., T, frame // 2 + 1)  T = 1 + (N - frame) // hop; samples behind the last whole frame are left out

    Frame t holds the samples t·hop … t·hop + frame - 1, times Hann's window sin²(π n / frame) for n = 0 …
    frame - 1. Column k is |sum over n of them · exp(-2πi k n / frame)|², not divided by anything.
    Law: a tone with a whole number of periods in a frame fills its own column and the two beside it.
    Source: Allen and Rabiner 1977 (the short-time spectrum).
    """
    if frame < 2 or frame > x.shape[-1] or hop < 1:
        raise ShapeError(
            f"power_spectrogram: frame must be from 2 to {x.shape[-1]} and hop at least 1, got {frame} and {hop}"
        )
    frames = np.lib.stride_tricks.sliding_window_view(x, frame, axis=-1)[..., ::hop, :]  # (..., T, frame), a view
    window = np.sin(np.pi * np.arange(frame) / frame) ** 2
    return np.abs(np.fft.rfft(frames * window)) ** 2


@shapes(noisy_power="... T n_bands", noise_power="... n_bands")
def wiener_gain(noisy_power, noise_power, floor=0.0):
    """Tell for every cell of a noisy spectrogram what share of its power is signal, the noise's power being known.

    noisy_power  (..., T, n_bands)   power of signal and noise together, 0 or more
    noise_power  (..., n_bands)      mean power of the noise alone, measured where nobody speaks
    floor        float               from 0 to below 1, else ValueError: no cell is turned down further
    return       (..., T, n_bands)   (noisy - noise) / noisy, at least floor; floor where noisy is 0

    Law: without noise nothing is turned down; doubling both powers changes nothing.
    Source: Lim and Oppenheim 1979 (Wiener filtering of speech, the signal's power estimated by subtraction).
    """
    if floor < 0.0 or floor >= 1.0:
        raise ValueError(f"wiener_gain: floor must lie from 0 to below 1, got {floor}")
    gain = (noisy_power - noise_power[..., None, :]) / np.where(noisy_power > 0.0, noisy_power, 1.0)
    return gain.clip(min=floor)


def chunk_mask(T, chunk, num_left):
    """Let a query see its own chunk of frames, future ones in it included, and some chunks before it.

    T         int      at least 1: frames, else ShapeError (a ValueError)
    chunk     int      at least 1: frames in a chunk; the last chunk may be shorter
    num_left  int      0 or more: how many chunks before its own a query sees
    return    (T, T)   boolean; query i sees key j where i // chunk - num_left <= j // chunk <= i // chunk

    Law: one chunk of T frames sees everything; chunks of one frame with T - 1 before them are the causal mask.
    Source: Chen et al. 2021 (chunk-wise streaming); Yao et al. 2021 (chunks whose size is drawn anew in training).
    """
    if T < 1 or chunk < 1 or num_left < 0:
        raise ShapeError(
            f"chunk_mask: T and chunk must be at least 1 and num_left 0 or more, got {T}, {chunk} and {num_left}"
        )
    own = np.arange(T) // chunk
    back = own[:, None] - own  # (T, T): how many chunks back a key lies
    return (back >= 0) & (back <= num_left)
