"""Layer norm: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import again, agree, exercise

LIBRARY = ("torch.nn.functional.layer_norm", "torch.nn.LayerNorm", "torch.layer_norm")

layer_norm = exercise("layer_norm", "norms", chapter="transformer", bans=LIBRARY)

SHAPES = [(2, 3, 4), (1, 5, 6), (5, 5), (3, 2), (4, 4, 4), (7,)]


def layer_norm_by_loops(x, gain, bias, eps=1e-5):
    """Layer norm, one token at a time."""
    out = np.zeros_like(x, dtype=float)
    for at in np.ndindex(x.shape[:-1]):
        mean = sum(x[at]) / len(x[at])
        variance = sum((number - mean) ** 2 for number in x[at]) / len(x[at])
        out[at] = [(n - mean) / math.sqrt(variance + eps) * g + b for n, g, b in zip(x[at], gain, bias, strict=True)]
    return out


@layer_norm.law
def tokens_get_mean_zero_and_variance_one(candidate, draw):
    """Every token is centred and divided by its standard deviation over its own features, for every shape."""
    for shape in again(*SHAPES):
        x, gain, bias = draw(*shape, scale=2.0) + 1.0, draw(shape[-1]), draw(shape[-1])
        agree(candidate(x, gain, bias), layer_norm_by_loops(x, gain, bias))


@layer_norm.law
def epsilon_stands_inside_the_root(candidate, draw):
    """eps is added to the variance before the root: it shows where the variance is small, and saves constant tokens."""
    x, gain, bias = draw(3, 4, 6), draw(6), draw(6)
    agree(candidate(x, gain, bias, eps=0.5), layer_norm_by_loops(x, gain, bias, 0.5), "the output with eps 0.5")
    x = 0.003 * x
    x[0, 1] = 2.0
    agree(candidate(x, gain, bias), layer_norm_by_loops(x, gain, bias), "the output for tokens of tiny variance")


@layer_norm.law
def tokens_are_normalised_alone(candidate, draw):
    """Changing one token moves no other: neither the batch nor the sequence is averaged over."""
    x, gain, bias = draw(3, 4, 5), draw(5), draw(5)
    moved = x.copy()
    moved[1, 2] *= 3.0
    change = np.asarray(candidate(moved, gain, bias)) - np.asarray(candidate(x, gain, bias))
    agree(change, layer_norm_by_loops(moved, gain, bias) - layer_norm_by_loops(x, gain, bias), "the change")


@layer_norm.law(wings=("in_torch",))
def layer_norm_passes_gradients(candidate, draw):
    """The gradient flows through the mean and the variance too, and to gain and bias."""
    inputs, g = (draw(2, 3, 4), draw(4), draw(4)), draw(2, 3, 4)
    for got, want in zip(candidate.gradients(g, *inputs), slopes(layer_norm_by_loops, g, *inputs), strict=True):
        agree(got, want, "the gradient")


def standardised(x, eps, axis=-1, ddof=0):
    """x centred and divided by its standard deviation along an axis (or axes)."""
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, ddof=ddof, keepdims=True) + eps)


@layer_norm.mutant("layer norm whose variance divides by d_model - 1 instead of d_model")
def variance_with_n_minus_one(x, gain, bias, eps=1e-5):
    return standardised(x, eps, ddof=1) * gain + bias


@layer_norm.mutant("layer norm with eps added to the standard deviation, outside the root")
def epsilon_outside_the_root(x, gain, bias, eps=1e-5):
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + eps) * gain + bias


@layer_norm.mutant("layer norm without eps: a token of equal features becomes NaN")
def without_epsilon(x, gain, bias, eps=1e-5):
    return standardised(x, 0.0) * gain + bias


@layer_norm.mutant("a norm over the sequence instead of the features: tokens then depend on each other")
def over_the_time_axis(x, gain, bias, eps=1e-5):
    return standardised(x, eps, axis=-2 if x.ndim > 1 else -1) * gain + bias


@layer_norm.mutant("a batch norm: the statistics are taken over everything but the features")
def over_the_batch(x, gain, bias, eps=1e-5):
    return standardised(x, eps, axis=tuple(range(x.ndim - 1)) if x.ndim > 1 else -1) * gain + bias


@layer_norm.mutant("a norm over the whole sequence and its features together")
def over_tokens_and_features(x, gain, bias, eps=1e-5):
    return standardised(x, eps, axis=(-2, -1) if x.ndim > 1 else -1) * gain + bias


@layer_norm.mutant("layer norm divided by the variance instead of its root")
def divided_by_the_variance(x, gain, bias, eps=1e-5):
    return (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + eps) * gain + bias


@layer_norm.mutant("RMS norm with a bias: the mean was not subtracted")
def not_centred(x, gain, bias, eps=1e-5):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * gain + bias


@layer_norm.mutant("layer norm without its gain and bias")
def nothing_learnt(x, gain, bias, eps=1e-5):
    return standardised(x, eps)


@layer_norm.mutant("layer norm whose gain multiplies the bias too: (normalised + bias) · gain")
def bias_before_gain(x, gain, bias, eps=1e-5):
    return (standardised(x, eps) + bias) * gain


@layer_norm.style
def token_by_token(x, gain, bias, eps=1e-5):
    """A loop over the tokens."""
    return layer_norm_by_loops(x, gain, bias, eps)


@layer_norm.style
def mean_of_squares(x, gain, bias, eps=1e-5):
    """The variance as the mean of the squares minus the squared mean, in float64."""
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * (np.maximum((x * x).mean(-1, keepdims=True) - mean**2, 0.0) + eps) ** -0.5 * gain + bias


@layer_norm.style
def layer_norm_in_float32(x, gain, bias, eps=1e-5):
    """float32 throughout."""
    return standardised(x.astype(np.float32), np.float32(eps)) * gain.astype(np.float32) + bias.astype(np.float32)
