"""The Wiener gain: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

wiener_gain = exercise("wiener_gain", "audio", wings=("in_numpy",))

SHAPES = (((), 4, 3), ((2,), 3, 3), ((1,), 1, 5), ((2, 3), 2, 1))


def draw_powers(draw, lead, T, bands):
    """Powers of a noisy spectrogram and of its noise, some cells below the noise, some silent."""
    noisy, noise = draw.rng.uniform(0.05, 3.0, (*lead, T, bands)), draw.rng.uniform(0.2, 1.0, (*lead, bands))
    noisy[..., 0, 0] = 0.0
    noise[..., -1] *= draw.rng.integers(2)  # a band without noise, now and then
    return noisy, noise


def gain_by_loops(noisy, noise, floor=0.0):
    """Cell by cell."""
    out = np.empty_like(noisy)
    for at in np.ndindex(noisy.shape):
        own = noise[(*at[:-2], at[-1])]
        out[at] = max((noisy[at] - own) / noisy[at], floor) if noisy[at] > 0 else floor
    return out


@wiener_gain.law
def share_of_the_signal(candidate, draw):
    """Each cell is (noisy - noise) / noisy with the noise of its own band, at least the floor; 0 by default."""
    for lead, T, bands in SHAPES:
        noisy, noise = draw_powers(draw, lead, T, bands)
        agree(candidate(noisy, noise), gain_by_loops(noisy, noise), "the gain")
        agree(candidate(noisy, noise, 0.1), gain_by_loops(noisy, noise, 0.1), "the gain with a floor of 0.1")


@wiener_gain.law
def silence_is_no_trouble(candidate, draw):
    """A cell without any power gets the floor, not NaN, with noise in its band and without."""
    noisy, noise = np.array([[0.0, 0.0, 2.0]]), np.array([0.5, 0.0, 0.0])
    for floor in (0.0, 0.25):
        agree(candidate(noisy, noise, floor), np.array([[floor, floor, 1.0]]), f"the gain in silence, floor {floor},")


@wiener_gain.law
def only_the_ratio_counts(candidate, draw):
    """Louder sound with louder noise has the same gain, no noise gives 1, signal + noise gives the signal's share."""
    signal, noise = draw.rng.uniform(0.1, 2.0, (3, 4)), draw.rng.uniform(0.1, 1.0, 4)
    share = signal / (signal + noise)
    agree(candidate(signal + noise, noise), share, "the gain of signal + noise")
    for factor in (20.0, 1e-5):
        got = candidate(factor * (signal + noise), factor * noise)
        agree(got, share, f"the gain with all powers times {factor:g}")
    agree(candidate(signal, np.zeros(4)), np.ones((3, 4)), "the gain without noise")


@wiener_gain.law
def a_floor_is_a_share(candidate, draw):
    """A floor below 0, or of 1 and more, is refused by an exception."""
    for floor in (-0.1, 1.0, 1.5):
        expect(candidate.refuses(np.ones((2, 3)), np.ones(3), floor), f"it took a floor of {floor}")


def gain(noisy, noise, floor, rule):
    """A gain by a (wrong) rule on powers that are broadcast already; refuses as it should."""
    if floor < 0 or floor >= 1:
        raise ValueError("the floor is no share")
    return rule(noisy, np.broadcast_to(noise[..., None, :], noisy.shape), np.where(noisy > 0, noisy, 1.0))


@wiener_gain.mutant("a gain without a floor: where the noise is stronger it turns negative")
def negative_gain(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.where(y > 0, (y - n) / s, floor))


@wiener_gain.mutant("the floor added to the gain instead of limiting it")
def floor_added(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: ((y - n) / s).clip(0.0) + floor)


@wiener_gain.mutant("the square root of the gain: what amplitudes are multiplied by where powers are subtracted")
def root_of_the_gain(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.maximum(np.sqrt(((y - n) / s).clip(0.0)), floor))


@wiener_gain.mutant("noisy / (noisy + noise): the noise is counted twice")
def noise_twice(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.where(y > 0, y / (s + n), 0.0).clip(floor))


@wiener_gain.mutant("the share of the noise instead of the signal's")
def share_of_the_noise(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.where(y > 0, n / s, 0.0).clip(floor, 1.0))


@wiener_gain.mutant("the power of the signal, not the share that is left of the noisy one")
def power_for_share(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.where(y > 0, y - n, 0.0).clip(floor))


@wiener_gain.mutant("a gain of 0 or 1: a binary mask instead of a share")
def binary_mask(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.where(y > 2 * n, 1.0, floor))


@wiener_gain.mutant("one noise for all bands: its mean instead of the band's own")
def one_noise(noisy_power, noise_power, floor=0.0):
    mean = np.broadcast_to(noise_power.mean(-1, keepdims=True), noise_power.shape)
    return gain(noisy_power, mean, floor, lambda y, n, s: ((y - n) / s).clip(floor))


@wiener_gain.mutant("zero divided by zero in silence: NaN")
def nan_in_silence(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: np.maximum((y - n) / y, floor))


@wiener_gain.mutant(
    "1 - noise / max(noisy, tiny): a cell without power in a band without noise is kept instead of floored"
)
def silence_kept(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: (1 - n / np.maximum(y, 1e-12)).clip(floor))


@wiener_gain.mutant("a power with 1e-6 added before the division: what was recorded quietly is turned down")
def quiet_is_turned_down(noisy_power, noise_power, floor=0.0):
    return gain(noisy_power, noise_power, floor, lambda y, n, s: ((y - n) / (y + 1e-6)).clip(floor))


@wiener_gain.style
def by_ratio(noisy_power, noise_power, floor=0.0):
    """One minus a ratio, made only where there is power."""
    if not 0 <= floor < 1:
        raise ValueError("the floor is no share")
    noise = np.broadcast_to(noise_power[..., None, :], noisy_power.shape)
    ratio = np.divide(noise, noisy_power, out=np.ones_like(noisy_power), where=noisy_power > 0)
    return np.maximum(1 - ratio, floor)


@wiener_gain.style
def by_signal_to_noise(noisy_power, noise_power, floor=0.0):
    """The textbook's form, snr / (1 + snr), for float32, noise and silence looked after by hand."""
    assert 0 <= floor < 1
    noisy = noisy_power.astype(np.float32)
    noise = np.expand_dims(noise_power, -2).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = np.maximum(noisy / noise - 1, 0)
        share = np.where(noise == 0, 1.0, snr / (1 + snr))
    return np.where(noisy == 0, floor, np.maximum(share, floor))
