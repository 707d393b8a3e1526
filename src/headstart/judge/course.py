"""From the name a learner writes to the exercise, the wing and the reference."""

import importlib

from headstart.graders import exercises

UNGRADED = ("bug-hunt",)  # chapters that are played, not graded: a folder of work holds them all the same


class UnknownExercise(LookupError):
    """No exercise has this name."""


def find(name):
    """Return (exercise, wing) for a name as a notebook has it: `softmax`, `softmax_torch`, `MultiHeadAttention`."""
    for exercise in exercises().values():
        for wing in exercise.wings:
            if printed(exercise, wing) == name:
                return exercise, wing
    raise UnknownExercise(f"there is no exercise called {name!r}")


def names():
    """Every exercise name of the course, NumPy wing and PyTorch wing, in course order."""
    return [printed(exercise, wing) for exercise in exercises().values() for wing in exercise.wings]


def printed(exercise, wing):
    """The name that the exercise has in a notebook."""
    return f"{exercise.name}_torch" if wing == "in_torch" and "in_numpy" in exercise.wings else exercise.name


def reference(exercise, wing):
    """The course's own answer."""
    return getattr(importlib.import_module(f"headstart.{wing}.{exercise.home}"), exercise.name)


def chapters():
    """Map each chapter to the names of its exercises, in course order; a chapter that is played has none."""
    found = {}
    for exercise in exercises().values():
        found.setdefault(exercise.chapter, []).extend(printed(exercise, wing) for wing in exercise.wings)
    return found | {slug: [] for slug in UNGRADED}
