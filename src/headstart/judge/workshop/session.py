"""One exercise in one child: load the notebook, put the laws' requests to it, and never trust a word it says."""

import functools
import json
import time

import numpy as np

from headstart.judge.candidate import Stopped
from headstart.judge.desk.text import shown
from headstart.judge.worker import slices, wire
from headstart.judge.workshop import replies

RETRIES = 8  # cells and statements that may hang or crash before an exercise is given up


class Session:
    """Talks with children of a worker until one has loaded the notebook; then with that one."""

    def __init__(self, worker, limits):
        self.worker, self.limits = worker, limits
        self.left, self.most, self.number = limits.seconds, limits.reply, 0
        self.child, self.heard, self.failures, self.leans = None, bytearray(), [], True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.child:
            self.child.end()

    def load(self, cells, job):
        """Have the notebook's cells loaded. A step that never returns is left out in the next child. Raises Stopped.

        Before the first step no learner code has run: a child that ends there is replaced once.
        """
        notebook, skipped = np.frombuffer(_read_up(tuple(cells)), np.uint8), {}
        for _ in range(RETRIES):
            try:
                news = self._load(notebook, job | {"skip": list(skipped)}, skipped)
            except _Stuck as stuck:
                skipped[stuck.place] = last = stuck
            else:
                skipped.pop("", None)
                return self._judge_loading(job["name"], news, skipped)
        raise last

    def _load(self, notebook, job, skipped):
        """Follow one child through the notebook until it tells what it found. Raises Stopped."""
        self.child, self.heard = self.worker.child(), bytearray()
        place, patience = "", self.left
        try:
            self._send({"notebook": notebook, "job": job})
            while "loaded" not in (message := self._hear(patience)):
                with replies.demanding_form():
                    place, patience = shown(replies.text(message["at"]), 80), self.limits.statement
        except Stopped as stopped:
            if self.left <= 0 or place in skipped or stopped.verdict == "lost":
                raise
            self.child.end()
            raise _Stuck(stopped.verdict, f"{place}: {stopped}", place) from None
        with replies.demanding_form():
            return replies.news(message["loaded"])

    def _judge_loading(self, name, news, skipped):
        """Go on if the child has a candidate, else say why there is none."""
        self.failures = news["failures"] + [str(each) for each in skipped.values()]
        self.leans = news["leans"]
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
        with replies.demanding_form():
            if message["number"] != self.number:
                raise Stopped("refused", "its reply belongs to another question")
            return replies.answer(message["reply"])

    def _send(self, message):
        frame = wire.pack(message)
        self._within(self.left, lambda _: self.child.channel.sendall(frame))

    def _hear(self, seconds):
        """The child's next message, as a dict. Raises Stopped for whatever else comes."""
        try:
            message = self._within(seconds, lambda end: wire.unpack(lambda size: self._read(size, end), self.most))
        except wire.WireError as error:
            raise Stopped("refused", f"what it sent cannot be read: {shown(str(error))}") from None
        with replies.demanding_form():
            if "forbidden" in message.keys():  # noqa: SIM118 - it may be anything
                name = shown(replies.text(message["forbidden"]), 80)
                raise Stopped("forbidden", f"it called {name}, which the exercise asks you to write")
        return message

    def _read(self, size, end):
        """The next `size` bytes from the child, by the time `end`."""
        while len(self.heard) < size:
            if (rest := end - time.monotonic()) <= 0:  # however fast it drips
                raise TimeoutError
            self.child.channel.settimeout(rest)
            part = self.child.channel.recv(1 << 16)
            if not part:
                raise EOFError
            self.heard += part
        self.most -= size
        part = self.heard[:size]
        del self.heard[:size]
        return part

    def _within(self, seconds, act):
        """Do something with the child that must be over by the deadline, and charge the time to it."""
        started, allowed = time.monotonic(), min(seconds, self.left)
        try:
            self.child.channel.settimeout(max(allowed, 1e-3))
            return act(started + allowed)
        except TimeoutError:
            self.child.end()
            limit = seconds if allowed < self.left else self.limits.seconds
            raise Stopped("timeout", f"it did not end within {limit:g} s") from None
        except (EOFError, OSError):
            raise replies.crash(self.child.end(wait=True)) from None
        finally:
            self.left -= time.monotonic() - started


@functools.lru_cache(maxsize=4)  # all exercises of a notebook are asked for, one after the other
def _read_up(cells):
    """The cells and the words in them, as a worker takes them."""
    words = [[list(each) for each in slices.words_of(cell)] for cell in cells]
    return json.dumps({"cells": cells, "words": words}).encode()


class _Stuck(Stopped):
    """A step of loading that never returns."""

    def __init__(self, verdict, message, place):
        super().__init__(verdict, message)
        self.place = place
