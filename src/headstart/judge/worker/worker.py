"""A worker: the process that learner code runs in, or that forks the processes it runs in.

It is started by path with `python -I -S`, can import numpy (and torch, where the exercise is in PyTorch) and nothing
of the course, and holds no secret: what a right answer is, only the judge knows.
"""

import ast
import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import types

READY = b"!"


def tool(path):
    """Load a file of the judge by its path from this folder, without its package."""
    name = os.path.basename(path)
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{path}.py")
    spec = importlib.util.spec_from_file_location(name, file)
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


def nursery(control, tools, setting):
    """Fork one child for every line that the judge sends; see each to its end, and tell how it ended if asked."""
    children = set()
    while True:
        message, lines, *_ = socket.recv_fds(control, 4096, 1)
        if lines:
            children.add(fork(message, lines[0], control, tools, setting))
        elif message:
            pid, asked = struct.unpack(">q?", message)
            _, status = os.waitpid(pid, 0)
            children.remove(pid)
            tools.orphans.end(but=children)
            if asked:
                control.send(struct.pack(">q", os.waitstatus_to_exitcode(status)))
        else:
            os._exit(0)  # the judge is gone


def fork(folder, line, control, tools, setting):
    """Start a child that lives in a folder and talks over a line, first of its process id, which is returned."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        control.close()
        os.chdir(folder)
        channel = socket.socket(fileno=line)
        channel.sendall(struct.pack(">q", os.getpid()))
        live(channel, tools, setting)
    os.close(line)
    return child


class Orphans:
    """What a child has started and left behind comes to its parent, this process. (With seccomp nothing can.)"""

    def __init__(self, confine):
        confine.adopt_orphans()
        try:
            self.list = open(f"/proc/self/task/{os.getpid()}/children")  # noqa: SIM115 - Landlock will forbid to open it
        except OSError:
            self.list = None

    def end(self, but):
        """Kill them all, and those that then come to light; but not the children that are known."""
        while self.list and (found := self._found() - but):
            for pid in found:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def forget(self):
        """Close the list, in a child."""
        if self.list:
            self.list.close()

    def _found(self):
        self.list.seek(0)
        return {int(pid) for pid in self.list.read().split()}


def live(channel, tools, setting):
    """The life of a learner's process: build the walls, then work within them."""
    try:
        tools.orphans.forget()
        tools.confine.tie_to_parent()
        tools.confine.limit(setting["limits"], processes="seccomp" in setting["walls"])
        if "seccomp" in setting["walls"]:
            tools.seccomp.apply(tools.confine.libc(), tools.confine.landlock_version() >= 3)
        rehearse(tools, setting["wing"])
        gc.enable()
        tools.service.session(tools.service.Line(channel, tools.wire), tools, setting["wing"])
    finally:
        os._exit(1)


def warm_up(tools, setting):
    """Import and do once what every exercise would otherwise pay for, and build the wall that all of them share."""
    rehearse(tools, setting["wing"])
    tools.seccomp.assembled(tools.confine.landlock_version() >= 3)
    tools.bans = tools.guard.prepare(setting["bans"])
    tools.orphans = Orphans(tools.confine)
    setting["limits"]["memory"] += tools.confine.size()
    if "landlock" in setting["walls"]:
        folders = [os.path.dirname(place) for place in setting["packages"].values() if place.endswith("__init__.py")]
        files = [place for place in setting["packages"].values() if not place.endswith("__init__.py")]
        tools.confine.landlock([*tools.confine.library_files(), *folders, *files])
    tempfile.tempdir = "."  # libraries ask for it, though within the walls nothing is writable
    gc.collect()
    gc.freeze()
    gc.disable()


def rehearse(tools, wing):
    """Go through an exercise: once for the caches behind it, then in each child for the memory that it writes to."""
    import numpy as np

    if wing == "in_torch":
        import torch

        torch.set_num_threads(1)
    space, source = {}, "import math\n\n\ndef answer(x):\n    return x @ x * math.pi\n"
    for statement in tools.slices.choose({1: source}, {"answer"}):
        exec(compile(ast.Module([statement.node], []), "<rehearsal>", "exec"), space)
    request = {"calls": [["", [np.ones((2, 2))], {}]]}
    tools.wire.pack(tools.border.answer(space["answer"], request, wing))


TOOLS = ("wire", "../border", "slices", "loader", "service", "guard", "confine", "seccomp")


def main():
    """Become a warm worker that forks, or where that is not possible a worker for one exercise."""
    setting = json.loads(sys.argv[1])
    channel = take_line(setting)
    sys.meta_path.append(Packages(setting["packages"]))
    tools = types.SimpleNamespace(**{os.path.basename(path): tool(path) for path in TOOLS})
    warm_up(tools, setting)
    channel.send(READY)
    if setting["forks"]:
        nursery(channel, tools, setting)
    else:
        live(channel, tools, setting)


def take_line(setting):
    """The socket that the judge has handed over."""
    if sys.platform == "win32":
        return socket.fromshare(sys.stdin.buffer.read())
    return socket.socket(fileno=setting["line"])


if __name__ == "__main__":
    main()
