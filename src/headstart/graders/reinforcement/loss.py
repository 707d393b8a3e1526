"""The loss of a decision model: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

decision_loss = exercise("decision_loss", "reinforcement", wings=("in_numpy",), needs=("log_sum_exp",))

SHAPES = (((), 5, 3), ((1,), 1, 4), ((2,), 4, 5), ((2, 3), 3, 2))  # leading axes, T, n_actions


def surprises(logits, actions, row=1):
    """-log softmax(scores)[action] of every step, one step at a time, read at the step's token `row`."""
    out = np.zeros(actions.shape)
    for *at, t in np.ndindex(actions.shape):
        scores = logits[*at, 3 * t + row]
        top = scores.max()
        out[*at, t] = top + np.log(np.exp(scores - top).sum()) - scores[actions[*at, t]]
    return out


def draw_batch(draw, lead, T, n_actions):
    """Scores for every token, actions, and padding in front; the last step of every row is real."""
    actions = draw.rng.integers(n_actions, size=(*lead, T))
    padding = draw.rng.integers(T, size=lead)
    return draw(*lead, 3 * T, n_actions, scale=2.0), actions, np.arange(T) >= padding[..., None]


@decision_loss.law
def mean_surprise_at_the_states(candidate, draw):
    """The loss is the mean of -log softmax(scores)[action] at the tokens of the states, over all real steps."""
    for shape in SHAPES:
        logits, actions, real = draw_batch(draw, *shape)
        want = surprises(logits, actions)[real].mean()
        agree(candidate(logits, actions, real), want, f"the loss of {shape[1]} steps, leading axes {shape[0]}")


@decision_loss.law
def other_tokens_do_not_count(candidate, draw):
    """Scores at the tokens of returns and of actions, without the state or with the answer, are idle."""
    logits, actions, real = draw_batch(draw, (3,), 4, 5)
    other = logits.copy()
    other[:, 0::3], other[:, 2::3] = draw(3, 4, 5, scale=9.0), draw(3, 4, 5, scale=9.0)
    agree(candidate(other, actions, real), surprises(logits, actions)[real].mean(), "the loss with other idle rows")


@decision_loss.law
def padding_does_not_count(candidate, draw):
    """Whatever stands in the padding is in neither the sum nor the number that it is divided by."""
    logits, actions, _ = draw_batch(draw, (3,), 5, 4)
    for lengths in ((2, 5, 1), (0, 4, 3)):
        real = np.arange(5) >= 5 - np.array(lengths)[:, None]
        padded = np.where(np.repeat(real, 3, axis=-1)[..., None], logits, 20.0 * logits)
        agree(candidate(padded, actions, real), surprises(logits, actions)[real].mean(), f"the loss of {lengths} steps")


@decision_loss.law
def large_scores_stay_finite(candidate, draw):
    """Scores in the thousands do not overflow: a sure model pays nothing where right, the difference where not."""
    logits, actions = np.zeros((6, 3)), np.array([1, 2])
    logits[1], logits[4] = [0.0, 3000.0, 0.0], [-2000.0, 0.0, -1000.0]
    agree(candidate(logits, actions, np.array([True, True])), 500.0, "the loss of scores in the thousands")
    agree(candidate(logits, actions, np.array([True, False])), 0.0, "the loss of a sure and right model")


@decision_loss.law
def three_rows_for_each_step(candidate, draw):
    """One row a step, or any number but three, is refused with an exception."""
    logits, actions, real = draw_batch(draw, (2,), 4, 5)
    for rows in (logits[:, :4], logits[:, :11], np.concatenate([logits, logits[:, :1]], axis=1)):
        expect(candidate.refuses(rows, actions, real), f"it took {rows.shape[1]} rows of scores for 4 steps")


def loss_with(row=1, keep=lambda real: real, join=np.mean, shift=0):
    """A loss read at another token, over other steps, or summed up in another way."""

    def run(logits, actions, real):
        assert logits.shape[-2] == 3 * actions.shape[-1], "three rows a step"
        return join(surprises(logits, np.roll(actions, -shift, axis=-1), row)[keep(real)])

    return run


@decision_loss.mutant("the loss at the tokens of the ACTIONS, which have seen the answer")
def at_the_actions(*args):
    return loss_with(row=2)(*args)


@decision_loss.mutant("the loss at the tokens of the RETURNS, which have not seen the state")
def at_the_returns(*args):
    return loss_with(row=0)(*args)


@decision_loss.mutant("a mean over all steps, the padding's too")
def padding_counted(*args):
    return loss_with(keep=np.ones_like)(*args)


@decision_loss.mutant("a sum over the real steps instead of their mean: it grows with their number")
def summed_up(*args):
    return loss_with(join=np.sum)(*args)


@decision_loss.mutant("the sum over the real steps divided by the number of all steps")
def divided_by_all(logits, actions, real):
    assert logits.shape[-2] == 3 * actions.shape[-1], "three rows a step"
    return surprises(logits, actions)[real].sum() / real.size


@decision_loss.mutant("the surprise of the NEXT step's action: shifted by a whole step, like a language model's token")
def shifted_by_a_step(*args):
    return loss_with(shift=1)(*args)


@decision_loss.mutant("the padding inverted: only steps that are not real count")
def only_the_padding(*args):
    return loss_with(keep=np.logical_not, join=lambda s: s.sum() / max(s.size, 1))(*args)


@decision_loss.mutant("minus the mean score of the actions, without the softmax's normaliser")
def no_normaliser(logits, actions, real):
    assert logits.shape[-2] == 3 * actions.shape[-1], "three rows a step"
    return -np.take_along_axis(logits[..., 1::3, :], actions[..., None], -1)[..., 0][real].mean()


@decision_loss.mutant("a softmax without subtracting the maximum: large scores overflow")
def overflowing(logits, actions, real):
    assert logits.shape[-2] == 3 * actions.shape[-1], "three rows a step"
    e = np.exp(logits[..., 1::3, :])
    return -np.log(np.take_along_axis(e / e.sum(-1, keepdims=True), actions[..., None], -1)[..., 0])[real].mean()


@decision_loss.style
def one_step_after_another(logits, actions, real):
    """A loop over the real steps, with the scores shifted by their maximum."""
    if logits.shape[-2] != 3 * actions.shape[-1]:
        raise ValueError("rows")
    total = []
    for *at, t in np.argwhere(real):
        scores = logits[*at, 3 * t + 1]
        total.append(np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[actions[*at, t]])
    return float(np.mean(total))


@decision_loss.style
def by_one_hot_float32(logits, actions, real):
    """Real steps first, then log-softmax in float32 and a one-hot product."""
    *lead, T = actions.shape
    scores = logits.reshape(*lead, T, 3, logits.shape[-1])[..., 1, :][real].astype(np.float32)
    shifted = scores - scores.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    hot = np.arange(logits.shape[-1]) == actions[real][:, None]
    return -np.where(hot, log_p, 0.0).sum() / real.sum()
