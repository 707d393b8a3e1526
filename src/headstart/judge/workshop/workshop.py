"""The workshop: where learner code runs, one child process an exercise, while the laws stay on this side."""

import contextlib
import time
from dataclasses import dataclass

from headstart.graders import exercises
from headstart.judge import course
from headstart.judge.candidate import Candidate, Stopped
from headstart.judge.trial import Trial, hold
from headstart.judge.workshop import tiers
from headstart.judge.workshop.session import Session
from headstart.judge.workshop.supply import supply
from headstart.judge.workshop.workers import Worker, WorkshopError

RANK = ["pass", "wrong", "error"]  # of two trials the better one counts; every other verdict ranks below these


@dataclass(frozen=True)
class Limits:
    """What one exercise may use up. One that leans on others is tried twice if need be, with limits each time.

    seconds     of waiting for the answer, all its calls together
    statement   seconds for one cell to be parsed or one statement of the notebook to run
    memory      bytes on top of what the worker has when it starts
    file_size   bytes of a file, where files can be written at all
    files       open files
    reply       bytes of all results together
    """

    seconds: float = 10.0
    statement: float = 5.0
    memory: int = 2 << 30
    file_size: int = 1 << 20
    files: int = 64
    reply: int = 256 << 20


class Workshop:
    """Grades exercises, in workers that start when they are first needed. One thread at a time; close it after use.

    tier   how learner code is confined here: the end of the sentence "learner code ran …"
    walls  of what this machine offers (see tiers.walls), what to use; None means all of it

    Raises Unconfined if `require_confinement` and this machine does not offer all walls.
    """

    def __init__(self, limits=Limits(), require_confinement=False, walls=None):
        self.limits, self._workers = limits, {}
        self.walls = tiers.walls() if walls is None else walls
        self.tier = tiers.sentence(self.walls)
        if require_confinement:
            tiers.demand(self.walls)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """End all workers."""
        while self._workers:
            self._workers.popitem()[1].close()

    def expect(self, names):
        """Start the workers that these exercises need, so that one imports its library while another works."""
        for wing in {course.find(name)[1] for name in names}:
            with contextlib.suppress(WorkshopError):  # it is told where such an exercise is graded
                self._worker(wing).start()

    def grade(self, name, cells, seed):
        """Judge the exercise `name` of a notebook, given as the sources of its code cells; return the Trial.

        The learner's own definitions come first. If they do not pass, the course's answers take the place of those
        exercises that this one needs, so that a mistake there does not cost this mark as well.
        Raises UnknownExercise, WorkshopError.
        """
        modules, supplied = supply(name)
        own, leans = self._try(name, cells, seed, [], [])
        if own.verdict in ("pass", "not attempted") or not (supplied and leans):
            return own
        helped, _ = self._try(name, cells, seed, modules, supplied)
        if helped.verdict == "pass":
            helped.message += f", with the course's own {', '.join(each[0] for each in supplied)}"
        return max(own, helped, key=_worth)

    def _try(self, name, cells, seed, modules, supplied):
        """One trial, and whether the answer leans on exercises that it needs. A lost worker is replaced once."""
        for _ in range(2):
            trial, leans = self._try_once(name, cells, seed, modules, supplied)
            if trial.verdict != "lost":
                return trial, leans
        return Trial(name, seed, "crashed", trial.message), leans

    def _try_once(self, name, cells, seed, modules, supplied):
        """One trial in one child."""
        exercise, wing = course.find(name)
        needs = [each[0] for each in supply(name)[1]]
        job = {"name": name, "bans": list(exercise.bans), "needs": needs}
        worker = self._worker(wing)
        worker.warm()
        started = time.perf_counter()
        with Session(worker, self.limits) as session:
            try:
                session.load(cells, job | {"modules": modules, "supplied": supplied})
                trial = hold(exercise, wing, Candidate(session.ask), name, seed)
            except Stopped as stopped:
                trial = Trial(name, seed, stopped.verdict, str(stopped))
        if trial.findings and trial.verdict == "error" and session.failures:
            trial.message += f" (before that, {session.failures[0]})"
        trial.seconds = time.perf_counter() - started
        return trial, session.leans

    def _worker(self, wing):
        if wing not in self._workers:
            self._workers[wing] = Worker(wing, self.limits, self.walls, _bans(wing))
        return self._workers[wing]


def _bans(wing):
    """All that exercises ban of the packages that a wing's worker has: it is PyTorch's alone."""
    return [] if wing == "in_numpy" else sorted({ban for exercise in exercises().values() for ban in exercise.bans})


def _worth(trial):
    """A pass above all; then what teaches most."""
    rank = RANK.index(trial.verdict) if trial.verdict in RANK else len(RANK)
    return -rank, sum(finding.verdict == "pass" for finding in trial.findings)
