"""What the judge takes for one exercise once its workers are there: the course's own answers, one after the other."""

import statistics
import time
from pathlib import Path

from headstart.judge import course
from headstart.judge.desk import sitting, submission
from headstart.judge.workshop.workshop import Workshop

GOALS = {"in_numpy": ("NumPy", 0.020), "in_torch": ("PyTorch", 0.040)}  # seconds by the clock on the wall


def rows(quick):
    """One row a wing: the median over its exercises, and their middle half, as multiples of the goal."""
    answers = [(name, list(n.cells)) for n in submission.read(Path("solutions")) for name in sitting.exercises(n)]
    with Workshop() as workshop:
        for wing, (label, goal) in GOALS.items():
            jobs = [job for job in answers if course.find(job[0])[1] == wing]
            times = [seconds(workshop, *job) / goal for job in jobs[:: 10 if quick else 1]]
            low, middle, high = statistics.quantiles(times, n=4)
            yield {
                "what": f"judging a {label} exercise, warm, median of {len(times)}",
                "against": f"{1000 * goal:.0f} ms",
                "goal": 1.0,
                "ratio": middle,
                "low": low,
                "high": high,
                "ours": middle * goal,
                "theirs": goal,
            }


def seconds(workshop, name, cells):
    """The time of the second grading. Raises RuntimeError if the answer does not pass."""
    workshop.grade(name, cells, seed=0)
    started = time.perf_counter()
    trial = workshop.grade(name, cells, seed=1)
    if trial.verdict != "pass":
        raise RuntimeError(f"{name} does not pass: {trial.message}")
    return time.perf_counter() - started
