"""The loss of packed rows: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import slopes, softmax_by_loops
from headstart.graders.kit import agree, exercise

packed_loss = exercise("packed_loss", "training_packing", chapter="training", needs=("log_sum_exp",))


def losses_by_loops(logits, tokens, ids):
    """A list of (row, loss) for every token that has a next one in its own document."""
    found = []
    for at in np.ndindex(tokens.shape):
        row, t = at[:-1], at[-1]
        if t + 1 < tokens.shape[-1] and ids[at] == ids[(*row, t + 1)] != -1:
            found.append((row, -math.log(softmax_by_loops(list(logits[at]))[tokens[(*row, t + 1)]])))
    return found


def loss_by_loops(logits, tokens, ids):
    """The mean over tokens."""
    losses = [loss for _, loss in losses_by_loops(logits, tokens, ids)]
    return sum(losses) / max(1, len(losses))


def draw_rows(draw, *shape, n_vocab=5):
    """Logits, tokens and ids of rows with documents of one to three tokens and padding at the end of the first row."""
    ids = np.sort(draw.rng.integers(3, size=shape), axis=-1)
    ids.reshape(-1, shape[-1])[0, -2:] = -1
    return draw(*shape, n_vocab, scale=2.0), draw.rng.integers(n_vocab, size=shape), ids


@packed_loss.law
def mean_over_tokens(candidate, draw):
    """One mean over all tokens of all rows that have a next token in their own document."""
    for shape in ((6,), (2, 5), (3, 7), (2, 2, 4)):
        inputs = draw_rows(draw, *shape)
        agree(candidate(*inputs), loss_by_loops(*inputs), f"the loss of tokens of shape {shape}")


@packed_loss.law
def rows_count_by_their_tokens(candidate, draw):
    """A full row weighs more than a row that is nearly all padding."""
    logits, tokens, _ = draw_rows(draw, 2, 8)
    ids = np.array([[0] * 8, [1, 1] + [-1] * 6])
    logits[1, 0] *= 4.0
    agree(
        candidate(logits, tokens, ids), loss_by_loops(logits, tokens, ids), "the loss of a full and a nearly empty row"
    )


@packed_loss.law
def no_loss_across_a_border(candidate, draw):
    """What a document's last token predicts, and all that is said in the padding, changes nothing."""
    logits, tokens, _ = draw_rows(draw, 6)
    ids = np.array([4, 4, 9, 9, -1, -1])
    other = logits.copy()
    other[[1, 3, 4, 5]] += draw(4, 5, scale=3.0)
    for one in (logits, other):
        agree(candidate(one, tokens, ids), loss_by_loops(logits, tokens, ids), "the loss")


@packed_loss.law
def packing_changes_nothing(candidate, draw):
    """The same documents one a row, or side by side in one row, have the same loss."""
    logits, tokens, ids = draw(5, 4), draw.rng.integers(4, size=5), np.array([0, 0, 0, 1, 1])
    apart = np.zeros((2, 3, 4)), np.zeros((2, 3), dtype=int), np.array([[0, 0, 0], [1, 1, -1]])
    apart[0][0], apart[0][1, :2], apart[1][0], apart[1][1, :2] = logits[:3], logits[3:], tokens[:3], tokens[3:]
    want = loss_by_loops(logits, tokens, ids)
    agree(candidate(logits, tokens, ids), want, "the loss of one row")
    agree(candidate(*apart), want, "the loss of two rows")


@packed_loss.law
def nothing_to_predict(candidate, draw):
    """Where no token has a next one, the loss is zero; logits in the thousands give finite losses."""
    agree(candidate(draw(3, 4), np.array([1, 2, 3]), np.array([0, 1, -1])), 0.0, "the loss of single tokens")
    agree(candidate(draw(2, 1, 4), np.array([[1], [2]]), np.array([[0], [1]])), 0.0, "the loss of rows of one token")
    one = draw(2, 4)
    agree(candidate(one, np.array([1, 2]), np.array([3, 3])), -math.log(softmax_by_loops(list(one[0]))[2]), "one loss")
    large = np.array([[900.0, 0.0, -900.0], [0.0, 900.0, 880.0], [0.0, 0.0, 0.0]])
    agree(candidate(large, np.array([0, 1, 2]), np.zeros(3, dtype=int)), (900.0 + 20.0) / 2, "the loss of large logits")


@packed_loss.law(wings=("in_torch",))
def the_loss_passes_gradients(candidate, draw):
    """The logits get their gradients, zeros at the last token of a document, in the padding, or if nothing counts."""
    inputs = draw_rows(draw, 2, 5, n_vocab=3)
    want = slopes(lambda logits: loss_by_loops(logits, *inputs[1:]), 1.0, inputs[0])[0]
    agree(candidate.gradients(np.array(1.0), *inputs)[0], want, "the gradient")
    nothing = draw(3, 4), np.array([1, 2, 3]), np.array([0, 1, -1])
    agree(candidate.gradients(np.array(1.0), *nothing)[0], np.zeros((3, 4)), "the gradient where no token counts")


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
