"""Back through layer norm: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.backward.witness import agree_all
from headstart.graders.kit import agree, exercise

layer_norm_backward = exercise("layer_norm_backward", "backward_layer", chapter="backward", wings=("in_numpy",))

SHAPES = ((5,), (3, 4), (2, 3, 6), (1, 1, 3), (4, 4))
NAMES = ("dx", "dgain", "dbias")


def norm_by_loops(x, gain, bias, eps=1e-5):
    """One token at a time: subtract its mean, divide by the root of its variance plus eps."""
    out = np.zeros(x.shape)
    for at in np.ndindex(x.shape[:-1]):
        mean = sum(x[at]) / len(x[at])
        variance = sum((number - mean) ** 2 for number in x[at]) / len(x[at])
        out[at] = gain * (x[at] - mean) / math.sqrt(variance + eps) + bias
    return out


@layer_norm_backward.law
def slopes_of_the_norm(candidate, draw):
    """dx, dgain and dbias equal finite differences of layer norm, for every shape."""
    for shape in SHAPES:
        x = draw(*shape) + 2.0 * np.arange(shape[-1])  # no token without spread: float32 would lose its digits there
        dout, gain, bias = draw(*shape), draw(shape[-1]), draw(shape[-1])
        agree_all(candidate(dout, x, gain), slopes(norm_by_loops, dout, x, gain, bias), NAMES)


@layer_norm_backward.law
def epsilon_on_the_way_back(candidate, draw):
    """eps counts where a token hardly varies; its default is 1e-5."""
    dout, x, gain = draw(3, 4), draw(3, 4), draw(4)
    for eps in (0.5, 2.0):
        want = slopes(lambda x, gain, bias, eps=eps: norm_by_loops(x, gain, bias, eps), dout, x, gain, np.zeros(4))
        agree_all(candidate(dout, x, gain, eps), want, NAMES)
    x = 0.03 * x  # a variance of which even 1e-5 is a part
    want = slopes(norm_by_loops, dout, x, gain, np.zeros(4))
    agree_all(candidate(dout, x, gain), want, NAMES, atol=1e-3)


@layer_norm_backward.law
def nothing_along_shift_and_size(candidate, draw):
    """dx sums to zero over the features, and dx · x too for a token of large spread: neither shift nor size counts."""
    dout, x, gain = draw(2, 3, 5), 5.0 * draw(2, 3, 5), draw(5)
    dx = np.asarray(candidate(dout, x, gain)[0])
    agree(dx.sum(-1), np.zeros((2, 3)), "the sum of dx over the features")
    agree((dx * x).sum(-1), np.zeros((2, 3)), "dx · x", atol=1e-4)


def norm_back(dout, x, gain, eps=1e-5, minus_mean=1.0, minus_along=1.0, ddof=0, gained=True):
    """A (wrong) backward pass of layer norm."""
    spread = np.sqrt(x.var(-1, keepdims=True, ddof=ddof) + eps)
    normal = (x - x.mean(-1, keepdims=True)) / spread
    d = dout * gain if gained else dout
    dx = d - minus_mean * d.mean(-1, keepdims=True) - minus_along * normal * (d * normal).mean(-1, keepdims=True)
    axes = tuple(range(x.ndim - 1))
    return dx / spread, (dout * normal).sum(axes), dout.sum(axes)


@layer_norm_backward.mutant("layer norm backward with mean and variance taken for constants: dout · gain / √variance")
def statistics_as_constants(*args):
    return norm_back(*args, minus_mean=0.0, minus_along=0.0)


@layer_norm_backward.mutant("layer norm backward without the term that comes through the variance")
def variance_as_constant(*args):
    return norm_back(*args, minus_along=0.0)


@layer_norm_backward.mutant("layer norm backward without the term that comes through the mean")
def mean_as_constant(*args):
    return norm_back(*args, minus_mean=0.0)


@layer_norm_backward.mutant("layer norm backward with the variance divided by n - 1")
def backward_unbiased(*args):
    return norm_back(*args, ddof=1)


@layer_norm_backward.mutant("layer norm backward with eps added to the root of the variance, not to the variance")
def backward_eps_outside(dout, x, gain, eps=1e-5):
    spread = x.std(-1, keepdims=True)
    return norm_back(dout, x, gain, (spread + eps) ** 2 - spread**2)


@layer_norm_backward.mutant("layer norm backward that leaves eps out")
def backward_without_eps(dout, x, gain, eps=1e-5):
    return norm_back(dout, x, gain, 0.0)


@layer_norm_backward.mutant("layer norm backward that forgets the gain on the way to x")
def gain_forgotten(*args):
    return norm_back(*args, gained=False)


@layer_norm_backward.mutant("layer norm backward with dgain and dbias not summed over the leading axes")
def norm_not_summed(dout, x, gain, eps=1e-5):
    spread = np.sqrt(x.var(-1, keepdims=True) + eps)
    return norm_back(dout, x, gain, eps)[0], dout * (x - x.mean(-1, keepdims=True)) / spread, dout


@layer_norm_backward.mutant("layer norm backward with dgain taken from x instead of the normalised x")
def dgain_from_x(dout, x, gain, eps=1e-5):
    dx, _, dbias = norm_back(dout, x, gain, eps)
    return dx, (dout * x).sum(tuple(range(x.ndim - 1))), dbias


@layer_norm_backward.style
def norm_back_through_the_jacobian(dout, x, gain, eps=1e-5):
    """The Jacobian (I - 1/n - n̂ n̂ᵀ/n) / spread of each token, built and multiplied."""
    n = x.shape[-1]
    spread = np.sqrt(x.var(-1) + eps)[..., None]
    normal = (x - x.mean(-1, keepdims=True)) / spread
    jacobian = (np.eye(n) - 1 / n - normal[..., :, None] * normal[..., None, :] / n) / spread[..., None]
    axes = tuple(range(x.ndim - 1))
    return np.einsum("...i,...ij->...j", dout * gain, jacobian), (dout * normal).sum(axes), dout.sum(axes)


@layer_norm_backward.style
def norm_back_in_float32(dout, x, gain, eps=1e-5):
    """float32 throughout."""
    return norm_back(*(a.astype(np.float32) for a in (dout, x, gain)), eps)
