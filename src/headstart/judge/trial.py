"""A trial: one candidate against every law of its exercise, and the known mistakes it equals, if any."""

import time
from dataclasses import dataclass, field

import numpy as np

from headstart.graders.kit import ATOL, RTOL, Broken, Draw
from headstart.judge.border import answer, leaves
from headstart.judge.candidate import AnswerRaised, Stopped


@dataclass(frozen=True)
class Finding:
    """What one law found. verdict: pass, wrong, error, or why the candidate could not be asked (timeout, …).

    got, want   the arrays that differ, if the law compared two of one shape
    """

    law: str
    sentence: str
    verdict: str
    message: str = ""
    got: object = field(default=None, compare=False)
    want: object = field(default=None, compare=False)


@dataclass
class Trial:
    """The outcome for one exercise. `mistakes` are the known wrong answers that it equals on every call made.

    Mostly one; two where no output can tell them apart (a mask multiplied in, or -1e-9 written for -1e9).

    A trial that ran no law keeps the verdict it starts with: an error, never a pass.
    """

    name: str
    seed: int
    verdict: str = "error"
    message: str = "no law was run"
    findings: list = field(default_factory=list)
    mistakes: tuple = ()
    seconds: float = 0.0


def hold(exercise, wing, candidate, name, seed):
    """Try the candidate against every law that the exercise has for its wing and return the Trial."""
    trial, started = Trial(name, seed), time.perf_counter()
    for law in exercise.laws:
        if wing in law.wings:
            trial.findings.append(_ask(law, candidate, seed))
            if trial.findings[-1].verdict not in ("pass", "wrong", "error"):
                break
    _conclude(trial, exercise, candidate)
    trial.seconds = time.perf_counter() - started
    return trial


def _ask(law, candidate, seed):
    """Run one law and translate what it raises into a Finding."""
    asked = len(candidate.record)
    verdict, message, arrays = "pass", "", ()
    try:
        law.holds(candidate, Draw(seed, law.name))
        if len(candidate.record) == asked:
            verdict, message = "error", "the law never called the answer, so it proves nothing"
    except Broken as broken:
        verdict, message = "wrong", f"{broken}{_inputs(candidate.record)}"
        arrays = (broken.got, broken.want)
    except AnswerRaised as raised:
        verdict, message = "error", f"{raised}{_inputs(candidate.record)}"
    except Stopped as stopped:
        verdict, message = stopped.verdict, str(stopped)
    except Exception as error:  # the law tripped over what it was given
        verdict, message = "wrong", f"what it returned is not of the contract's form ({type(error).__name__}: {error})"
    return Finding(law.name, law.sentence, verdict, message, *arrays)


def _conclude(trial, exercise, candidate):
    """Sum the findings up: the last one if it stopped the trial, else the first that is no pass."""
    broken = [finding for finding in trial.findings if finding.verdict != "pass"]
    if broken:
        stopped = broken[-1].verdict not in ("wrong", "error")
        worst = broken[-1] if stopped else broken[0]
        trial.verdict, trial.message = worst.verdict, worst.message
        if not stopped and any(finding.verdict == "wrong" for finding in broken):  # an exception explains itself
            trial.mistakes = diagnose(exercise, candidate.record)
    elif trial.findings:
        trial.verdict, trial.message = "pass", f"{len(trial.findings)} laws hold"


def _inputs(record):
    """The shapes of the last call's arrays, for the message."""
    if not record:
        return ""
    shapes = [str(leaf.shape) for leaf in leaves(record[-1][0]["calls"]) if isinstance(leaf, np.ndarray)]
    return f" [inputs of shape {', '.join(shapes)}]" if shapes else ""


def diagnose(exercise, record):
    """Return the known mistakes whose answers equal the candidate's on every call that returned numbers.

    Gradients and memory are left out: known mistakes are written in NumPy, which has neither PyTorch's.
    """
    counts = ("cotangent", "memory")
    calls = [(r, value) for r, value in record if value is not None and all(r.get(name) is None for name in counts)]
    if not calls:
        return ()
    return tuple(m for m in exercise.mutants if all(_same(m.answer, request, value) for request, value in calls))


def _same(mistaken, request, value):
    """Does the mistaken answer give this value for this request?"""
    with np.errstate(all="ignore"):  # overflowing is what some of the mistakes do
        reply = answer(mistaken, request, "in_numpy")
    ours, theirs = leaves(reply.get("value")), leaves(value)
    return len(ours) == len(theirs) and all(_close(a, b) for a, b in zip(ours, theirs, strict=True))


def _close(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind not in "biuf" or b.dtype.kind not in "biuf":
        return False
    return np.allclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True)
