"""The learner's side of the border: load a notebook's definitions, answer the judge's requests.

It is started by path with `python -I -S`, can import numpy (and torch, where the exercise is in PyTorch) and nothing
of the course, and holds no secret: what a right answer is, only the judge knows.
"""

import ast
import gc
import importlib
import importlib.util
import json
import linecache
import os
import signal
import socket
import struct
import sys
import types

EVERYTHING = 1 << 62  # bytes: the judge is trusted


def sibling(name):
    """Load another file of this folder, without its package."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Packages:
    """Finds the packages that an exercise may use, and none of those that lie beside them."""

    def __init__(self, places):
        self.places = places

    def find_spec(self, name, path=None, target=None):
        if path is None and name in self.places:
            return importlib.util.spec_from_file_location(name, self.places[name])
        return None


class Line:
    """The line to the judge, as messages."""

    def __init__(self, channel, wire):
        self.channel, self.wire = channel, wire

    def read(self, size):
        parts = bytearray()
        while len(parts) < size:
            part = self.channel.recv(min(size - len(parts), 1 << 20))
            if not part:
                os._exit(0)  # the judge has hung up
            parts += part
        return parts

    def hear(self):
        return self.wire.unpack(self.read, EVERYTHING, EVERYTHING)

    def say(self, message):
        self.channel.sendall(self.wire.pack(message))


class Loader:
    """Runs the statements that define one exercise, one by one; what fails is noted and left out."""

    def __init__(self, job, line, slices):
        self.job, self.line, self.slices = job, line, slices
        self.name, self.supplied = job["name"], {}
        self.failures, self.flags = [], 0
        self.space = types.ModuleType("__main__")
        self.space.check = lambda answer, *args, **kwargs: answer
        sys.modules["__main__"] = self.space

    def load(self):
        """Return the candidate (None if there is none) and what the judge should know about it."""
        self._supply()
        statements, broken = self._parse()
        for statement in self.slices.choose(statements, [self.name], self.supplied):
            self._run(statement)
            vars(self.space).update(self.supplied)
        own = [each for each in statements if self.name in each.binds and not self.slices.is_check(each.node, self.name)]
        candidate = None if own and self.slices.is_stub(own[-1].node) else getattr(self.space, self.name, None)
        news = {"found": candidate is not None, "stub": bool(own) and self.slices.is_stub(own[-1].node)}
        return candidate, news | {"defined": bool(own), "broken": broken, "failures": self.failures[:5]}

    def _supply(self):
        """Make the course's answers to other exercises from their source text, out of the learner's reach."""
        for module_name, source in self.job["modules"]:
            module = sys.modules[module_name] = types.ModuleType(module_name)
            exec(compile(source, f"<{module_name}>", "exec", dont_inherit=True), vars(module))
        for name, module_name, attribute in self.job["supplied"]:
            self.supplied[name] = getattr(sys.modules[module_name], attribute)
        for module_name, _ in self.job["modules"]:
            del sys.modules[module_name]
        vars(self.space).update(self.supplied)

    def _parse(self):
        """All statements of all cells, and the complaint about a broken cell that was meant to define the exercise."""
        statements, broken = [], ""
        for number, source in enumerate(self.job["cells"], 1):
            if not self._enter(f"cell {number}"):
                continue
            linecache.cache[f"<cell {number}>"] = (len(source), None, source.splitlines(True), f"<cell {number}>")
            try:
                statements += self.slices.parse(source, number)
            except self.slices.UNPARSABLE as error:
                if self.slices.means_to_define(source, self.name):
                    broken = f"cell {number} is not Python: {_sentence(error)}"
        return statements, broken

    def _run(self, statement):
        """Execute one statement under a beacon, so that the judge knows whom to blame if it never ends."""
        if not self._enter(statement.place):
            return
        try:
            tree = ast.Module([statement.node], [])
            code = compile(tree, f"<cell {statement.cell}>", "exec", self.flags, dont_inherit=True)
            self.flags |= code.co_flags & self.slices.FUTURE
            exec(code, vars(self.space))
        except Exception as error:
            if "headstart" not in str(error):  # the course's package is not here, and an answer has no need of it
                self.failures.append(f"{statement.place}: {_sentence(error)}")

    def _enter(self, place):
        """Announce a step, unless an earlier child has shown that it never returns."""
        if place in self.job["skip"]:
            return False
        self.line.say({"at": place})
        return True


def _sentence(error):
    """An exception in one line."""
    where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}"[:300] + where


def session(line, tools, wing):
    """One exercise: take the job, load the answer, answer requests until the judge hangs up."""
    job = line.hear()
    job |= json.loads(bytes(job.pop("notebook")))
    tools.guard.install(job["bans"], lambda name: (line.say({"forbidden": name}), os._exit(0)))
    candidate, news = Loader(job, line, tools.slices).load()
    line.say({"loaded": news})
    while True:
        message = line.hear()
        reply = tools.border.answer(candidate, message["request"], wing)
        try:
            line.say({"number": message["number"], "reply": reply})
        except tools.wire.WireError as error:
            line.say({"number": message["number"], "reply": {"refused": str(error)}})


def nursery(control, tools, setting):
    """Fork one child for every line that the judge sends; tell its process id, and later how it ended."""
    child = None
    while True:
        message, lines, *_ = socket.recv_fds(control, 4096, 1)
        if lines:
            child = os.fork()
            if child == 0:
                control.close()
                os.chdir(message)
                _grow_up(socket.socket(fileno=lines[0]), tools, setting)
            os.close(lines[0])
            os.setpgid(child, child)
            control.send(struct.pack(">q", child))
        elif message:
            _, status = os.waitpid(child, 0)
            control.send(struct.pack(">q", os.waitstatus_to_exitcode(status)))
        else:
            os._exit(0)  # the judge is gone


def _grow_up(channel, tools, setting):
    """What a process does before and after it becomes a learner's."""
    try:
        os.setpgid(0, 0)
        gc.enable()
        session(Line(channel, tools.wire), tools, setting["wing"])
    finally:
        os._exit(1)


def _warm_up(wing):
    """Touch what the first exercise would otherwise pay for."""
    import numpy as np

    np.exp(np.ones((2, 2)) @ np.ones((2, 2))).sum()
    if wing == "in_torch":
        import torch

        torch.set_num_threads(1)
        torch.softmax(torch.ones(2, 2) @ torch.ones(2, 2), -1).sum()
    gc.collect()
    gc.freeze()
    gc.disable()


def main():
    """Become a warm worker that forks, or where that is not possible a worker for one exercise."""
    setting = json.loads(sys.argv[1])
    sys.meta_path.append(Packages(setting["packages"]))
    channel = socket.socket(fileno=setting["line"])
    _warm_up(setting["wing"])
    tools = types.SimpleNamespace(**{name: sibling(name) for name in ("wire", "border", "slices", "guard")})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setting["forks"]:
        nursery(channel, tools, setting)
    else:
        _grow_up(channel, tools, setting)


if __name__ == "__main__":
    main()
