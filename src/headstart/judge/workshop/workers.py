"""Processes for learner code: a warm worker that forks a child an exercise, or a fresh process where none can fork."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

from headstart.threads import ONE_THREAD

WORKER = Path(__file__).parents[1] / "worker" / "worker.py"
FORKS = sys.platform == "linux"  # macOS's own libraries do not survive a fork
TORCH = ["torch", "torchgen", "functorch"]
BEHIND_TORCH = ["typing_extensions", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec", "filelock"]
PACKAGES = {"in_numpy": ["numpy"], "in_torch": ["numpy", *TORCH, *BEHIND_TORCH]}
CACHE = {"TORCHINDUCTOR_CACHE_DIR": "."}  # torch.func makes sure at its first call that this exists
STARTING = 120.0  # seconds for an interpreter to import its library on a busy machine


class WorkshopError(Exception):
    """No learner code can be run here; the message says why."""


class Child:
    """A process that runs one learner's code for one exercise.

    kill   ends it; told to wait, it returns how it ended
    """

    def __init__(self, channel, folder, kill):
        self.channel, self._folder, self._kill, self._status = channel, folder, kill, None

    def end(self, wait=False):
        """Kill it and all it has started, remove its folder; with `wait`, return how it ended, as subprocess does."""
        if self._kill:
            self.channel.close()
            self._status, self._kill = self._kill(wait), None
            shutil.rmtree(self._folder, ignore_errors=True)
        return self._status


class Nursery:
    """A warm worker: a process that imports its library, once, and forks a child for each exercise.

    Within all walls, where no child can reach another, the next one is forked and walled in while this one works, and
    nobody waits until the last one is gone: both take time on another core that an exercise would have to wait for.
    """

    def __init__(self, setting, folder):
        self.control, self.process = _spawn(setting, folder)
        self.folder, self.next, self.is_ready = folder, None, False
        self.ahead = {"landlock", "seccomp"} <= set(setting["walls"])

    def wait(self):
        """Wait until the library is imported. Raises WorkshopError."""
        if not self.is_ready:
            _wait_for(self.control, self.process)
        self.is_ready = True

    def child(self):
        """A child, for one exercise. Raises OSError or struct.error if the warm worker is no more."""
        channel, folder = self.next or self._fork()
        self.next = self._fork() if self.ahead else None
        channel.settimeout(STARTING)
        (pid,) = struct.unpack(">q", channel.recv(8))
        return Child(channel, folder, lambda wait: self._reap(pid, wait or not self.ahead))

    def _fork(self):
        """Order a child: the line to it, and its folder."""
        ours, theirs = socket.socketpair()
        folder = tempfile.mkdtemp(dir=self.folder)
        with theirs:
            socket.send_fds(self.control, [folder.encode()], [theirs.fileno()])
        return ours, folder

    def _reap(self, pid, wait):
        """Kill a child's process group; its parent, the warm worker, tells how it ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        try:
            self.control.send(struct.pack(">q?", pid, wait))
            return struct.unpack(">q", self.control.recv(8))[0] if wait else None
        except (OSError, struct.error):
            self.close()
            return None

    def close(self):
        """End it, and before it the child that waits, so that its parent sees all its children to their end."""
        self.ahead = False
        with contextlib.suppress(OSError, struct.error):
            if self.next:
                self.child().end()
        self.control.close()
        _killed(self.process)


class Worker:
    """The source of children for one wing."""

    def __init__(self, wing, limits, walls, bans):
        self.folder, self.nurseries = tempfile.mkdtemp(prefix="headstart-"), []
        self.setting = {"wing": wing, "packages": _places(wing), "limits": vars(limits), "bans": bans}
        self.setting |= {"walls": walls, "forks": FORKS}
        self.close = weakref.finalize(self, _sweep, self.folder, self.nurseries, os.getpid())

    def start(self):
        """See to it that a warm worker is there or on its way, where it can fork."""
        if FORKS and not self.nurseries:
            self.nurseries.append(Nursery(self.setting, self.folder))

    def warm(self):
        """See to it that a warm worker is there, where it can fork. Raises WorkshopError."""
        self.start()
        try:
            for nursery in self.nurseries:
                nursery.wait()
        except WorkshopError:
            self.nurseries.pop().close()
            raise

    def child(self):
        """Start a child. Raises WorkshopError."""
        if not FORKS:
            folder = tempfile.mkdtemp(dir=self.folder)
            channel, process = _spawn(self.setting, folder)
            _wait_for(channel, process)
            return Child(channel, folder, lambda wait: _killed(process))
        for _ in range(2):  # a warm worker that died (out of memory, …) is replaced once
            self.warm()
            try:
                return self.nurseries[0].child()
            except (OSError, struct.error) as error:
                self.nurseries.pop().close()
                reason = error
        raise WorkshopError(f"the worker for {self.setting['wing']} does not stay alive ({reason})")


def _sweep(folder, nurseries, owner):
    """End a worker and remove its folder; a copy of this process, made by fork, leaves them alone."""
    if os.getpid() == owner:
        for nursery in nurseries:
            nursery.close()
        shutil.rmtree(folder, ignore_errors=True)


def _places(wing):
    """Where the packages lie that a wing's answers may import; finding them imports none."""
    specs = {name: importlib.util.find_spec(name) for name in PACKAGES[wing]}
    if wing == "in_torch" and specs["torch"] is None:
        raise WorkshopError("PyTorch is not installed, and without it no PyTorch exercise can be graded")
    return {name: spec.origin for name, spec in specs.items() if spec and spec.origin}


def _spawn(setting, folder):
    """Start an isolated interpreter with a line to it: (socket, process)."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET if FORKS else socket.SOCK_STREAM)
    windows = sys.platform == "win32"
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-X", "utf8", WORKER, json.dumps(setting | {"line": theirs.fileno()})],
            env=ONE_THREAD | CACHE | ({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if windows else {}),
            cwd=folder,
            stdin=subprocess.PIPE if windows else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **({} if windows else {"pass_fds": [theirs.fileno()], "start_new_session": True}),
        )
        if windows:  # a socket is handed over by value, through the standard input
            process.stdin.write(theirs.share(process.pid))
            process.stdin.close()
    return ours, process


def _wait_for(channel, process):
    """Wait until a process says that its library is imported. Raises WorkshopError if it ends before."""
    channel.settimeout(STARTING)
    with contextlib.suppress(OSError):
        if channel.recv(1):
            return
    channel.close()
    raise WorkshopError(f"the worker does not start (exit code {_killed(process)})")


def _killed(process):
    """Kill a process with its group and return how it ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    return process.wait()
