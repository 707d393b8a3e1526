"""One submission, graded from its first exercise to its last in the process that runs this."""

import atexit
import threading

from headstart.judge import course
from headstart.judge.desk import record

mine = threading.local()  # a process that grades a class keeps its workshop warm from one submission to the next


def open_workshop(seconds, require_confinement):
    """The place where learner code runs; a context manager. Raises what the workshop raises."""
    from headstart.judge.workshop.workshop import Limits, Workshop

    return Workshop(Limits(seconds=seconds), require_confinement=require_confinement)


def exercises(notebook):
    """The names of what the judge expects in a notebook: the exercises of its chapter."""
    return [] if notebook.problem else course.names_of(notebook.chapter)


def grade(opening, notebooks, seed):
    """Grade the notebooks of one submission; return their rows as plain data, and how learner code was confined.

    opening   (function, arguments) that make the workshop
    """
    rows, tier = [], ""
    for notebook in notebooks:
        if notebook.problem:
            rows.append(record.Row("", notebook.path, record.refusal(notebook.problem, seed)))
        for name in exercises(notebook):
            workshop = _workshop(opening)
            tier = workshop.tier
            rows.append(record.Row("", notebook.path, workshop.grade(name, list(notebook.cells), seed)))
    if not rows:
        nothing = record.refusal("its chapter has no exercises, there is nothing to grade", seed)
        rows = [record.Row("", notebooks[0].path, nothing)]
    return {"rows": [record.freeze(row) for row in rows], "tier": tier}


def _workshop(opening):
    if getattr(mine, "opening", None) != opening:
        function, arguments = opening
        mine.opening, mine.workshop = opening, function(*arguments)
        atexit.register(mine.workshop.close)
    return mine.workshop
