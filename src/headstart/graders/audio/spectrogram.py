"""Frames, window, power of each frequency: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

power_spectrogram = exercise("power_spectrogram", "audio", wings=("in_numpy",))

CASES = (
    ((), 11, 4, 2),
    ((2,), 13, 5, 3),
    ((1, 2), 9, 6, 1),
    ((), 8, 8, 5),
    ((3,), 7, 2, 2),
    ((), 12, 3, 7),
    ((), 5, 5, 9),
)


def hann(frame):
    """Hann's window, one period of it."""
    return np.sin(np.pi * np.arange(frame) / frame) ** 2


def frames_of(x, frame, hop):
    """The frames one by one, (..., T, frame)."""
    starts = range(0, x.shape[-1] - frame + 1, hop)
    return np.stack([x[..., start : start + frame] for start in starts], axis=-2)


def waves(frame):
    """Cosine and sine of each frequency, (2, frame, bands)."""
    angle = 2 * np.pi * np.outer(np.arange(frame), np.arange(frame // 2 + 1)) / frame
    return np.stack([np.cos(angle), np.sin(angle)])


def power_by_sums(x, frame, hop):
    """Every frame against every wave."""
    faded = frames_of(x, frame, hop) * hann(frame)
    return sum((faded @ wave) ** 2 for wave in waves(frame))


@power_spectrogram.law
def each_frame_against_each_wave(candidate, draw):
    """Cell (t, k) is the power of frequency k in frame t, faded by Hann's window, for any frame and hop."""
    for lead, N, frame, hop in again(*CASES):
        x = draw(*lead, N)
        got = candidate(x, frame, hop)
        agree(got, power_by_sums(x, frame, hop), f"the spectrogram of {N} samples, frame {frame}, hop {hop}")


@power_spectrogram.law
def a_tone_fills_three_columns(candidate, draw):
    """A tone with five periods in a frame has (amplitude · frame / 4)² in column 5, a quarter of it beside, else 0."""
    amplitude = float(draw.rng.uniform(0.5, 1.0))
    n = np.arange(64)
    got = candidate(amplitude * np.sin(2 * np.pi * 5 * n / 32 + draw.rng.uniform(0, 6)), 32, 16)
    want = np.zeros(17)
    want[4:7] = (amplitude * 32 / 4) ** 2 * np.array([0.25, 1.0, 0.25])
    agree(got, np.tile(want, (3, 1)), "the spectrogram of a tone", atol=1e-4)


@power_spectrogram.law
def a_later_start_is_a_row_less(candidate, draw):
    """Leaving out the first hop of samples leaves out the first row and changes no other."""
    x = draw(2, 20)
    agree(candidate(x[:, 3:], 6, 3), np.asarray(candidate(x, 6, 3))[:, 1:], "the spectrogram begun a hop later")


@power_spectrogram.law
def frames_must_fit(candidate, draw):
    """A frame longer than the signal or shorter than two samples, and a hop of nothing, are refused by an exception."""
    x = draw(6)
    for frame, hop in ((7, 2), (1, 1), (0, 1), (4, 0), (4, -1)):
        expect(candidate.refuses(x, frame, hop), f"it took frame {frame} and hop {hop} for 6 samples")


def spectrum(x, frame, hop, window=hann, power=lambda s: np.abs(s) ** 2):
    """The spectrogram with a (wrong) window or measure."""
    if not 2 <= frame <= x.shape[-1] or hop < 1:
        raise ValueError("frames must fit")
    return power(np.fft.rfft(frames_of(x, frame, hop) * window(frame)))


@power_spectrogram.mutant("a spectrogram without a window: every tone leaks into all columns")
def without_window(x, frame, hop):
    return spectrum(x, frame, hop, window=np.ones)


@power_spectrogram.mutant("a spectrogram with the window np.hanning, which ends in a zero of its own (frame - 1 below)")
def symmetric_window(x, frame, hop):
    return spectrum(x, frame, hop, window=np.hanning)


@power_spectrogram.mutant("a spectrogram faded by Hamming's window instead of Hann's")
def hamming_window(x, frame, hop):
    return spectrum(x, frame, hop, window=lambda m: 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(m) / m))


@power_spectrogram.mutant("the magnitude of the spectrum, not its square")
def magnitude(x, frame, hop):
    return spectrum(x, frame, hop, power=np.abs)


@power_spectrogram.mutant("the square of the spectrum's real part: the result depends on where a wave begins")
def real_part_squared(x, frame, hop):
    return spectrum(x, frame, hop, power=lambda s: s.real**2)


@power_spectrogram.mutant("the logarithm of the power, which the contract does not ask for")
def log_power(x, frame, hop):
    return spectrum(x, frame, hop, power=lambda s: np.log(np.abs(s) ** 2 + 1e-10))


@power_spectrogram.mutant("a power divided by the length of the frame")
def power_by_length(x, frame, hop):
    return spectrum(x, frame, hop, power=lambda s: np.abs(s) ** 2 / frame)


@power_spectrogram.mutant("both halves of the spectrum: columns above frame // 2 repeat those below")
def both_halves(x, frame, hop):
    spectrum(x, frame, hop)  # refuses what does not fit
    return np.abs(np.fft.fft(frames_of(x, frame, hop) * hann(frame))) ** 2


@power_spectrogram.mutant("a spectrogram with the axes exchanged: one row a frequency, one column a frame")
def bands_before_frames(x, frame, hop):
    return spectrum(x, frame, hop).swapaxes(-1, -2)


@power_spectrogram.mutant("a spectrogram whose frames lie end to end: the hop was not used")
def end_to_end(x, frame, hop):
    return spectrum(x, frame, frame if hop > 0 else hop)


@power_spectrogram.mutant("a spectrogram of the whole signal faded once, and then cut into frames")
def faded_once(x, frame, hop):
    return spectrum(x * hann(x.shape[-1]), frame, hop, window=np.ones)


@power_spectrogram.mutant("a spectrogram with an unfinished frame at the end, filled with zeros")
def filled_at_the_end(x, frame, hop):
    spectrum(x, frame, hop)
    missing = -(x.shape[-1] - frame) % hop
    return spectrum(np.concatenate([x, np.zeros((*x.shape[:-1], missing))], axis=-1), frame, hop)


@power_spectrogram.mutant("a spectrogram centred on its samples: the signal was padded by half a frame on either side")
def centred(x, frame, hop):
    spectrum(x, frame, hop)
    zeros = np.zeros((*x.shape[:-1], frame // 2))
    return spectrum(np.concatenate([zeros, x, zeros], axis=-1), frame, hop)


@power_spectrogram.style
def by_index(x, frame, hop):
    """A table of indices, and the two parts of the spectrum squared."""
    if hop < 1 or frame < 2:
        raise ValueError("nothing to cut")
    if frame > x.shape[-1]:
        raise ValueError("too long")
    places = np.arange(0, x.shape[-1] - frame + 1, hop)[:, None] + np.arange(frame)
    spectrum = np.fft.rfft(x[..., places] * (1 - np.cos(2 * np.pi * np.arange(frame) / frame)) / 2)
    return spectrum.real**2 + spectrum.imag**2


@power_spectrogram.style
def by_one_product(x, frame, hop):
    """One matrix of windowed waves for every frame, in float32."""
    if hop < 1 or frame < 2:
        raise ValueError("nothing to cut")
    parts = frames_of(x, frame, hop).astype(np.float32) @ (hann(frame)[:, None] * waves(frame)).astype(np.float32)[0]
    others = frames_of(x, frame, hop).astype(np.float32) @ (hann(frame)[:, None] * waves(frame)).astype(np.float32)[1]
    return parts**2 + others**2
