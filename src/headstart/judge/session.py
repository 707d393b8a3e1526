"""One exercise in one child: load the notebook, put the laws' requests to it, and never trust a word it says."""

import contextlib
import json
import signal
import time

import numpy as np

from headstart.judge import wire
from headstart.judge.candidate import Stopped
from headstart.judge.text import shown

RETRIES = 8  # cells and statements that may hang or crash before an exercise is given up
MEMORY = ("MemoryError", "_ArrayMemoryError", "can't allocate memory")


class Session:
    """Talks with children of a worker until one has loaded the notebook; then with that one."""

    def __init__(self, worker, limits):
        self.worker, self.limits = worker, limits
        self.left, self.most, self.number = limits.seconds, limits.reply, 0
        self.child, self.failures = None, []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.child:
            self.child.end()

    def load(self, job):
        """Have the notebook loaded. A step that never returns is left out in the next child. Raises Stopped."""
        skipped = {}
        for _ in range(RETRIES):
            try:
                news = self._load(job, skipped)
            except _Stuck as stuck:
                skipped[stuck.place] = last = stuck
            else:
                return self._judge_loading(job["name"], news, skipped)
        raise last

    def _load(self, job, skipped):
        """Follow one child through the notebook until it tells what it found. Raises Stopped."""
        self.child = self.worker.child()
        notebook = json.dumps(job | {"skip": list(skipped)}).encode()
        self._send({"notebook": np.frombuffer(notebook, np.uint8)})
        place, patience = "", self.left
        while True:
            try:
                message = self._hear(patience)
            except Stopped as stopped:
                if self.left <= 0 or not place or place in skipped:
                    raise
                self.child.end()
                raise _Stuck(stopped.verdict, f"{place}: {stopped}", place) from None
            with _demanding_form():
                if "loaded" in message:
                    return _checked_news(message["loaded"])
                place, patience = shown(_text(message["at"]), 80), self.limits.statement

    def _judge_loading(self, name, news, skipped):
        """Go on if the child has a candidate, else say why there is none."""
        self.failures = news["failures"] + [str(each) for each in skipped.values()]
        last = [*skipped.values()][-1:]
        if news["found"]:
            return
        if news["broken"]:
            raise Stopped("error", news["broken"])
        if news["stub"]:
            raise Stopped("not attempted", "the answer is still `raise NotImplementedError`")
        if not news["defined"] and not last:
            raise Stopped("not attempted", f"no cell defines {name}")
        reason = self.failures[-1] if self.failures else "what defines it did not run"
        raise Stopped(last[0].verdict if last else "error", f"{name} was not defined; {reason}")

    def ask(self, request):
        """Put one request to the candidate and return the border's reply. Raises Stopped."""
        self.number += 1
        self._send({"number": self.number, "request": request})
        message = self._hear(self.left)
        with _demanding_form():
            if message["number"] != self.number:
                raise Stopped("refused", "its reply belongs to another question")
            return _checked(message["reply"])

    def _send(self, message):
        frame = wire.pack(message)
        self._within(self.left, lambda _: self.child.channel.sendall(frame))

    def _hear(self, seconds):
        """The child's next message, as a dict. Raises Stopped for whatever else comes."""
        try:
            message = self._within(seconds, lambda end: wire.unpack(lambda size: self._read(size, end), self.most))
        except wire.WireError as error:
            raise Stopped("refused", f"what it sent cannot be read: {shown(str(error))}") from None
        if not isinstance(message, dict):
            raise Stopped("refused", NONSENSE)
        if "forbidden" in message:
            raise Stopped("forbidden", f"it called {shown(_text(message['forbidden']), 80)}, which is what it should write")
        return message

    def _read(self, size, end):
        parts = bytearray()
        while len(parts) < size:
            self.child.channel.settimeout(max(end - time.monotonic(), 1e-3))
            part = self.child.channel.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        self.most -= size
        return parts

    def _within(self, seconds, act):
        """Do something with the child that must be over by the deadline, and charge the time to it."""
        started = time.monotonic()
        end = started + min(seconds, self.left)
        try:
            self.child.channel.settimeout(max(end - started, 1e-3))
            return act(end)
        except TimeoutError:
            self.child.end()
            raise Stopped("timeout", f"it did not answer within {min(seconds, self.limits.seconds):g} s") from None
        except (EOFError, OSError):
            raise _crashed(self.child.end()) from None
        finally:
            self.left -= time.monotonic() - started


class _Stuck(Stopped):
    """A step of loading that never returns."""

    def __init__(self, verdict, message, place):
        super().__init__(verdict, message)
        self.place = place


NONSENSE = "what it sent is no answer to the question"


@contextlib.contextmanager
def _demanding_form():
    """Refuse a message that lacks a part or has one of another kind."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Stopped("refused", NONSENSE) from None


def _text(value):
    if not isinstance(value, str):
        raise TypeError
    return value


def _checked_news(news):
    """A child's account of the loading, every part of the right type."""
    failures = [shown(_text(each)) for each in news["failures"][:5]]
    flags = {key: news[key] is True for key in ("found", "stub", "defined")}
    return flags | {"failures": failures, "broken": shown(_text(news["broken"]))}


def _checked(reply):
    """A reply of the border's form, every part of it of the right type. Raises Stopped, KeyError, TypeError."""
    if "refused" in reply:
        what = shown(_text(reply["refused"]))
        raise Stopped("refused", f"it returned {what}; a result may hold numbers and arrays of numbers, nothing else")
    if "raised" in reply:
        return {"raised": _story(reply["raised"])}
    if not all(type(i) is int and i >= 0 for i in reply["changed"]):
        raise TypeError
    return {"value": reply["value"], "changed": list(reply["changed"])}


def _story(told):
    """A child's account of an exception, made fit to be shown. Raises Stopped if it ran out of memory."""
    story = {key: shown(_text(told[key])) for key in ("type", "message")}
    if story["type"] in MEMORY or MEMORY[-1] in story["message"]:
        raise Stopped("memory", "it asked for more memory than it may have")
    if "line" in told:
        story |= {"line": int(told["line"]), "text": shown(_text(told["text"]), 120), "depth": int(told["depth"])}
    return story


def _crashed(status):
    """The verdict on a process that ended before it answered."""
    if status is None or status >= 0:
        return Stopped("crashed", f"it ended its own process (exit code {status})")
    if status == -signal.SIGKILL:
        return Stopped("crashed", "its process was killed, or closed its line to the judge")
    return Stopped("crashed", f"its process died ({signal.Signals(-status).name})")
