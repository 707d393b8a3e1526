"""Softmax: laws. Known mistakes and accepted styles: see softmax_answers.py."""

import numpy as np

from headstart.graders.attention.witness import softmax_by_loops
from headstart.graders.kit import agree, exercise, expect

softmax = exercise("softmax", "attention", bans=("torch.softmax", "torch.nn.functional.softmax"))


def along(axis, x):
    """Softmax by loops along an axis."""
    return np.apply_along_axis(softmax_by_loops, axis, x)


@softmax.law
def equals_the_definition(candidate, draw):
    """softmax(x)_i is exp(x_i) divided by the sum of exp over the axis."""
    for shape in ((5,), (3, 4), (2, 1, 6), (2, 3, 1), (2, 2, 1, 3)):
        x = draw(*shape, scale=2.0)
        agree(candidate(x), along(-1, x))


@softmax.law
def normalises_the_axis_it_is_told(candidate, draw):
    """The weights sum to one along the axis that was asked for, whichever it is."""
    for axis in (0, 1, 2, -2):
        x = draw(3, 4, 5)
        agree(candidate(x, axis=axis), along(axis, x), f"softmax(x, axis={axis})")
    x = draw(2, 3, 4, 2)
    agree(candidate(x, axis=1), along(1, x), "softmax(x, axis=1) of four axes")


@softmax.law
def sums_to_one(candidate, draw):
    """The weights sum to one with nothing added to the sum, be they spread evenly or all on one entry."""
    x = draw(3, 5) * np.array([[0.1], [1.0], [100.0]])
    agree(np.sum(candidate(x), axis=-1), np.ones(3), "the sum of a row of weights", rtol=0, atol=2e-6)


@softmax.law
def ignores_a_shift(candidate, draw):
    """Adding one number to a whole row changes nothing, however large the number: nothing overflows or vanishes."""
    x = draw(4, 6)
    for shift in (10.0, 800.0, -800.0):
        want = along(-1, x + shift)
        agree(candidate(x + shift), want, f"softmax(x + {shift:g})", rtol=2e-3)  # float32 keeps 4 digits of 800.1


@softmax.law
def rows_of_different_size(candidate, draw):
    """Each row is normalised by itself: one huge row must not wipe out its neighbour."""
    x = draw(3, 5) + np.array([[0.0], [2000.0], [-2000.0]])
    agree(candidate(x), along(-1, x), rtol=2e-3)


@softmax.law
def one_row_of_all_sizes(candidate, draw):
    """Scores thousands apart stand in one row: those near the largest share the weight, whatever the mean is."""
    x = draw(3, 6) + np.array([2000.0, 2000.0, 0.0, 0.0, -2000.0, -2000.0])
    agree(candidate(x), along(-1, x), rtol=2e-3)


@softmax.law
def forbidden_entries(candidate, draw):
    """An entry of -inf gets exactly zero weight, and a row of nothing else gives zeros instead of NaN."""
    x = draw(4, 5)
    x[0, 2] = x[1, :4] = x[3] = -np.inf
    weights = candidate(x)
    agree(weights, along(-1, x))
    expect(np.all(np.asarray(weights)[x == -np.inf] == 0), "an entry of -inf got a weight that is not exactly zero")


@softmax.law(wings=("in_torch",))
def keeps_the_type(candidate, draw):
    """The weights have the type of the scores: PyTorch multiplies float32 values by nothing but float32 weights."""
    x = draw(3, 5).astype(np.float32)
    weights = candidate(x)
    agree(weights, along(-1, x))
    expect(np.asarray(weights).dtype == np.float32, f"float32 scores gave weights of type {weights.dtype}")


@softmax.law(wings=("in_torch",))
def gradient_of_softmax(candidate, draw):
    """The gradient is p · (g - p·g): it flows through the sum as well, and a row of -inf passes zeros back."""
    x, g = draw(4, 5), draw(4, 5)
    x[0, 2] = x[3] = -np.inf
    p = along(-1, x)
    agree(candidate.gradients(g, x)[0], p * (g - (p * g).sum(-1, keepdims=True)), "the gradient")
