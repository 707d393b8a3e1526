"""How well learner code can be confined on this machine, and the sentence about it for the report."""

from headstart.judge.worker import confine, seccomp
from headstart.judge.workshop.workers import FORKS, WorkshopError

WITHOUT = {
    "landlock": "files can be read and, where permissions allow, written (no Landlock)",
    "seccomp": "the network and other processes can be reached (no seccomp)",
}


class Unconfined(WorkshopError):
    """This machine cannot confine learner code as well as was asked for."""


def walls():
    """Which of the two walls this machine can build: landlock (files), seccomp (network, processes, signals)."""
    offered = {"landlock": confine.landlock_version() > 0, "seccomp": confine.has_seccomp() and seccomp.known()}
    return [wall for wall, there in offered.items() if there]


def sentence(built):
    """The end of the sentence "learner code ran …"."""
    process = "in a process of its own for each exercise, with limits on time"
    if FORKS:
        process += ", memory and file size"
    missing = [text for wall, text in WITHOUT.items() if wall not in built]
    if missing:
        return f"{process}, not confined further: {' and '.join(missing)}"
    return f"{process}, confined by Landlock {confine.landlock_version()} and seccomp"


def demand(built):
    """Raise Unconfined unless all walls stand."""
    missing = [text for wall, text in WITHOUT.items() if wall not in built]
    if missing:
        raise Unconfined(f"this machine cannot confine learner code: {' and '.join(missing)}")
