"""From the name a learner writes to the exercise, the wing and the reference."""

import importlib

from headstart import graders
from headstart.graders import exercises

UNGRADED = ("bug-hunt",)  # chapters that are played, not graded: a folder of work holds them all the same


class UnknownExercise(LookupError):
    """No exercise has this name."""


def find(name):
    """Return (exercise, wing) for a name as a notebook has it: `softmax`, `softmax_torch`, `MultiHeadAttention`."""
    for known in (graders.loaded, exercises):  # the others are imported only if the name is none of these
        for exercise in known().values():
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
    """The slugs of the chapters whose notebooks can be handed in."""
    return [*graders.chapters(), *UNGRADED]


def names_of(chapter):
    """The names of a chapter's exercises, in course order; a chapter that is played has none."""
    exercises_here = {} if chapter in UNGRADED else graders.of_chapter(chapter)
    return [printed(exercise, wing) for exercise in exercises_here.values() for wing in exercise.wings]
