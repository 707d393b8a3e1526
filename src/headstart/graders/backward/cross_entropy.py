"""Back through softmax and the mean cross entropy together: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax, slopes, softmax_by_loops
from headstart.graders.kit import agree, exercise

cross_entropy_backward = exercise("cross_entropy_backward", "backward", wings=("in_numpy",), needs=("softmax",))


def loss_by_loops(logits, targets):
    """The mean cross entropy over the rows that count, one number at a time."""
    loss = 0.0
    for at in np.ndindex(logits.shape[:-1]):
        p = softmax_by_loops(list(logits[at]))
        loss -= sum(t * math.log(p[j]) for j, t in enumerate(targets[at]) if t)
    return loss / targets.sum()


def one_hot(draw, *shape):
    """Labels as rows with a single one."""
    return np.eye(shape[-1])[draw.rng.integers(shape[-1], size=shape[:-1])]


@cross_entropy_backward.law
def slopes_of_the_loss(candidate, draw):
    """It equals finite differences of the mean cross entropy, for one row and for any number of leading axes."""
    for shape in ((4,), (3, 5), (2, 3, 4), (1, 2)):
        logits, targets = draw(*shape), one_hot(draw, *shape)
        want = slopes(lambda logits, targets=targets: loss_by_loops(logits, targets), 1.0, logits)[0]
        agree(candidate(logits, targets), want, "the gradient")


@cross_entropy_backward.law
def padding_does_not_count(candidate, draw):
    """Rows of zeros get no gradient, and the mean is over the other rows alone."""
    logits, targets = draw(2, 4, 3), one_hot(draw, 2, 4, 3)
    targets[0, 2:] = targets[1, 1] = 0.0
    got = candidate(logits, targets)
    agree(got, slopes(lambda logits: loss_by_loops(logits, targets), 1.0, logits)[0], "the gradient")


@cross_entropy_backward.law
def smoothed_targets(candidate, draw):
    """Targets may be any distribution: label smoothing, a teacher's probabilities."""
    logits, targets = draw(3, 5), 0.9 * one_hot(draw, 3, 5) + 0.1 / 5
    want = slopes(lambda logits: loss_by_loops(logits, targets), 1.0, logits)[0]
    agree(candidate(logits, targets), want, "the gradient")


@cross_entropy_backward.law
def large_logits(candidate, draw):
    """Logits in the thousands give finite gradients."""
    logits, targets = draw(2, 3) + np.array([[1000.0], [-1000.0]]), one_hot(draw, 2, 3)
    want = (np.apply_along_axis(softmax_by_loops, -1, logits) - targets) / 2
    agree(candidate(logits, targets), want, "the gradient", rtol=2e-3)


def entropy_gradient(logits, targets, rows=None):
    """The right gradient, or one with another number of rows in the mean."""
    counts = targets.sum(-1, keepdims=True)
    return (plain_softmax(logits) * counts - targets) / (counts.sum() if rows is None else rows)


@cross_entropy_backward.mutant("the gradient of the summed loss: not divided by the number of rows")
def not_averaged(logits, targets):
    return entropy_gradient(logits, targets, 1.0)


@cross_entropy_backward.mutant("a mean over all rows, those of padding included")
def padding_in_the_mean(logits, targets):
    return entropy_gradient(logits, targets, math.prod(logits.shape[:-1]))


@cross_entropy_backward.mutant("a mean over all numbers: divided by the number of classes as well")
def averaged_over_classes(logits, targets):
    return entropy_gradient(logits, targets) / logits.shape[-1]


@cross_entropy_backward.mutant("targets - softmax: the gradient with its sign turned round, which climbs")
def uphill(logits, targets):
    return -entropy_gradient(logits, targets)


@cross_entropy_backward.mutant("-targets / softmax: the derivative by the probabilities, not by the logits")
def by_the_probabilities(logits, targets):
    return -targets / plain_softmax(logits) / targets.sum()


@cross_entropy_backward.mutant("a padded row that is pushed towards nothing: its softmax is left as its gradient")
def padding_pushed(logits, targets):
    return (plain_softmax(logits) - targets) / targets.sum()


@cross_entropy_backward.mutant("softmax without the maximum subtracted, which overflows for large logits")
def overflowing_loss(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return (p * targets.sum(-1, keepdims=True) - targets) / targets.sum()


@cross_entropy_backward.style
def through_the_probabilities(logits, targets):
    """dp of the logarithm, then back through softmax."""
    p = plain_softmax(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        dp = np.where(targets > 0, -targets / p, 0.0) / targets.sum()
    dx = p * (dp - (dp * p).sum(-1, keepdims=True))
    return np.where(np.isfinite(dx), dx, entropy_gradient(logits, targets))


@cross_entropy_backward.style
def entropy_in_float32(logits, targets):
    """float32 throughout."""
    return entropy_gradient(logits.astype(np.float32), targets.astype(np.float32))
