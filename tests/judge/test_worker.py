"""The workshop: which statements run, which verdicts come out, what crosses the wire, and who is replaced."""

import ast
import contextlib
import os
import signal
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from headstart.graders import exercises
from headstart.judge import course
from headstart.judge.candidate import Candidate
from headstart.judge.trial import hold
from headstart.judge.worker import slices, wire
from headstart.judge.workshop import tiers, workers
from headstart.judge.workshop.session import Session
from headstart.judge.workshop.supply import supply
from headstart.judge.workshop.workshop import Limits, Workshop

LIMITS = Limits(seconds=2.0, statement=0.3)
SOFTMAX = """
import numpy as np
def softmax(x, axis=-1):
    top = x.max(axis=axis, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0.0))
    return e / np.maximum(e.sum(axis=axis, keepdims=True), 1e-300)
"""
WEIGHTS = """
def attention_weights(q, k, mask=None):
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))
"""
STUB = """
def softmax(x, axis=-1):
    "Turn scores into weights."
    raise NotImplementedError
softmax = check(softmax)
"""
HEAD = "def softmax(x, axis=-1):\n    "


@pytest.fixture(scope="module")
def workshop():
    with Workshop(LIMITS) as workshop:
        yield workshop


def chosen(source, *names):
    return [each.node.lineno for each in slices.choose({1: source}, names)]


def test_a_demonstration_that_calls_a_library_is_left_out():
    cells = {
        1: "import numpy as np\nimport torch",
        2: "runs = train()\ntorch.testing.assert_close(runs, np.ones(3))",
        3: "def answer(x):\n    return torch.tanh(x)",
    }
    assert [each.place for each in slices.choose(cells, {"answer"})] == ["cell 1, line 2", "cell 3, line 1"]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\nf = lambda: x\nprint(f())\ny = f()", [1, 2]),
        ("import a, b\ndef f(): return b.c\nb.c = 2\nb.seed(0)", [1, 2]),
        ("T = {}\nT['a'] = 1\nT.update(b=2)\nT.c = 3\nU = T\ndef f(): return T", [1, 2, 3, 4, 6]),
        ("f = None\nwith o as f: pass\nfor f in (): pass\ntry: pass\nexcept OSError as f: pass", [1, 2, 3, 4]),
        ("if (f := 1): pass\nf += 1\ndel f\n(f, g) = 1, 2\nf: int = 3", [1, 2, 3, 4, 5]),
        ("def set():\n    global f\n    f = 1\nset()\nmatch 1:\n    case f: pass", [1, 5]),
        ("def f():\n    y = 1\n    return lambda: y + z\ny = 2\nz = 3", [1, 5]),
        ("class f(base):\n    a = b\n    def m(self): return c\nbase = b = c = d = 1", [1, 4]),
        ("for i in range(3):\n    T.append(i)\nT = []\nf = T", [1, 3, 4]),
        ("@told\ndef f(x: hint = default): pass\ntold = hint = default = 1", [2, 3]),
        ("a = 'é'; f = a; b = f  # note\na = 2  # f", [1, 1, 2]),
        ("f = [a,\n  b]; c = f\nb = a = c = 1; a = '\\\n'; d = a", [1, 3, 3]),
    ],
)
def test_what_a_definition_depends_on(source, lines):
    assert chosen(source, "f") == lines


def test_the_text_of_a_statement_refers_to_what_the_statement_does():
    source = "@told(1)\ndef f(x):\n    return x + y  # z\nx = y; z = (f(\n  w), f'{v}'); u = z\nif a:\n    b\n# c"
    statements = slices.parse(source)
    found = [slices.uses(each.text) for each in statements]
    assert found == [slices.uses(ast.unparse(each.node)) for each in statements]
    assert found == [{"told", "y"}, {"y"}, {"f", "w", "v"}, {"z"}, {"a", "b"}]


def test_magic_hides_nothing_and_is_found_only_where_it_stands():
    source = "%time\nx = !ls\nif x:\n    !rm\nf?\ntext = '''\n%s\n''' % 1\ny = (1\n% 2)\n%%bash\ndef f(): pass"
    assert [type(each.node).__name__ for each in slices.parse(source)][-1] == "FunctionDef"
    assert "%s" in slices.parse(source)[-4].node.value.left.value


