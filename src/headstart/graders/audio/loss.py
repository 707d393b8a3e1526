"""CTC's loss: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.audio.witness import draw_log_probs, loss_over_paths, sums_over_paths
from headstart.graders.kit import agree, exercise, expect

ctc_loss = exercise("ctc_loss", "ctc", chapter="audio", wings=("in_numpy",))

CASES = ((4, 3, [1, 2], 0), (5, 3, [1, 1], 0), (3, 3, [2, 1, 2], 0), (4, 3, [2, 2], 0), (1, 2, [1], 0), (2, 4, [3], 0),
         (5, 3, [0, 1, 0], 2), (4, 3, [0, 0], 1))  # fmt: skip


@ctc_loss.law
def the_sum_over_all_paths(candidate, draw):
    """The loss is -log of the summed probability of all paths that spell the labels, also with another blank."""
    for T, n_symbols, labels, blank in CASES:
        log_probs = draw_log_probs(draw, T, n_symbols)
        want = loss_over_paths(log_probs, labels, blank)
        agree(
            candidate(log_probs, np.array(labels), blank), want, f"the loss of {labels} in {T} frames, blank {blank},"
        )
    log_probs = draw_log_probs(draw, 4, 3)
    agree(
        candidate(log_probs, np.array([1])), loss_over_paths(log_probs, [1]), "the loss of [1] with the blank left out"
    )


@ctc_loss.law
def all_labellings_together_are_certain(candidate, draw):
    """Over every sequence of labels that three frames can spell, exp(-loss) adds up to one."""
    log_probs = draw_log_probs(draw, 3, 3)
    words = sums_over_paths(log_probs, 0)
    total = sum(math.exp(-float(candidate(log_probs, np.array(word, dtype=int)))) for word in words)
    agree(total, 1.0, "the sum of exp(-loss) over all labels")


@ctc_loss.law
def no_labels_are_all_blanks(candidate, draw):
    """Without labels one path is left, blanks only: the loss is minus the sum of their log-probabilities."""
    log_probs = draw_log_probs(draw, 4, 3)
    agree(candidate(log_probs, np.array([], dtype=int)), -log_probs[:, 0].sum(), "the loss of no labels")


@ctc_loss.law
def too_few_frames(candidate, draw):
    """Two equal labels need a frame more, for the blank between; where the frames do not suffice the loss is inf."""
    for T, labels in ((1, [1, 2]), (2, [1, 1]), (4, [2, 2, 1, 1]), (2, [1, 2, 1])):
        got = candidate(draw_log_probs(draw, T, 3), np.array(labels))
        agree(got, math.inf, f"the loss of {labels} in {T} frames")


@ctc_loss.law
def long_sequences_do_not_underflow(candidate, draw):
    """In 165 frames with 100 symbols all probabilities underflow; their logarithms do not."""
    T = 165
    log_probs = np.full((T, 100), -math.log(100))
    got = float(candidate(log_probs, np.array([1])))
    paths = T * (T + 1) / 2  # a run of the label begins and ends somewhere
    agree(got, T * math.log(100) - math.log(paths), f"the loss of one label in {T} equally unsure frames")


@ctc_loss.law
def forbidden_symbols(candidate, draw):
    """A log-probability of -inf forbids a symbol in a frame, without NaN; a label that no frame allows costs inf."""
    log_probs = draw_log_probs(draw, 4, 3)
    log_probs[1, 0] = log_probs[2, 1] = -np.inf
    for labels in ([1, 2], [2, 2], [1]):
        agree(candidate(log_probs, np.array(labels)), loss_over_paths(log_probs, labels), f"the loss of {labels}")
    without_2 = np.where(np.arange(3) == 2, -np.inf, log_probs)
    agree(candidate(without_2, np.array([1, 2])), math.inf, "the loss of [1, 2] where no frame allows a 2")


@ctc_loss.law
def the_blank_is_no_label(candidate, draw):
    """A blank among the labels is refused by an exception."""
    log_probs = draw_log_probs(draw, 5, 3)
    for labels, blank in (([0], 0), ([1, 0, 2], 0), ([1, 2], 2)):
        expect(candidate.refuses(log_probs, np.array(labels), blank), f"it took {labels} with the blank {blank}")


def forward(log_probs, labels, blank, *, may_skip=None, start=2, end=2, add=np.logaddexp, stay=True):
    """The recursion with (wrong) parts, state by state."""
    labels = np.asarray(labels, dtype=int)
    if (labels == blank).any():
        raise ValueError("a blank among the labels")
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    skips = may_skip or (lambda states, s: states[s] != blank and states[s] != states[s - 2])
    alpha = np.full(len(states), -np.inf)
    alpha[:start] = log_probs[0, states[:start]]
    for scores in log_probs[1:]:
        new = alpha.copy() if stay else np.full(len(states), -np.inf)
        for s in range(1, len(states)):
            new[s] = add(new[s], alpha[s - 1])
            if s > 1 and skips(states, s):
                new[s] = add(new[s], alpha[s - 2])
        alpha = new + scores[states]
    total = -np.inf
    for value in alpha[-end:]:
        total = add(total, value)
    return -total


@ctc_loss.mutant("a loss whose paths may step over the blank between two equal labels: [1, 1] is spelled in two frames")
def skips_between_equals(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, may_skip=lambda states, s: states[s] != blank)


@ctc_loss.mutant("a loss whose paths never step over a blank: one is demanded between all labels")
def never_skips(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, may_skip=lambda states, s: False)


@ctc_loss.mutant("a loss whose paths may step over labels as well as blanks")
def skips_labels(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, may_skip=lambda states, s: True)


@ctc_loss.mutant("a loss whose paths begin with a blank: the first frame may not be the first label")
def begins_with_blank(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, start=1)


@ctc_loss.mutant("a loss whose paths end with a blank: the last frame may not be the last label")
def ends_with_blank(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, end=1)


@ctc_loss.mutant("the loss of the single best path (a maximum where a sum belongs)")
def best_path_alone(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, add=np.maximum)


@ctc_loss.mutant("a loss whose paths may not stay: labels are never held for several frames")
def never_stays(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank, stay=False)


@ctc_loss.mutant("a loss in plain probabilities: on long sequences it underflows to -log 0")
def underflows(log_probs, labels, blank=0):
    def add(a, b):
        return a + b

    labels = np.asarray(labels, dtype=int)
    if (labels == blank).any():
        raise ValueError("a blank among the labels")
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    p, alpha = np.exp(log_probs), np.zeros(len(states))
    alpha[:2] = p[0, states[:2]]
    for scores in p[1:]:
        back = np.concatenate([[0.0, 0.0], alpha])
        before = np.concatenate([[blank, blank], states])[: len(states)]
        alpha = add(alpha + back[1:-1], back[:-2] * ((states != blank) & (states != before))) * scores[states]
    total = alpha[-2:].sum()
    return -math.log(total) if total > 0 else math.inf


@ctc_loss.mutant("a loss with 1e-8 added to every probability before the logarithm: what is forbidden is only dear")
def forbidden_is_dear(log_probs, labels, blank=0):
    return forward(np.log(np.exp(log_probs) + 1e-8), labels, blank)


@ctc_loss.mutant("the log-likelihood: the sign of the loss is missing")
def sign_missing(log_probs, labels, blank=0):
    return -forward(log_probs, labels, blank)


@ctc_loss.mutant("the loss divided by the number of labels, as F.ctc_loss does under reduction='mean'")
def loss_per_label(log_probs, labels, blank=0):
    return forward(log_probs, labels, blank) / max(len(labels), 1)


@ctc_loss.mutant("a loss with the blank taken to be symbol 0 whatever it is")
def blank_is_zero(log_probs, labels, blank=0):
    if (np.asarray(labels) == blank).any():
        raise ValueError("a blank among the labels")
    return forward(log_probs, labels, 0) if not (np.asarray(labels) == 0).any() else math.inf


@ctc_loss.style
def state_by_state(log_probs, labels, blank=0):
    """Two loops."""
    return forward(log_probs, labels, blank)


@ctc_loss.style
def in_scaled_probabilities(log_probs, labels, blank=0):
    """Plain probabilities, each frame's sum divided out and its logarithm kept, as the paper of 2006 does."""
    if blank in np.asarray(labels).tolist():
        raise ValueError("a blank among the labels")
    states = [blank] + [symbol for label in labels for symbol in (int(label), blank)]
    S, p = len(states), np.exp(log_probs)
    move = np.eye(S) + np.eye(S, k=1)
    for s in range(2, S):
        move[s - 2, s] = states[s] not in (blank, states[s - 2])
    alpha, loss = np.where(np.arange(S) < 2, p[0, states], 0.0), 0.0
    for scores in [None, *p[1:]]:
        alpha = alpha if scores is None else (alpha @ move) * scores[states]
        if alpha.sum() == 0:
            return math.inf
        loss, alpha = loss - math.log(alpha.sum()), alpha / alpha.sum()
    end = float(alpha[-2:].sum())
    return loss - math.log(end) if end > 0 else math.inf


@ctc_loss.style
def backwards(log_probs, labels, blank=0):
    """The same recursion from the last frame to the first, on labels turned round."""
    return float(forward(log_probs[::-1], labels[::-1], blank))
