"""The loss of packed rows: laws; see loss_answers.py for answers."""

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
def rows_do_not_touch(candidate, draw):
    """The end of a row predicts nothing of the next row, not even where every row numbers its documents from 0."""
    logits, tokens, _ = draw_rows(draw, 3, 4)
    ids = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]])
    agree(candidate(logits, tokens, ids), loss_by_loops(logits, tokens, ids), "the loss of rows numbered alike")


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
