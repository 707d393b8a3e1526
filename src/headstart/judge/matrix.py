"""The kill matrix: which laws convict which known mistake. The tests demand that it has no gap, the book shows it."""

from dataclasses import dataclass

from headstart.judge.candidate import local
from headstart.judge.trial import hold


@dataclass(frozen=True)
class Row:
    """One known mistake before all laws of its exercise: those that convict it, and the mistakes it was taken for."""

    mutant: object
    convicted_by: tuple
    named: tuple


def tried(exercise, answer, seed):
    """The trial of a known mistake or a style: these are written in NumPy whatever the exercise's wing."""
    return hold(exercise, "in_numpy", local(answer, "in_numpy"), exercise.name, seed)


def laws(exercise):
    """The laws that known mistakes are tried by: all but those that only PyTorch can be asked."""
    return [law for law in exercise.laws if "in_numpy" in law.wings]


def rows(exercise, seed=0):
    """One row for each known mistake of an exercise."""
    return [_row(mutant, tried(exercise, mutant.answer, seed)) for mutant in exercise.mutants]


def _row(mutant, trial):
    convicting = tuple(finding.law for finding in trial.findings if finding.verdict in ("wrong", "error"))
    return Row(mutant, convicting, trial.mistakes)
