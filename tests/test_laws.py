"""The judge is judged: the reference passes, every known mistake is convicted and named, every style is accepted."""

import pytest

from headstart.graders import exercises
from headstart.judge.candidate import local
from headstart.judge.course import printed, reference
from headstart.judge.matrix import tried
from headstart.judge.trial import hold

COURSE = list(exercises().values())
SEEDS = (0, 1, 2)


def pairs(kind):
    """(exercise, member) for every mutant or style, with a readable test id."""
    return [
        pytest.param(e, m, id=f"{e.name}-{getattr(m, 'name', None) or m.__name__}")
        for e in COURSE
        for m in getattr(e, kind)
    ]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("exercise", "wing"), [pytest.param(e, w, id=printed(e, w)) for e in COURSE for w in e.wings])
def test_reference_passes(exercise, wing, seed, record_property):
    trial = hold(exercise, wing, local(reference(exercise, wing), wing), printed(exercise, wing), seed)
    laws = [finding.verdict for finding in trial.findings]
    record_property("trial", [trial.name, seed, trial.verdict, laws, trial.seconds])  # conftest.py shows them
    assert trial.verdict == "pass", trial.findings


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("exercise", "mutant"), pairs("mutants"))
def test_mutant_is_convicted_and_named(exercise, mutant, seed):
    trial = tried(exercise, mutant.answer, seed)
    assert trial.verdict in ("wrong", "error"), "no law convicts it"
    assert mutant in trial.mistakes, trial.message
    assert len(trial.mistakes) <= 2, "its name tells too little"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("exercise", "style"), pairs("styles"))
def test_style_is_accepted(exercise, style, seed):
    trial = tried(exercise, style, seed)
    assert trial.verdict == "pass", trial.message
