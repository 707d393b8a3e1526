"""The graders under attack: answers made to slip past the laws are convicted, unusual right ones are accepted."""

import functools

import attacks_early_chapters  # noqa: F401  it adds to both lists
import attacks_late_chapters  # noqa: F401  it adds to both lists
import attacks_later_right  # noqa: F401  it adds to the lists of attacks_right
import attacks_later_wrong  # noqa: F401  it adds to the lists of attacks_wrong
import attacks_middle_chapters  # noqa: F401  it adds to both lists
import attacks_right
import attacks_torch
import attacks_wrong
import numpy as np
import pytest
import torch

from headstart.graders import exercises
from headstart.judge import course
from headstart.judge.candidate import local
from headstart.judge.trial import hold

LIBRARY = {"in_numpy": np, "in_torch": torch}
SEEDS = range(3)


def cases(in_both, in_torch):
    """One test for each answer and wing: (exercise, wing, answer)."""
    found = [
        (name, words, wing, functools.partial(answer, LIBRARY[wing]))
        for name, words, answer, wings in in_both
        for wing in wings
    ]
    found += [(name, words, "in_torch", answer) for name, words, answer in in_torch]
    return [pytest.param(n, wing, answer, id=f"{n}-{words}-{wing}") for n, words, wing, answer in found]


def verdicts(name, wing, answer):
    """The verdict for each seed."""
    candidate = local(answer, wing)
    return [hold(exercises()[name], wing, candidate, name, seed).verdict for seed in SEEDS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "wing", "answer"), cases(attacks_wrong.WRONG, attacks_torch.WRONG))
def test_wrong_answer_is_convicted(name, wing, answer):
    assert set(verdicts(name, wing, answer)) <= {"wrong", "error"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "wing", "answer"), cases(attacks_right.RIGHT, attacks_torch.RIGHT))
def test_right_answer_is_accepted(name, wing, answer):
    assert set(verdicts(name, wing, answer)) == {"pass"}


FUNCTIONS = [
    pytest.param(exercise, wing, id=f"{exercise.name}-{wing}")
    for exercise in exercises().values()
    for wing in exercise.wings
    if not isinstance(course.reference(exercise, wing), type)
]


def shape_of(value):
    """What a result is kept for: the shapes of arrays, and numbers themselves."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return "array", tuple(value.shape), str(value.dtype)
    if isinstance(value, dict):
        return tuple((key, shape_of(entry)) for key, entry in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(shape_of, value))
    return "callable" if callable(value) else repr(value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("exercise", "wing"), FUNCTIONS)
def test_a_result_kept_for_a_shape_is_convicted(exercise, wing):
    kept, reference = {}, course.reference(exercise, wing)

    def answer(*args, **kwargs):
        shapes = shape_of((args, kwargs))
        if shapes not in kept:
            kept[shapes] = reference(*args, **kwargs)
        return kept[shapes]

    verdict = hold(exercise, wing, local(answer, wing), exercise.name, 0).verdict
    asked_with_arrays = "array" in str(list(kept))
    assert (verdict == "pass") != asked_with_arrays, "a function of numbers alone may keep its results"


def test_the_attack_is_broad():
    wrong = {words for _, words, *_ in attacks_wrong.WRONG + attacks_torch.WRONG}
    right = {words for _, words, *_ in attacks_right.RIGHT + attacks_torch.RIGHT}
    assert len(wrong) >= 60
    assert len(right) >= 40
