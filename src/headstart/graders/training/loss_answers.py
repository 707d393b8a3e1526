"""Wrong and unusual answers to the loss of packed rows: known mistakes and accepted styles."""

import math

import numpy as np

from headstart.graders.training.loss import packed_loss


def loss_with(counts=lambda here, after: (here == after) & (here != -1), mean=None, shift=1, stable=True):
    """The loss with a (wrong) choice of tokens, mean or shift."""

    def loss(logits, tokens, ids):
        T = tokens.shape[-1]
        counted = counts(ids[..., : T - 1], ids[..., 1:])
        scores, wanted = logits[..., : T - 1, :], tokens[..., shift : T - 1 + shift]
        top = scores.max(-1, keepdims=True) if stable else 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            log_p = scores - top - np.log(np.exp(scores - top).sum(-1, keepdims=True))
        losses = np.where(counted, -np.take_along_axis(log_p, wanted[..., None], -1)[..., 0], 0.0)
        return mean(losses, counted) if mean else losses.sum() / max(1, counted.sum())

    return loss


@packed_loss.mutant("a loss across the borders: the last token of a document predicts the first of the next")
def across_borders(*inputs):
    return loss_with(lambda here, after: (here != -1) & (after != -1))(*inputs)


@packed_loss.mutant("a loss in which the padding counts: -1 equals -1 like any other document")
def padding_counts(*inputs):
    return loss_with(lambda here, after: here == after)(*inputs)


@packed_loss.mutant("the loss of one long row: the last token of a row predicts the first of the next")
def rows_end_to_end(logits, tokens, ids):
    return loss_with()(logits.reshape(-1, logits.shape[-1]), tokens.reshape(-1), ids.reshape(-1))


@packed_loss.mutant("a mean of the rows' means: a row with two tokens weighs as much as a full one")
def mean_of_means(*inputs):
    def mean(losses, counted):
        rows = losses.sum(-1) / np.maximum(1, counted.sum(-1))
        return rows.mean()

    return loss_with(mean=mean)(*inputs)


@packed_loss.mutant("a sum over the tokens that count, divided by all places, padding and borders too")
def divided_by_all(*inputs):
    return loss_with(mean=lambda losses, counted: losses.sum() / max(1, losses.size))(*inputs)


@packed_loss.mutant("a sum over tokens instead of their mean")
def a_sum(*inputs):
    return loss_with(mean=lambda losses, counted: losses.sum())(*inputs)


@packed_loss.mutant("a loss without the shift: each row of logits is scored against its own token")
def not_shifted(*inputs):
    return loss_with(shift=0)(*inputs)


@packed_loss.mutant("a softmax without the maximum subtracted: large logits overflow")
def overflowing_loss(*inputs):
    return loss_with(stable=False)(*inputs)


@packed_loss.style
def by_one_hot_targets(logits, tokens, ids):
    """One-hot targets, rows of zeros where nothing counts."""
    counted = (ids[..., :-1] == ids[..., 1:]) & (ids[..., :-1] >= 0)
    targets = np.eye(logits.shape[-1])[tokens[..., 1:]] * counted[..., None]
    shifted = logits[..., :-1, :] - logits[..., :-1, :].max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return -(targets * log_p).sum() / max(1.0, targets.sum())


@packed_loss.style
def token_by_token(logits, tokens, ids):
    """A plain loop."""
    places = [(*at[:-1], at[-1]) for at in np.ndindex(tokens.shape) if at[-1] + 1 < tokens.shape[-1]]
    after = [(*at[:-1], at[-1] + 1) for at in places]
    pairs = [(at, to) for at, to in zip(places, after, strict=True) if ids[at] == ids[to] and ids[at] >= 0]
    lost = 0.0
    for at, to in pairs:
        top = logits[at].max()
        lost += math.log(np.exp(logits[at] - top).sum()) + top - logits[at][tokens[to]]
    return float(lost) / max(1, len(pairs))
