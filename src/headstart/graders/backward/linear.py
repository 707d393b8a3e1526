"""Back through a linear map: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.backward.witness import agree_all
from headstart.graders.kit import exercise

linear_backward = exercise("linear_backward", "backward", wings=("in_numpy",))

NAMES = ("dx", "dW", "db")
SHAPES = [((), 3, 4), ((5,), 4, 2), ((2, 3), 3, 3), ((1, 1), 2, 5), ((2, 2, 3), 4, 4)]


def linear_by_loops(dout, x, W):
    """One row at a time: dx = W dout, dW += x doutᵀ, db += dout."""
    dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for at in np.ndindex(x.shape[:-1]):
        dx[at] = [sum(W[i, o] * dout[at][o] for o in range(W.shape[1])) for i in range(W.shape[0])]
        dW += x[at][:, None] * dout[at][None, :]
        db += dout[at]
    return dx, dW, db


@linear_backward.law
def linear_by_the_definition(candidate, draw):
    """Each row adds its share to dW and db, and gets back its own dx, for any number of leading axes."""
    for lead, d_in, d_out in SHAPES:
        inputs = draw(*lead, d_out), draw(*lead, d_in), draw(d_in, d_out)
        agree_all(candidate(*inputs), linear_by_loops(*inputs), NAMES)


@linear_backward.law
def slopes_of_the_map(candidate, draw):
    """dx, dW and db equal finite differences of x W + b."""
    dout, x, W, b = draw(2, 3, 2), draw(2, 3, 4), draw(4, 2), draw(2)
    agree_all(candidate(dout, x, W), slopes(lambda x, W, b: x @ W + b, dout, x, W, b), NAMES)


@linear_backward.law
def batches_add_up(candidate, draw):
    """The gradients of W and b from two halves of a batch add up to those of the whole."""
    dout, x, W = draw(4, 3, 3), draw(4, 3, 2), draw(2, 3)
    (_, dW_1, db_1), (_, dW_2, db_2) = candidate(dout[:2], x[:2], W), candidate(dout[2:], x[2:], W)
    _, dW, db = candidate(dout, x, W)
    agree_all((dW, db), (np.add(dW_1, dW_2), np.add(db_1, db_2)), ("dW of the whole batch", "db of the whole batch"))


@linear_backward.mutant("a bias gradient that was not summed over the leading axes: one a row")
def bias_not_summed(dout, x, W):
    return *linear_by_loops(dout, x, W)[:2], dout


@linear_backward.mutant("a bias gradient summed over the batch but not over the tokens (the first axis alone)")
def bias_summed_over_one_axis(dout, x, W):
    return *linear_by_loops(dout, x, W)[:2], dout.sum(0) if dout.ndim > 1 else dout


@linear_backward.mutant("a weight gradient left apart for every batch element: x.mT @ dout, never summed")
def weight_not_summed(dout, x, W):
    dx, _, db = linear_by_loops(dout, x, W)
    return dx, x.mT @ dout if x.ndim > 1 else np.outer(x, dout), db


@linear_backward.mutant("means over the rows instead of sums: the loss has divided already")
def means_for_sums(dout, x, W):
    dx, dW, db = linear_by_loops(dout, x, W)
    rows = dout.size / dout.shape[-1]
    return dx, dW / rows, db / rows


@linear_backward.mutant("dW transposed: dout by x, the layout of nn.Linear's weight")
def weight_transposed(dout, x, W):
    dx, dW, db = linear_by_loops(dout, x, W)
    return dx, dW.T, db


@linear_backward.mutant("dx = dout W instead of dout Wᵀ, where that fits")
def forward_weight_again(dout, x, W):
    return dout @ (W if W.shape[0] == W.shape[1] else W.T), *linear_by_loops(dout, x, W)[1:]


@linear_backward.style
def rows_in_one_axis(dout, x, W):
    """All leading axes folded into one, then two matrix products."""
    rows, grads = x.reshape(-1, x.shape[-1]), dout.reshape(-1, dout.shape[-1])
    return (grads @ W.T).reshape(x.shape), rows.T @ grads, grads.sum(0)


@linear_backward.style
def linear_in_float32(dout, x, W):
    """float32 throughout, a list instead of a tuple."""
    dout, x, W = (a.astype(np.float32) for a in (dout, x, W))
    axes = tuple(range(x.ndim - 1))
    return [dout @ W.T, np.tensordot(x, dout, (axes, axes)), dout.sum(axes)]
