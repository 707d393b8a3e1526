"""From the name a learner writes to the exercise, the wing and the reference."""

import importlib

from headstart.graders import exercises


class UnknownExercise(LookupError):
    """No exercise has this name."""


def find(name):
    """Return (exercise, wing) for a name as it stands in a notebook: `softmax`, `softmax_torch`, `MultiHeadAttention`."""
    course = exercises()
    plain = name.removesuffix("_torch")
    if plain not in course:
        raise UnknownExercise(f"there is no exercise called {name!r}")
    exercise = course[plain]
    wing = "in_torch" if plain != name or "in_numpy" not in exercise.wings else "in_numpy"
    if wing not in exercise.wings or (plain != name and "in_numpy" not in exercise.wings):
        raise UnknownExercise(f"there is no exercise called {name!r}")
    return exercise, wing


def names():
    """Every exercise name of the course, NumPy wing and PyTorch wing, in course order."""
    return [printed(exercise, wing) for exercise in exercises().values() for wing in exercise.wings]


def printed(exercise, wing):
    """The name that the exercise has in a notebook."""
    return f"{exercise.name}_torch" if wing == "in_torch" and "in_numpy" in exercise.wings else exercise.name


def reference(exercise, wing):
    """The course's own answer."""
    return getattr(importlib.import_module(f"headstart.{wing}.{exercise.home}"), exercise.name)
