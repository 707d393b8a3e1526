"""What the kill matrix page shows: every known mistake of the course and the laws that convict it."""

import warnings

import numpy as np
import yaml

from headstart.graders import exercises
from headstart.judge import matrix
from headstart.press import PressError

SEEN = "book/wrong_answers.yml"


def seen(root):
    """The mistakes seen in public code: {class: {mistake: [(exercise, mutant), …]}}. Raises PressError."""
    classes = yaml.safe_load((root / SEEN).read_text(encoding="utf-8"))
    return {
        title: {mistake: [_member(name) for name in names] for mistake, names in mistakes.items()}
        for title, mistakes in classes.items()
    }


def _member(name):
    """The exercise and the mutant behind `exercise.mutant`."""
    exercise, _, wanted = name.partition(".")
    if exercise in exercises():
        for mutant in exercises()[exercise].mutants:
            if mutant.name == wanted:
                return exercises()[exercise], mutant
    raise PressError(f"{SEEN} names {name}, and no exercise has such a known mistake")


def seen_table(root):
    """Lines of Markdown: one table a class of mistakes, with what the judge says of each."""
    for title, mistakes in seen(root).items():
        yield f"**{title}**\n\n| seen in public code | where the judge meets it |\n| --- | --- |"
        for mistake, members in mistakes.items():
            places = ", ".join(f"[{exercise.name}](#kills-{exercise.name.lower()})" for exercise, _ in members)
            yield f"| {plain(mistake)} | {places} |"
        yield ""


def matrices():
    """Lines of Markdown: one table an exercise, known mistakes against laws."""
    for exercise in exercises().values():
        laws = matrix.laws(exercise)
        yield f"(kills-{exercise.name.lower()})=\n**{exercise.name}**\n"
        yield f"| your output equals … | {' | '.join(str(n) for n, _ in enumerate(laws, 1))} |"
        yield f"| --- |{' :-: |' * len(laws)}"
        yield from (_line(row, laws) for row in _quietly(exercise))
        yield "\n" + "\n".join(f"{n}. {plain(law.sentence)}" for n, law in enumerate(laws, 1)) + "\n"


def _quietly(exercise):
    """The rows of one exercise, without the warnings of mistakes that overflow."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return matrix.rows(exercise)


def _line(row, laws):
    marks = ("●" if law.name in row.convicted_by else "·" for law in laws)
    return f"| {plain(row.mutant.diagnosis)} | {' | '.join(marks)} |"


def plain(text):
    """A text as it may stand in a table's cell, in Markdown that shows what it says; `code` stays code."""
    for mark in "\\|*_[]<>$":
        text = text.replace(mark, f"\\{mark}")
    return text
