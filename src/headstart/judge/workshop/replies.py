"""What a learner's process says, taken apart with suspicion: every part of the right type, every text fit to show."""

import contextlib
import signal

from headstart.judge.candidate import Stopped
from headstart.judge.desk.text import shown

NONSENSE = "what it sent is no answer to the question"
MEMORY = ("MemoryError", "_ArrayMemoryError", "can't allocate memory")


@contextlib.contextmanager
def demanding_form():
    """Refuse a message that lacks a part or has one of another kind."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise Stopped("refused", NONSENSE) from None


def text(value):
    if not isinstance(value, str):
        raise TypeError
    return value


def news(told):
    """A child's account of the loading, every part of the right type."""
    failures = [shown(text(each)) for each in told["failures"][:5]]
    flags = {key: told[key] is True for key in ("found", "stub", "defined", "leans")}
    return flags | {"failures": failures, "broken": shown(text(told["broken"]))}


def answer(reply):
    """A reply of the border's form, every part of it of the right type. Raises Stopped, KeyError, TypeError."""
    if "refused" in reply:
        what = shown(text(reply["refused"]))
        raise Stopped("refused", f"it returned {what}; a result may hold numbers and arrays of numbers, nothing else")
    if "raised" in reply:
        return {"raised": _story(reply["raised"])}
    if not all(type(i) is int and i >= 0 for i in reply["changed"]):
        raise TypeError
    return {"value": reply["value"], "changed": list(reply["changed"])}


def _story(told):
    """A child's account of an exception, made fit to be shown. Raises Stopped if it ran out of memory."""
    story = {key: shown(text(told[key])) for key in ("type", "message")}
    if story["type"] in MEMORY or MEMORY[-1] in story["message"]:
        raise Stopped("memory", "it asked for more memory than it may have")
    if "line" in told:
        story |= {"line": int(told["line"]), "text": shown(text(told["text"]), 120), "depth": int(told["depth"])}
    return story


def crash(status):
    """The verdict on a process that ended before it answered; `lost` if its parent is gone too, which tells why."""
    if status is None:
        return Stopped("lost", "its worker ended with it")
    if status >= 0:
        return Stopped("crashed", f"it ended its own process (exit code {status})")
    if status == -9:  # SIGKILL, which Windows lacks
        return Stopped("crashed", "its process was killed, or closed its line to the judge")
    names = {each.value: each.name for each in signal.Signals}
    return Stopped("crashed", f"its process died ({names.get(-status, -status)})")
