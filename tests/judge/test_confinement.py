"""The walls: what a learner's process can see and do, what the report says of it, and what remains without them."""

import os
import sys
import time
from pathlib import Path

import pytest

from headstart.judge.worker import seccomp
from headstart.judge.workshop import tiers
from headstart.judge.workshop.session import Session
from headstart.judge.workshop.workshop import Limits, Workshop

LINUX = pytest.mark.skipif(len(tiers.walls()) < 2, reason="these walls need Linux with Landlock and seccomp")
REQUEST = {"calls": [["", [], {}]]}


@pytest.fixture(scope="module")
def workshop():
    with Workshop() as workshop:
        yield workshop


def probe(workshop, body, wing="in_numpy"):
    """Run the body of a function in a learner's process and return what the judge is told."""
    source = "def probe():\n" + "\n".join(f"    {line}" for line in body.splitlines())
    job = {"name": "probe", "modules": [], "supplied": [], "bans": [], "needs": []}
    with Session(workshop._worker(wing), workshop.limits) as session:
        session.load([source], job)
        reply = session.ask(REQUEST)
    return reply["value"] if "value" in reply else reply["raised"]["type"]


def test_it_is_alone_and_knows_nothing(workshop, monkeypatch):
    monkeypatch.setenv("HEADSTART_SECRET", "x")
    known = {"LC_CTYPE", "SYSTEMROOT", "TORCHINDUCTOR_CACHE_DIR", "__CF_USER_TEXT_ENCODING"}
    left = set(probe(workshop, "import os\nreturn list(os.environ)")) - known
    assert left == {"MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    assert (
        probe(workshop, "import sys\nreturn [m for m in sys.modules if m.split('.')[0] in ('headstart', 'pytest')]")
        == []
    )
    assert probe(workshop, "import sys\nreturn [p for p in sys.path if 'site-packages' in p]") == []
    assert probe(workshop, "return open(0).read() + open('/dev/null').read()") == ""


@LINUX
def test_it_has_no_file_open_but_its_line(workshop):
    body = """
import os
found = []
for number in range(64):
    try: os.fstat(number)
    except OSError: continue
    found.append(number)
return found
"""
    assert len(probe(workshop, body.strip())) == 4


@pytest.mark.parametrize("name", ["scipy", "torch", "headstart", "pytest", "matplotlib", "pip"])
def test_numpy_exercises_have_numpy_alone(workshop, name):
    assert probe(workshop, f"import {name}") == "ModuleNotFoundError"


def test_pytorch_exercises_have_torch(workshop):
    assert probe(workshop, "import torch, sympy\nreturn torch.get_num_threads()", "in_torch") == 1
    assert probe(workshop, "import scipy", "in_torch") == "ModuleNotFoundError"


@LINUX
@pytest.mark.parametrize(
    "body",
    [
        f"open({__file__!r}).read()",
        f"import os; os.listdir({str(Path(__file__).parent)!r})",
        f"open({pytest.__file__!r}).read()",
        f"import os; os.listdir({str(Path(pytest.__file__).parents[1])!r})",
        "open('/etc/passwd').read()",
        "open('/proc/self/maps').read()",
        "open('/proc/1/cmdline').read()",
        "open('file', 'w')",
        "import os; os.mkdir('folder')",
        "import os; os.memfd_create('x')",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getpid(), 0)",
        "import os; os.setsid()",
        "import os; os.setpriority(os.PRIO_PROCESS, 0, 19)",
        "import os; os.sched_setaffinity(os.getppid(), {0})",
        "import os; os.mkfifo('pipe')",
        "import os; os.chroot('.')",
        "import os; os.unshare(0x20000) if hasattr(os, 'unshare') else os.fork()",
        "import socket; socket.socket()",
        "import socket; socket.socketpair()",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))",
        "import fcntl; fcntl.fcntl(1, fcntl.F_SETOWN, 1)",
        "import fcntl; fcntl.ioctl(1, 0x5412, b'x')",
    ],
)
def test_it_may_not(workshop, body):
    assert probe(workshop, body) in ("PermissionError", "ValueError", "OSError")


@LINUX
@pytest.mark.parametrize("call", [101, 165, 272, 308, 310, 311, 321, 425, 438, 440, 29, 41, 56, 57, 62, 435])
@pytest.mark.skipif(seccomp.platform.machine() != "x86_64", reason="numbers of x86-64")
def test_calls_of_the_kernel_that_fail(workshop, call):
    """ptrace, mount, namespaces, other processes' memory, bpf, io_uring, pidfd, shared memory, clone, fork, kill, …"""
    libc = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    body = f"{libc}return [libc.syscall({call}, *[0] * 6), ctypes.get_errno()]"
    assert probe(workshop, body) in ([-1, 1], [-1, 38])


def test_what_honest_answers_need_still_works(workshop):
    body = """
import concurrent.futures, contextlib, io, logging, os, random, secrets, tempfile, threading, time, warnings
import numpy as np
with concurrent.futures.ThreadPoolExecutor(2) as pool, open(os.devnull, "w") as file, contextlib.redirect_stdout(file):
    print("x")
    total = sum(pool.map(abs, range(-5, 5)))
time.sleep(0.001)
warnings.warn("x")
logging.error("x")
return [total, float(np.linalg.norm(np.fft.fft(np.random.default_rng().normal(size=64)))) > 0, random.random() < 1]
"""
    assert probe(workshop, body.strip()) == [25, True, True]


def test_the_report_says_what_stands():
    assert tiers.sentence(["landlock", "seccomp"]).endswith("and seccomp")
    assert "no Landlock" in tiers.sentence(["seccomp"])
    assert "no seccomp" in tiers.sentence(["landlock"])
    assert Workshop(walls=[]).tier == tiers.sentence([])


@pytest.mark.parametrize("walls", [[], ["landlock"], ["seccomp"]])
def test_no_grading_on_less_than_was_asked_for(walls):
    with pytest.raises(tiers.Unconfined, match="cannot confine learner code: "):
        Workshop(require_confinement=True, walls=walls)


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_without_seccomp_what_a_process_leaves_behind_is_ended(tmp_path):
    """A daemon that has left its group and its parent is found all the same."""
    note = tmp_path / "pid"
    body = f"""
import os, time, resource
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(note)!r}, "w").write(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
while not os.path.exists({str(note)!r}) or not open({str(note)!r}).read(): time.sleep(0.01)
return 1
"""
    with Workshop(walls=[]) as open_house:
        told = probe(open_house, body.strip())
        assert told == 1 or os.getuid() != 0  # only root may start processes here
    if told == 1:
        process, end = Path(f"/proc/{note.read_text()}"), time.monotonic() + 5
        while process.exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert not process.exists()


def test_without_walls_limits_still_hold():
    with Workshop(Limits(seconds=1.0, memory=1 << 28), walls=[]) as open_house:
        hang = open_house.grade("softmax", ["def softmax(x, axis=-1):\n    while True: pass"], 1)
        hoard = open_house.grade("softmax", ["def softmax(x, axis=-1): return bytearray(1 << 30)"], 1)
    assert (hang.verdict, hoard.verdict) == ("timeout", "memory")
