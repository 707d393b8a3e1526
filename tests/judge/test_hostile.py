"""Hostile submissions: no credit, no hang, no other mark lost, no file changed, no process left, no secret shown."""

import os
import socket
import sys
import time
import warnings
from pathlib import Path

import pytest

import headstart
from headstart.judge.workshop import tiers
from headstart.judge.workshop.workshop import Limits, Workshop

sys.path.insert(0, str(Path(__file__).parent))
import submissions

PAGES = sorted((submissions.HERE / "hostile").glob("*.md"))
HOSTILE = [pytest.param(each, id=f"{page.stem}-{each}") for page in PAGES for each in submissions.read(page)]
LIMITS = Limits(seconds=1.0, statement=0.5, memory=1 << 29, reply=1 << 26)
SECRET = "the-examiner's-secret"
NEIGHBOUR = "def merge_heads(x):\n    return x.swapaxes(-3, -2).reshape(*x.shape[:-3], x.shape[-2], -1)"
CONFINED = set(tiers.walls()) == {"landlock", "seccomp"}
linux = pytest.mark.skipif(not CONFINED, reason="the hostile suite needs Linux with Landlock and seccomp")
if not CONFINED:
    warnings.warn("the hostile suite is skipped: it needs Linux with Landlock and seccomp", stacklevel=1)


@pytest.fixture(scope="module")
def workshop():
    others = len(descendants())
    with Workshop(LIMITS, require_confinement=True) as workshop:
        workshop.grade("softmax", [], 0)
        workshop.grade("softmax_torch", [], 0)  # import torch before the clocks run
        assert settles(others + 4), "two warm workers, and one child that waits in each"
        yield workshop


@pytest.fixture(scope="module")
def patient_workshop():
    with Workshop() as workshop:
        yield workshop


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder of the examiner's with a secret in it; one more stands in the environment."""
    (tmp_path / "canary").write_text(SECRET)
    monkeypatch.setenv("HEADSTART_SECRET", SECRET)
    return tmp_path


@pytest.fixture
def port():
    """A port that nobody may knock at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1]
        with pytest.raises(BlockingIOError):
            server.accept()


def cells_of(submission, outside, port):
    """The submission's cells with the names of real things in them, and the neighbour's exercise at the end."""
    words = {"SRC": str(Path(headstart.__file__).parents[1]), "OUTSIDE": str(outside), "PORT": str(port)}
    words |= {"JUDGE": str(os.getpid()), "SECRET": SECRET}
    cells = list(submission.cells)
    for word, meaning in words.items():
        cells = [cell.replace(word, meaning) for cell in cells]
    return [*cells, NEIGHBOUR]


def state(folder):
    """Everything about a folder's files that could be changed."""
    found = {path.name: (path, path.stat()) for path in folder.iterdir()}
    return {name: (path.read_bytes(), *facts[:7], facts.st_mtime_ns) for name, (path, facts) in found.items()}


def descendants():
    """Every process that this one has started, and those that they have."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has just ended
    found, new = set(), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def settles(wanted, seconds=10.0):
    """Whether so many processes are left after a while: the last exercise's is seen to its end meanwhile."""
    end = time.monotonic() + seconds
    while (found := len(descendants())) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return found == wanted


@linux
@pytest.mark.parametrize("submission", HOSTILE)
def test_gains_nothing_and_harms_nobody(submission, workshop, outside, port, capfd):
    cells = cells_of(submission, outside, port)
    before, running, files = state(outside), len(descendants()), len(os.listdir("/proc/self/fd"))
    started = time.monotonic()
    trial = workshop.grade(submission.exercise, cells, seed=1)
    lasted = time.monotonic() - started
    neighbour = workshop.grade("merge_heads", cells, seed=2)

    assert trial.verdict in submission.verdicts, trial
    assert trial.verdict != "pass"
    assert lasted < 2 * LIMITS.seconds + 1.5, "it took longer than its limit and that of the second try"
    assert neighbour.verdict == "pass", neighbour
    assert state(outside) == before
    assert settles(running)
    assert len(os.listdir("/proc/self/fd")) == files
    shown = f"{trial}{neighbour}{capfd.readouterr()}"
    assert SECRET not in shown.replace(f"ValueError: {SECRET}{SECRET}", "")


@pytest.mark.parametrize("submission", submissions.read("honest.md"), ids=str)
def test_honest_but_unusual(submission, patient_workshop):
    trial = patient_workshop.grade(submission.exercise, list(submission.cells), seed=3)
    assert trial.verdict == "pass", trial


def test_there_are_enough():
    assert len(PAGES) >= 10
    assert len(HOSTILE) >= 60
    assert len({submission.values[0].title for submission in HOSTILE}) == len(HOSTILE)


@linux
def test_the_attacks_are_real(outside):
    """Without walls the first thieves get what they came for: it is the walls that stop them."""
    thieves = [each for each in submissions.read("hostile/01_steal.md") if "file" in each.title]
    with Workshop(LIMITS, walls=[]) as open_house:
        verdicts = [open_house.grade("softmax", cells_of(each, outside, 0), 1).verdict for each in thieves]
    assert "pass" in verdicts
