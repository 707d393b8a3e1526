"""Scoring heads: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise

head_importance = exercise("head_importance", "pruning", chapter="efficiency", wings=("in_numpy",))


def loss_of(heads, W):
    """One number for each example, not linear in the heads."""
    return np.array([np.sum(np.tanh(sum(h @ w for h, w in zip(example, W, strict=True)))) for example in heads])


def loss_slopes(heads, W):
    """The derivative of each example's loss by its heads, from the derivative of tanh."""
    slopes = [1 - np.tanh(sum(h @ w for h, w in zip(example, W, strict=True))) ** 2 for example in heads]
    return np.array([[slope @ w.T for w in W] for slope in slopes])


def gate_slopes(heads, W, step=1e-5):
    """|derivative of each example's loss by a gate on one head|, by finite differences, averaged over the examples."""
    found = []
    for h in range(heads.shape[1]):
        gates = np.ones((heads.shape[1], 1, 1))
        gates[h] = step
        high, low = (loss_of(heads * np.where(gates == step, 1 + move, 1.0), W) for move in (step, -step))
        found.append(np.abs(high - low).mean() / (2 * step))
    return np.array(found)


@head_importance.law
def slope_of_a_gate(candidate, draw):
    """A head's importance is how much, on average over the examples, the loss moves with a gate on its output."""
    for B, H, T, d_head in again((4, 3, 5, 2), (1, 2, 3, 4), (3, 4, 1, 1)):
        heads, W = draw(B, H, T, d_head), draw(H, d_head, 3, scale=0.5)
        agree(candidate(heads, loss_slopes(heads, W)), gate_slopes(heads, W), "the importance of each head", atol=1e-4)


@head_importance.law
def examples_do_not_cancel(candidate, draw):
    """Two examples that pull a head in opposite directions both count."""
    heads, dheads = draw(1, 3, 4, 2), draw(1, 3, 4, 2)
    one = np.asarray(candidate(heads, dheads))
    two = candidate(np.concatenate([heads, heads]), np.concatenate([dheads, -dheads]))
    agree(two, one, "the importance from two opposite examples")


@head_importance.law
def features_and_tokens_do_cancel(candidate, draw):
    """What one token gains and another loses within an example cancels: fading the head would change nothing."""
    heads = np.repeat(draw(2, 3, 1, 2), 2, axis=2)
    dheads = draw(2, 3, 1, 2) * np.array([1.0, -1.0])[:, None]
    agree(candidate(heads, dheads), np.zeros(3), "the importance of heads whose tokens cancel")


@head_importance.law
def an_idle_head_scores_zero(candidate, draw):
    """A head that puts out zeros, or whose output nobody uses, has no importance, however large the other array is."""
    heads, dheads = draw(3, 3, 4, 2), draw(3, 3, 4, 2)
    heads[:, 0], dheads[:, 2] = 0.0, 0.0
    got = np.asarray(candidate(heads, dheads))
    agree(got[[0, 2]], [0.0, 0.0], "the importance of the idle heads")
    want = [np.mean([abs(float(np.vdot(a, g))) for a, g in zip(heads[:, 1], dheads[:, 1], strict=True)])]
    agree(got[1:2], want, "the importance of the head at work")


@head_importance.mutant("importance without the absolute value: examples cancel, and harmful heads seem idle")
def no_absolute_value(heads, dheads):
    return (heads * dheads).sum((-2, -1)).mean(0)


@head_importance.mutant("importance with the absolute value after the mean over the examples, which cancel")
def absolute_value_last(heads, dheads):
    return np.abs((heads * dheads).sum((-2, -1)).mean(0))


@head_importance.mutant("importance with the absolute value of every feature: what cancels in the output is counted")
def absolute_value_first(heads, dheads):
    return np.abs(heads * dheads).sum((-2, -1)).mean(0)


@head_importance.mutant("the size of the gradient alone, without the head's output")
def gradient_alone(heads, dheads):
    return np.sqrt((dheads**2).sum((-2, -1))).mean(0)


@head_importance.mutant("the size of a head's output alone: a loud head need not matter")
def output_alone(heads, dheads):
    return np.sqrt((heads**2).sum((-2, -1))).mean(0)


@head_importance.mutant("importance added up over the examples instead of averaged")
def summed_over_examples(heads, dheads):
    return np.abs((heads * dheads).sum((-2, -1))).sum(0)


@head_importance.mutant("importance averaged over tokens and features as well")
def averaged_over_features(heads, dheads):
    return np.abs((heads * dheads).mean((-2, -1))).mean(0)


@head_importance.style
def einsum_of_both(heads, dheads):
    """One contraction, float32."""
    return np.abs(np.einsum("bhtd,bhtd->bh", heads.astype("f4"), dheads.astype("f4"))).mean(axis=0)


@head_importance.style
def head_by_head(heads, dheads):
    """Loops, a list returned as an array."""
    return np.array([
        np.mean([abs(np.vdot(heads[b, h], dheads[b, h])) for b in range(len(heads))]) for h in range(heads.shape[1])
    ])  # fmt: skip
