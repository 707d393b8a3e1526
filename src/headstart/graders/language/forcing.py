"""What a decoder reads and is asked for in training: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

teacher_forcing = exercise("teacher_forcing", "language", wings=("in_numpy",))

START, PADDING, END = 1, 0, 2


def draw_targets(draw, lead, T, end=END, padding=PADDING):
    """Texts of ordinary tokens 3 … 8, each with its end token, then padding; the first text fills all places."""
    target = draw.rng.integers(3, 9, size=(*lead, T))
    lengths = draw.rng.integers(1, T + 1, size=lead)
    if lead:
        lengths[(0,) * len(lead)] = T
    place, last = np.arange(T), np.asarray(lengths)[..., None] - 1
    return np.where(place > last, padding, np.where(place == last, end, target))


def forcing_by_loops(target, start, padding):
    """Inputs and labels, one place at a time."""
    inputs, labels = np.zeros_like(target), np.zeros_like(target)
    for *at, t in np.ndindex(target.shape):
        inputs[(*at, t)] = target[(*at, t - 1)] if t > 0 else start
        labels[(*at, t)] = -100 if target[(*at, t)] == padding else target[(*at, t)]
    return inputs, labels


def same_pair(got, want):
    """Raise Broken unless both arrays, of whole numbers, agree."""
    expect(isinstance(got, tuple | list) and len(got) == 2, "the answer should be a pair: inputs, labels")
    for array, right, name in zip(got, want, ("inputs", "labels"), strict=True):
        expect(
            np.asarray(array).dtype.kind in "iu", f"{name} are {np.asarray(array).dtype}, they should be whole numbers"
        )
        agree(array, right, name)


@teacher_forcing.law
def shifted_by_one(candidate, draw):
    """Inputs are the start token and then the target without its last place; labels are the target, -100 in padding."""
    for lead, T in (((3,), 5), ((1,), 4), ((), 6), ((2, 2), 3), ((2,), 1)):
        target = draw_targets(draw, lead, T)
        same_pair(candidate(target, START, PADDING), forcing_by_loops(target, START, PADDING))


@teacher_forcing.law
def any_numbers_serve(candidate, draw):
    """Start and padding may be any token numbers."""
    for start, padding, end in ((9, 12, 10), (0, 1, 2), (20, 30, 0)):
        target = draw_targets(draw, (3,), 5, end, padding)
        same_pair(candidate(target, start, padding), forcing_by_loops(target, start, padding))


@teacher_forcing.law
def the_end_is_asked_for(candidate, draw):
    """The end token is a label, after the last ordinary token; a text that fills all places loses nothing."""
    target = np.array([[5, 6, 7, END], [5, END, PADDING, PADDING]])
    labels = np.asarray(candidate(target, START, PADDING)[1])
    agree(labels, np.array([[5, 6, 7, END], [5, END, -100, -100]]), "labels")


@teacher_forcing.law
def no_place_reads_its_own_label(candidate, draw):
    """Changing a token moves its own label and the next place's input, nothing else."""
    target = draw_targets(draw, (1,), 5)
    moved = target.copy()
    moved[0, 2] += 10
    for (first, second), place in zip(
        zip(candidate(target, START, PADDING), candidate(moved, START, PADDING), strict=True), (3, 2), strict=True
    ):
        agree(np.asarray(second) - np.asarray(first), 10 * (np.arange(5) == place)[None], "what changed")


def inputs_of(target, start):
    """Right inputs."""
    return np.concatenate([np.full_like(target[..., :1], start), target[..., :-1]], axis=-1)


def labels_of(target, padding):
    """Right labels."""
    return np.where(target == padding, -100, target)


@teacher_forcing.mutant("inputs that are the target itself: each place reads the label it is asked for")
def reads_its_label(target, start, padding):
    return target, labels_of(target, padding)


@teacher_forcing.mutant("labels counted in the padding: the model is trained to write padding")
def padding_counts(target, start, padding):
    return inputs_of(target, start), target


@teacher_forcing.mutant("np.roll for the shift: the last token, not the start token, stands in front")
def rolled(target, start, padding):
    return np.roll(target, 1, axis=-1), labels_of(target, padding)


@teacher_forcing.mutant(
    "both cut by one, target[:-1] and target[1:], without a start token: the first word is never asked for"
)
def cut_by_one(target, start, padding):
    return target[..., :-1], labels_of(target[..., 1:], padding)


@teacher_forcing.mutant("shifted twice: the labels were moved one place to the left as well")
def shifted_twice(target, start, padding):
    moved = np.concatenate([target[..., 1:], np.full_like(target[..., :1], padding)], axis=-1)
    return inputs_of(target, start), labels_of(moved, padding)


@teacher_forcing.mutant("the end token not asked for: its label is -100 too, and the model never learns to stop")
def end_not_asked(target, start, padding):
    after = np.concatenate([target[..., 1:], np.full_like(target[..., :1], padding)], axis=-1)
    return inputs_of(target, start), np.where((target == padding) | (after == padding), -100, target)


@teacher_forcing.mutant("-100 in the inputs as well: an index that no embedding has")
def holes_in_the_inputs(target, start, padding):
    return labels_of(inputs_of(target, start), padding), labels_of(target, padding)


@teacher_forcing.mutant("padding taken to be token 0, whatever number it has")
def padding_is_zero(target, start, padding):
    return inputs_of(target, start), labels_of(target, 0)


@teacher_forcing.style
def filled_in_place(target, start, padding):
    """Empty arrays that are filled."""
    inputs, labels = np.empty_like(target), target.copy()
    inputs[..., 0] = start
    inputs[..., 1:] = target[..., :-1]
    labels[labels == padding] = -100
    return [inputs, labels]
