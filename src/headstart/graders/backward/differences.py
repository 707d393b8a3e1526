"""The outside witness, finite differences: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import draw_qkv, slopes, slopes_at_once
from headstart.graders.backward.witness import QKV, agree_all, closed, draw_attention, forward
from headstart.graders.kit import exercise

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention")

attention_by_differences = exercise(
    "attention_by_differences", "differences", chapter="backward", wings=("in_numpy",), needs=NEEDS
)


SHAPES = [((), 3, 4, 2, 1), ((1,), 2, 2, 1, 3), ((2, 2), 1, 2, 2, 1), ((2,), 2, 1, 1, 2)]  # small: two losses a number


@attention_by_differences.law
def quotient_by_the_definition(candidate, draw):
    """With a large step too, each entry is (loss at + step minus loss at - step) / (2 · step), step by step."""
    for step in (0.5, 0.1):
        dout, q, k, v = draw_attention(draw, (), 2, 3, 2, 1)
        want = slopes_at_once(forward, dout, q, k, v, step=step)
        agree_all(candidate(dout, q, k, v, None, step), want, QKV)


@attention_by_differences.law
def close_to_the_derivative(candidate, draw):
    """With the default step the error is far below the gradient itself, for every shape."""
    for shape in SHAPES:
        dout, q, k, v = draw_attention(draw, *shape)
        agree_all(candidate(dout, q, k, v), slopes_at_once(forward, dout, q, k, v), QKV)


@attention_by_differences.law
def differences_under_masks(candidate, draw):
    """Masked pairs have no slope, and a query that may attend to nothing has none at all."""
    dout, q, k, v = draw_attention(draw, (2,), 3, 3, 1, 1)
    for mask in (np.tri(3, dtype=bool), draw.mask(2, 3, 3), draw.mask(3), closed(draw.mask(3, 3), 1)):
        want = slopes_at_once(lambda q, k, v, mask=mask: forward(q, k, v, mask), dout, q, k, v)
        agree_all(candidate(dout, q, k, v, mask), want, QKV)


@attention_by_differences.law
def work_in_float64(candidate, draw):
    """Inputs in float32 are measured in float64 all the same: a float32 loss is too coarse for a step of 1e-5."""
    dout = draw(2, 2)
    q, k, v = (a.astype(np.float32) for a in draw_qkv(draw, (), 2, 3, 2, 2))
    want = slopes_at_once(forward, dout, *(a.astype(np.float64) for a in (q, k, v)))
    agree_all(candidate(dout, q, k, v), want, QKV)


def differences(step_of, loss=None, dtype=np.float64):
    """Finite differences with (wrong) quotients: `step_of(high, middle, low, step)`."""

    def gradients(dout, q, k, v, mask=None, step=1e-5):
        inputs, results = [np.array(a, dtype=dtype) for a in (q, k, v)], []
        value = (lambda: np.sum(dout.astype(dtype) * forward(*inputs, mask))) if loss is None else loss(inputs, mask)
        for array in inputs:
            result = np.zeros(array.shape)
            for at in np.ndindex(array.shape):
                middle, found = array[at], []
                for side in (middle + step, middle, middle - step):
                    array[at] = side
                    found.append(value())
                array[at] = middle
                result[at] = step_of(*found, step)
            results.append(result)
        return tuple(results)

    return gradients


@attention_by_differences.mutant("forward differences, (f(x + h) - f(x)) / h: an error of order h instead of h²")
def forward_differences(*args):
    return differences(lambda high, middle, low, step: (high - middle) / step)(*args)


@attention_by_differences.mutant("central differences divided by h instead of 2h: twice the gradient")
def divided_by_one_step(*args):
    return differences(lambda high, middle, low, step: (high - low) / step)(*args)


@attention_by_differences.mutant("central differences of the plain sum of the outputs: dout is left out")
def without_dout(dout, q, k, v, mask=None, step=1e-5):
    def total(inputs, mask):
        return lambda: np.sum(forward(*inputs, mask))

    return differences(lambda high, middle, low, h: (high - low) / (2 * h), total)(dout, q, k, v, mask, step)


@attention_by_differences.mutant("central differences in float32, where rounding drowns the difference")
def differences_in_float32(*args):
    return differences(lambda high, middle, low, step: (high - low) / (2 * step), dtype=np.float32)(*args)


@attention_by_differences.mutant("central differences that ignore the mask")
def differences_without_mask(dout, q, k, v, mask=None, step=1e-5):
    return differences(lambda high, middle, low, h: (high - low) / (2 * h))(dout, q, k, v, None, step)


@attention_by_differences.mutant("central differences with the sign turned round, f(x - h) - f(x + h)")
def differences_backwards(*args):
    return differences(lambda high, middle, low, step: (low - high) / (2 * step))(*args)


@attention_by_differences.mutant("all entries of an array moved at once: the sum of its slopes in every place")
def all_entries_at_once(dout, q, k, v, mask=None, step=1e-5):
    def loss(*inputs):
        return np.sum(dout * forward(*inputs, mask))

    inputs, results = [q, k, v], []
    for i, array in enumerate(inputs):
        high, low = (loss(*inputs[:i], array + side, *inputs[i + 1 :]) for side in (step, -step))
        results.append(np.full(array.shape, (high - low) / (2 * step)))
    return tuple(results)


@attention_by_differences.style
def differences_by_basis_vectors(dout, q, k, v, mask=None, step=1e-5):
    """A copy for every entry, moved along one basis vector."""
    return slopes(lambda *inputs: forward(*inputs, mask), dout, *(a.astype(np.float64) for a in (q, k, v)), step=step)


@attention_by_differences.style
def differences_as_a_tuple(*args):
    """In place, restored after each entry."""
    return differences(lambda high, middle, low, step: (high - low) / (2 * step))(*args)
