"""RMS norm: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import again, agree, exercise
from headstart.graders.transformer.layer_norm import SHAPES, standardised

LIBRARY = ("torch.nn.functional.rms_norm", "torch.nn.RMSNorm", "torch.rms_norm")

rms_norm = exercise("rms_norm", "norms", chapter="transformer", bans=LIBRARY)


def rms_norm_by_loops(x, gain, eps=1e-6):
    """RMS norm, one token at a time."""
    out = np.zeros_like(x, dtype=float)
    for at in np.ndindex(x.shape[:-1]):
        root = math.sqrt(sum(number**2 for number in x[at]) / len(x[at]) + eps)
        out[at] = [number / root * g for number, g in zip(x[at], gain, strict=True)]
    return out


@rms_norm.law
def tokens_get_root_mean_square_one(candidate, draw):
    """Every token is divided by the root of the mean of its squared features, for every shape."""
    for shape in again(*SHAPES):
        x, gain = draw(*shape, scale=2.0) + 1.0, draw(shape[-1])
        agree(candidate(x, gain), rms_norm_by_loops(x, gain))


@rms_norm.law
def epsilon_stands_inside_this_root(candidate, draw):
    """eps is added to the mean square before the root: it shows where a token is small, and saves a token of zeros."""
    x, gain = draw(3, 4, 6), draw(6)
    agree(candidate(x, gain, eps=0.5), rms_norm_by_loops(x, gain, 0.5), "the output with eps 0.5")
    x = 0.001 * x
    x[0, 1] = 0.0
    agree(candidate(x, gain), rms_norm_by_loops(x, gain), "the output for tiny tokens")


@rms_norm.law
def the_mean_stays(candidate, draw):
    """Nothing is centred: a token whose features are all equal becomes plus or minus the gain, not zero."""
    gain, level = draw(5), np.array([[3.0], [-2.0]])
    agree(candidate(level * np.ones((2, 5)), gain), np.sign(level) * gain, "the output for constant tokens")


@rms_norm.law(wings=("in_torch",))
def rms_norm_passes_gradients(candidate, draw):
    """The gradient flows through the root mean square too, and to the gain."""
    inputs, g = (draw(2, 3, 4), draw(4)), draw(2, 3, 4)
    for got, want in zip(candidate.gradients(g, *inputs), slopes(rms_norm_by_loops, g, *inputs), strict=True):
        agree(got, want, "the gradient")


@rms_norm.mutant("layer norm without a bias: the mean was subtracted")
def centred_after_all(x, gain, eps=1e-6):
    return standardised(x, eps) * gain


@rms_norm.mutant("RMS norm with eps added outside the root")
def rms_epsilon_outside(x, gain, eps=1e-6):
    return x / (np.sqrt((x**2).mean(-1, keepdims=True)) + eps) * gain


@rms_norm.mutant("RMS norm without eps: a token of zeros becomes NaN")
def rms_without_epsilon(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True)) * gain


@rms_norm.mutant(
    "division by the length of the token's vector: the squares were summed, not averaged, a factor √d_model off"
)
def euclidean_length(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).sum(-1, keepdims=True) + eps) * gain


@rms_norm.mutant("RMS norm over the sequence instead of the features")
def rms_over_time(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).mean(-2 if x.ndim > 1 else -1, keepdims=True) + eps) * gain


@rms_norm.mutant("RMS norm times (1 + gain): some checkpoints store the gain minus one, this contract does not")
def gain_plus_one(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * (1.0 + gain)


@rms_norm.mutant("RMS norm without its gain")
def rms_without_gain(x, gain, eps=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)


@rms_norm.style
def rms_by_einsum(x, gain, eps=1e-6):
    """The sum of squares as an inner product."""
    squares = np.einsum("...d,...d->...", x, x)[..., None]
    return gain * x * (squares / x.shape[-1] + eps) ** -0.5


@rms_norm.style
def rms_in_float32(x, gain, eps=1e-6):
    """float32 inside, cast back at the end."""
    y = x.astype(np.float32)
    return (y / np.sqrt((y**2).mean(-1, keepdims=True) + np.float32(eps)) * gain).astype(x.dtype)
