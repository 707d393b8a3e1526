"""What the judge takes for one exercise once its workers are there, and `check` once its chapter is imported.

Judged are the course's own answers, one after the other.
"""

import contextlib
import io
import statistics
import time
from pathlib import Path

from headstart.judge import course
from headstart.judge.check import check
from headstart.judge.desk import sitting, submission
from headstart.judge.workshop.workshop import Workshop

GOALS = {"in_numpy": ("NumPy", 0.020), "in_torch": ("PyTorch", 0.040)}  # seconds by the clock on the wall
CHECK = 0.100


def rows(quick):
    """One row a wing, and one for `check`: medians over the exercises, and their middle half, in parts of the goal."""
    step = 10 if quick else 1
    answers = [(name, list(n.cells)) for n in submission.read(Path("solutions")) for name in sitting.exercises(n)]
    with Workshop() as workshop:
        for wing, (label, goal) in GOALS.items():
            jobs = [job for job in answers if course.find(job[0])[1] == wing][::step]
            times = [graded(workshop, *job) for job in jobs]
            yield row_of(f"judging a {label} exercise, warm", times, goal)
    yield row_of("check in a notebook, warm", [checked(name) for name in course.names()[::step]], CHECK)


def row_of(what, times, goal):
    low, middle, high = statistics.quantiles([each / goal for each in times], n=4)
    return {
        "what": f"{what}, median of {len(times)}",
        "against": f"{1000 * goal:.0f} ms",
        "goal": 1.0,
        "ratio": middle,
        "low": low,
        "high": high,
        "ours": middle * goal,
        "theirs": goal,
    }


def graded(workshop, name, cells):
    """The time of the second grading. Raises RuntimeError if the answer does not pass."""
    workshop.grade(name, cells, seed=0)
    started = time.perf_counter()
    trial = workshop.grade(name, cells, seed=1)
    if trial.verdict != "pass":
        raise RuntimeError(f"{name} does not pass: {trial.message}")
    return time.perf_counter() - started


def checked(name):
    """The time of the second `check` of the course's own answer."""
    answer = course.reference(*course.find(name))
    with contextlib.redirect_stdout(io.StringIO()):
        check(answer, name)
        started = time.perf_counter()
        check(answer, name)
        return time.perf_counter() - started