@pytest.mark.parametrize(
    ("cells", "verdict", "message"),
    [
        ([SOFTMAX], "pass", "laws hold"),
        ([STUB], "not attempted", "NotImplementedError"),
        (["x = 1"], "not attempted", "no cell defines softmax"),
        ([STUB, SOFTMAX], "pass", "laws hold"),
        ([SOFTMAX, STUB], "not attempted", "NotImplementedError"),
        ([SOFTMAX, "softmax = lambda x, axis=-1: x"], "wrong", "it should be"),
        ([HEAD + "return x +"], "error", "cell 1 is not Python: SyntaxError: invalid"),
        ([SOFTMAX, "def softmax(:"], "pass", "laws hold"),
        (["softmax = 1 / 0"], "error", "cell 1, line 1: ZeroDivisionError"),
        ([HEAD + "return nothing[x]"], "error", "name 'nothing' is not defined in line 2"),
        (["nothing = 1 / 0\n" + HEAD + "return nothing"], "error", "before that, cell 1, line 1: ZeroDivision"),
        (["import headstart\nsoftmax = headstart.softmax"], "error", "name 'headstart' is not defined"),
        ([HEAD + "return {1, 2}"], "refused", "it returned a set"),
        ([HEAD + "return x.astype(complex)"], "refused", "an array of complex128"),
        ([HEAD + "x += 1\n    return x"], "wrong", "it changed its input"),
        ([HEAD + "while True: pass"], "timeout", "it did not end within 2 s"),
        (["while True: softmax = 1"], "timeout", "cell 1, line 1: it did not end within 0.3 s"),
        (["while True: y = 1", "y = 2\nimport time\ntime.sleep(9)\n" + SOFTMAX + "\nz = y"], "pass", "laws hold"),
        (["def f():\n    while True: pass\nbase = f()\n" + SOFTMAX + "\nsoftmax.base = base"], "pass", "laws hold"),
    ],
)  # fmt: skip
def test_verdicts(workshop, cells, verdict, message):
    trial = workshop.grade("softmax", cells, seed=1)
    assert (trial.verdict, message in trial.message) == (verdict, True), trial


def test_a_mistake_costs_one_mark(workshop):
    broken = "def softmax(x): return x"
    helped = workshop.grade("attention_weights", [SOFTMAX, broken, WEIGHTS], seed=1)
    assert helped.verdict == "pass"
    assert helped.message.endswith("with the course's own softmax")
    assert workshop.grade("softmax", [SOFTMAX, broken, WEIGHTS], seed=1).verdict != "pass"
    wrong = workshop.grade("attention_weights", [broken, "import numpy as np", WEIGHTS.replace("np.sqrt", "")], seed=1)
    assert wrong.verdict == "wrong"


def test_an_answer_that_leans_on_nobody_is_tried_once(workshop):
    endless = "def attention_weights(q, k, mask=None):\n    while True: pass"
    assert workshop.grade("attention_weights", [SOFTMAX, endless], seed=1).verdict == "timeout"
    _, leans = workshop._try("attention_weights", [SOFTMAX, endless], 1, [], [])
    assert not leans


def test_the_answer_under_judgement_never_leaves_the_judge():
    for name in course.names():
        exercise, wing = course.find(name)
        modules, supplied = supply(name)
        text = dict(modules).get(f"headstart.{wing}.{exercise.home}", "")
        assert name not in [each[0] for each in supplied]
        assert f"def {exercise.name}(" not in text
        assert f"class {exercise.name}(" not in text
        assert (not supplied) == (not exercise.needs)


def test_same_seed_same_marks(workshop):
    wrong = ["def softmax(x, axis=-1): return x"]
    first, second, third = (workshop.grade("softmax", wrong, seed).message for seed in (1, 1, 2))
    assert first == second != third


def test_a_dead_worker_is_replaced(workshop):
    workshop.grade("softmax", [SOFTMAX], 1)
    os.kill(workshop._workers["in_numpy"].nurseries[0].process.pid, signal.SIGKILL)
    assert workshop.grade("softmax", [SOFTMAX], 1).verdict == "pass"


def test_a_worker_that_dies_each_time_is_a_crash(workshop, monkeypatch):
    def ask(session, request):
        session.worker.nurseries[0].process.kill()
        time.sleep(0.2)
        return asked(session, request)

    asked = Session.ask
    monkeypatch.setattr(Session, "ask", ask)
    trial = workshop.grade("softmax", [SOFTMAX], 1)
    assert (trial.verdict, trial.message) == ("crashed", "its worker ended with it")


@pytest.mark.skipif(len(tiers.walls()) < 2, reason="without walls no child waits for its exercise")
def test_a_child_that_died_while_it_waited_is_not_given(workshop):
    workshop.grade("softmax", [SOFTMAX], 1)
    waiting = children(workshop._workers["in_numpy"].nurseries[0].process.pid)
    for pid in waiting:
        with contextlib.suppress(ProcessLookupError):  # the last exercise's, which has just gone
            os.kill(pid, signal.SIGKILL)
    assert waiting
    assert workshop.grade("softmax", [SOFTMAX], 1).verdict == "pass"


