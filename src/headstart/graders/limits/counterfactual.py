"""Other weights with the same output: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import Broken, again, agree, exercise, expect

counterfactual_weights = exercise("counterfactual_weights", "limits", wings=("in_numpy",))

SIZES = ((4, 2), (6, 3), (12, 4), (5, 1), (9, 7), (20, 2))


def drawn(draw, T_k, d_head):
    """Weights of a softmax over scores of moderate size, and values."""
    return plain_softmax(draw(T_k)), draw(T_k, d_head)


def cases(draw):
    """Random ones, and one whose key of the least weight is needed: the output, 2.6, is beyond the other values."""
    return [drawn(draw, *size) for size in again(*SIZES)] + [
        (np.array([0.4, 0.3, 0.2, 0.1]), np.array([[0.0], [1.0], [2.0], [19.0]]))
    ]


def asked(candidate, weights, v):
    """The candidate's weights as an array of the right shape."""
    got = np.asarray(candidate(weights, v))
    if got.shape != weights.shape or got.dtype.kind not in "fiu":
        raise Broken(f"the weights have shape {got.shape}, they should be {weights.shape} numbers")
    expect(bool(np.isfinite(got).all()), "a weight is not finite")
    return got


@counterfactual_weights.law
def the_same_output(candidate, draw):
    """The new weights mix the values to the same output."""
    for weights, v in cases(draw):
        agree(asked(candidate, weights, v) @ v, weights @ v, f"the output of {len(v)} keys of width {v.shape[1]}")


@counterfactual_weights.law
def they_are_weights(candidate, draw):
    """No weight is negative, and they sum to one, as softmax's do."""
    for weights, v in cases(draw):
        got = asked(candidate, weights, v)
        agree(got.sum(), 1.0, "the sum of the weights")
        expect(got.min() >= -1e-5, f"a weight is {got.min():.3g}: weights cannot be negative")


@counterfactual_weights.law
def a_key_is_given_up(candidate, draw):
    """A key that had weight has none any more: the attention map tells another story."""
    for size in SIZES:
        weights, v = drawn(draw, *size)
        got = asked(candidate, weights, v)
        expect(got.min() <= 1e-5, f"the smallest weight is {got.min():.3g}, one should have fallen to 0")
        moved = np.abs(got - weights).max()
        expect(moved >= 0.9 * weights.min(), "the weights have hardly moved")


@counterfactual_weights.law
def too_few_keys_are_refused(candidate, draw):
    """With fewer than d_head + 2 keys the output may fix the weights: that is refused."""
    for T_k, d_head in ((3, 2), (4, 4), (1, 1)):
        weights, v = drawn(draw, T_k, d_head)
        expect(candidate.refuses(weights, v), f"it took {T_k} keys of width {d_head}, it should raise ValueError")


def moved(weights, v, *, fixed=None, row=-1, step=None):
    """The weights moved along a direction that leaves `fixed` as it is."""
    if len(v) < v.shape[1] + 2:
        raise ValueError("too few keys")
    fixed = np.column_stack([v, np.ones(len(v))]) if fixed is None else fixed
    direction = np.linalg.svd(fixed.T)[2][row]
    return weights - direction * (1 / (direction / weights).max() if step is None else step(direction))


@counterfactual_weights.mutant("weights that keep the output and not the sum: the row of ones is missing")
def sum_forgotten(weights, v):
    return moved(weights, v, fixed=v)


@counterfactual_weights.mutant("weights that keep the output and turn negative: the step is too long")
def step_of_one(weights, v):
    return moved(weights, v, step=lambda direction: 1.0)


@counterfactual_weights.mutant("the weights as they were: nothing was found")
def unchanged(weights, v):
    if len(v) < v.shape[1] + 2:
        raise ValueError("too few keys")
    return weights.copy()


@counterfactual_weights.mutant("weights moved along a direction that the values feel: the output changes")
def first_direction(weights, v):
    return moved(weights, v, row=0)


@counterfactual_weights.mutant("permuted weights, as in a permutation test: the output changes")
def permuted(weights, v):
    if len(v) < v.shape[1] + 2:
        raise ValueError("too few keys")
    return np.roll(weights, 1)


@counterfactual_weights.mutant("negative weights cut off at zero and rescaled: the output changes")
def clipped(weights, v):
    raw = np.maximum(step_of_one(weights, v), 0.0)
    return raw / raw.sum()


@counterfactual_weights.mutant(
    "the least weight taken out and made good for by the others, some of which turn negative"
)
def least_given_up(weights, v):
    if len(v) < v.shape[1] + 2:
        raise ValueError("too few keys")
    least, others = weights.argmin(), weights > weights.min()
    kept = np.column_stack([v, np.ones(len(v))])
    new = np.zeros_like(weights)
    new[others] = weights[others] + np.linalg.pinv(kept[others].T) @ (weights[least] * kept[least])
    return new


@counterfactual_weights.mutant("weights for too few keys as well, where there is no other answer")
def never_refuses(weights, v):
    if len(v) < v.shape[1] + 2:
        return weights.copy()
    return moved(weights, v)


@counterfactual_weights.style
def by_qr(weights, v):
    """The last column of a complete QR decomposition, a step in the other direction."""
    if v.shape[0] < v.shape[1] + 2:
        raise ValueError("too few keys")
    basis = np.linalg.qr(np.hstack([v, np.ones((len(v), 1))]), mode="complete")[0]
    n = basis[:, -1]
    falling = n < 0
    return weights + n * np.min(weights[falling] / -n[falling])


@counterfactual_weights.style
def by_projection(weights, v):
    """Push against the smallest weight as far as the values allow; which weight falls first is open."""
    T_k, d_head = v.shape
    assert T_k >= d_head + 2
    fixed = np.column_stack([v, np.ones(T_k)])
    wish = np.zeros(T_k)
    wish[np.argmin(weights)] = -1.0
    n = wish - fixed @ np.linalg.lstsq(fixed, wish, rcond=None)[0]
    ratios = np.where(n < -1e-12, -weights / np.where(n < -1e-12, n, -1.0), np.inf)
    return np.maximum(weights + ratios.min() * n, 0.0)
