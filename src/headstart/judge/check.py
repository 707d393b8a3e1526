"""`check`: practice in a notebook. It prints what holds and what broke, and hands back an answer to go on with."""

import secrets
import sys

from headstart.judge import course
from headstart.judge.candidate import local
from headstart.judge.trial import hold


def check(answer, name=None, seed=None):
    """Judge an answer and return it if it is right, and the course's own answer if it is not (yet).

    answer  the function or class; its exercise is known by the name it has in the notebook
    name    the exercise, where the name cannot be read off
    seed    replays the inputs of an earlier check; fresh inputs otherwise

    Raises UnknownExercise (a LookupError) if no exercise has that name.
    """
    name = name or _name_of(answer, sys._getframe(1).f_globals)
    exercise, wing = course.find(name)
    candidate = local(answer, wing, exercise.bans)
    trial = hold(exercise, wing, candidate, name, secrets.randbits(32) if seed is None else seed)
    print(report(trial))
    return answer if trial.verdict == "pass" else course.reference(exercise, wing)


def _name_of(answer, namespace):
    """The exercise name under which the notebook holds the answer, or the name that it was defined with."""
    held = [key for key, value in namespace.items() if value is answer and key in course.names()]
    return held[-1] if held else getattr(answer, "__name__", type(answer).__name__)


def report(trial):
    """What a reader of the chapter sees: the story of the trial, and how the chapter goes on."""
    if trial.verdict == "pass":
        return story(trial)
    onward = "The chapter goes on with the course's answer."
    if trial.verdict != "not attempted":
        onward += f" Same inputs again: check({trial.name}, seed={trial.seed})"
    return f"{story(trial)}\n  {onward}"


def story(trial):
    """A few lines for a person: the verdict first, then each broken law, then the known mistakes it equals."""
    if trial.verdict == "pass":
        return f"✓ {trial.name}: right, all {len(trial.findings)} laws hold."
    if trial.verdict == "not attempted":
        return f"○ {trial.name}: not attempted, {trial.message}."
    lines = [f"✗ {trial.name}: {trial.verdict}."]
    if not trial.findings:
        lines.append(f"  {trial.message}")
    for finding in trial.findings:
        mark = "✓" if finding.verdict == "pass" else "✗"
        lines.append(f"  {mark} {finding.sentence}")
        if finding.verdict != "pass":
            lines.append(f"      {finding.message}")
    if trial.mistakes:
        lines.append(f"  → Your output equals {', or '.join(mistake.diagnosis for mistake in trial.mistakes)}.")
    return "\n".join(lines)