@pytest.mark.skipif(not workers.FORKS, reason="where nothing forks, each exercise has its own interpreter")
@pytest.mark.parametrize("walls", [tiers.walls(), []])
def test_closing_leaves_nothing(walls):
    with Workshop(LIMITS, walls=walls) as workshop:
        workshop.grade("softmax", [SOFTMAX], 1)
        worker = workshop._workers["in_numpy"]
        process = worker.nurseries[0].process
        found = children(process.pid)
        assert len(list(Path(worker.folder).iterdir())) == (len(walls) == 2), "one child may wait"
    assert not Path(worker.folder).exists()
    assert process.poll() is not None
    assert not any(Path(f"/proc/{pid}").exists() for pid in found)


def children(pid):
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_fresh_process_where_nothing_can_fork(monkeypatch):
    monkeypatch.setattr(workers, "FORKS", False)
    with Workshop(LIMITS, walls=[]) as workshop:
        assert workshop.grade("softmax", [SOFTMAX], 1).verdict == "pass"
        assert workshop.grade("softmax", [STUB], 1).verdict == "not attempted"
        assert workshop.grade("softmax", ["def softmax(x, axis=-1):\n    while 1: pass"], 1).verdict == "timeout"
        assert workshop.grade("softmax", ["import os\ndef softmax(x, axis=-1): os._exit(3)"], 1).verdict == "crashed"


@pytest.mark.parametrize(
    "message",
    [
        None, [1, (2.5, "x")], {"a": {1: [True]}}, float("inf"), np.arange(6).reshape(2, 3)[:, ::2], np.float32(1.5),
        np.zeros((0, 3)), np.array(True), np.arange(3, dtype=">i4"), 10**50, "\udcff",
    ],
)  # fmt: skip
def test_the_wire_keeps_what_it_carries(message):
    back = unpacked(wire.pack(message))
    np.testing.assert_equal(back, message)
    assert type(back) is type(message) or isinstance(message, np.generic)


@pytest.mark.parametrize(
    "header",
    [
        b"", b"[]", b"{}",
        b'{"tree": [], "arrays": []}', b'{"tree": {"array": 0}, "arrays": []}', b"\xff\xfe", b"1e999",
        b'{"tree": {"array": -1}, "arrays": [["bool", [0]]]}', b'{"tree": 1, "arrays": [["object", [1]]]}',
        b'{"tree": 1, "arrays": [["float64", [true]]]}', b'{"tree": 1, "arrays": [["float64", [1e3]]]}',
        b'{"tree": 1, "arrays": [["float64", [-1]]]}', b'{"tree": 1, "arrays": [[["float64"], [1]]]}',
        b'{"tree": 1, "arrays": [["float64", [1000000, 1000000]]]}', b'{"tree": 1, "arrays": 7}',
        b'{"tree": {"dict": [[[], 1]]}, "arrays": []}', b'{"tree": {"list": 5, "dict": 5}, "arrays": []}',
        b'{"tree": ' + b'{"list": [' * 40 + b"]}" * 40 + b', "arrays": []}', b"[" * 100_000, b"9" * 10_000,
    ],
)  # fmt: skip
def test_the_wire_refuses(header):
    with pytest.raises(wire.WireError):
        unpacked(struct.pack(">I", len(header)) + header + bytes(64))


def unpacked(frame):
    rest = bytearray(frame)

    def read(size):
        part, rest[:] = rest[:size], rest[size:]
        return part

    return wire.unpack(read, most=1 << 20)


JUNK = [
    None, True, "pass", [], {}, (), [[1.0], [2.0, 3.0]], {"value": 1}, 0, float("nan"), np.array(3.0), np.zeros((0, 7)),
    np.full((3, 4), np.nan), np.ones((2, 2), bool), np.zeros((1,) * 12), [np.zeros(3)] * 3, 1 << 200,
]  # fmt: skip


@pytest.mark.parametrize("name", course.names())
def test_no_reply_whatever_breaks_a_law_or_passes(name):
    """Junk for an answer is wrong, and never an exception in the judge."""
    exercise, wing = course.find(name)
    for junk in JUNK:
        candidate = Candidate(lambda request, junk=junk: {"value": junk, "changed": []})
        assert hold(exercise, wing, candidate, name, seed=1).verdict in ("wrong", "error")


def test_every_ban_exists():
    """A misspelt ban would forbid nothing."""
    from headstart.judge.worker import guard

    bans = {ban for exercise in exercises().values() for ban in exercise.bans}
    assert set(guard.prepare(bans)) == bans
    assert all(holders for holders, _ in guard.prepare(bans).values())


def test_a_worker_that_does_not_start_is_told_and_tried_again(tmp_path, monkeypatch):
    broken = tmp_path / "worker.py"
    broken.write_text("raise SystemExit(3)")
    with Workshop() as workshop:
        with monkeypatch.context() as patch:
            patch.setattr(workers, "WORKER", broken)
            workshop.expect(["softmax"])
            for _ in range(2):
                with pytest.raises(workers.WorkshopError, match=r"does not start \(exit code 3\)"):
                    workshop.grade("softmax", [SOFTMAX], seed=1)
        assert workshop.grade("softmax", [SOFTMAX], seed=1).verdict == "pass"
