"""The judge from cold: beside otter and nbgrader for one notebook with three exercises, and for a course of sixty.

Of three NumPy exercises it is the CPU time that counts. The other two get one comparison an exercise to make, the judge
makes all its laws; each is installed from the package index into an environment of its own below `.bench`, which may be
thrown away. Of sixty exercises, fifteen of them in PyTorch, it is the time on the clock.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

from headstart.bench.race import row_of

BENCH = Path(".bench")
PACKAGES = {"otter": ["otter-grader==7.0.0", "ipykernel"], "nbgrader": ["nbgrader==0.9.6", "ipykernel"]}
SIXTY = ["01_attention", "04_backward", "05_positions", "11_scale", "17_industry"]  # 45 in NumPy, 15 in PyTorch
CHOICE = "(softmax or look_up or attention_weights) and not torch"

IMPORT = "import numpy as np"
ANSWERS = {
    "softmax": """def softmax(x, axis=-1):
    top = np.max(x, axis=axis, keepdims=True)
    e = np.exp(x - np.where(np.isneginf(top), 0, top))
    return e / np.maximum(e.sum(axis=axis, keepdims=True), 1e-300)""",
    "look_up": """def look_up(query, keys, values):
    return softmax(keys @ query) @ values""",
    "attention_weights": """def attention_weights(q, k, mask=None):
    scores = q @ k.mT / np.sqrt(q.shape[-1])
    return softmax(scores if mask is None else np.where(mask, scores, -np.inf))""",
}
COMPARISONS = {
    "softmax": "assert np.allclose(softmax(np.zeros((2, 4))), 0.25)",
    "look_up": "assert np.allclose(look_up(np.zeros(3), np.ones((2, 3)), np.eye(2)), 0.5)",
    "attention_weights": "assert np.allclose(attention_weights(np.zeros((2, 3)), np.ones((4, 3))), 0.25)",
}


def rows(quick):
    """Two comparisons. Raises RuntimeError if a tool does not grade."""
    yield sixty(quick)
    yield three(quick)


def three(quick):
    """All three tools in turns."""
    pythons = {name: environment(name) for name in PACKAGES}
    commands = {"headstart": ours(), "otter": otter(pythons["otter"]), "nbgrader": nbgrader(pythons["nbgrader"])}
    turns = [[cpu(*command) for command in commands.values()] for _ in range(3 if quick else 6)]
    own, *others = zip(*turns[1:], strict=True)  # the first turn warms up
    rivals = {"against": "the faster of otter and nbgrader", "goal": 1 / 4}
    return {"what": "grading three exercises, from cold"} | rivals | row_of(own, min(others, key=statistics.median))


def sixty(quick):
    """The judge in turns with an interpreter that imports PyTorch, to which two seconds are added."""
    folder = _folder("headstart-sixty")
    for name in SIXTY:
        shutil.copy(Path("solutions", f"{name}.ipynb"), folder)
    commands = (judging("--submission=."), folder, "60 passed"), ([sys.executable, "-c", "import torch"], folder, "")
    turns = [[timed(*command) for command in commands] for _ in range(3 if quick else 6)]
    own, load = zip(*turns[1:], strict=True)
    rival = {"against": "importing torch, plus 2 s", "goal": 1.0}
    return {"what": "grading a course of sixty, from cold"} | rival | row_of(own, [each + 2 for each in load])


def environment(name):
    """The Python of a tool's own environment, made on first use."""
    folder = BENCH.resolve() / name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", "numpy", *PACKAGES[name]], check=True)
        (folder / "ready").touch()
    return python


def cpu(command, folder, proof):
    """CPU seconds of a command and everything it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, folder, proof)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(command, folder, proof):
    """Seconds of a command by the clock on the wall."""
    started = time.perf_counter()
    run(command, folder, proof)
    return time.perf_counter() - started


def run(command, folder, proof=""):
    """Run a tool with its own environment's programs in reach. Raises RuntimeError if its output lacks the proof."""
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ["PATH"]])
    settings = os.environ | {"PATH": path}
    settings.pop("PYTHONDONTWRITEBYTECODE", None)  # all three from compiled files, as anybody would run them
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    if proof not in done.stdout + done.stderr:
        raise RuntimeError(f"{' '.join(map(str, command))} did not grade:\n{done.stdout}{done.stderr}")


def judging(*options):
    """The judge's command."""
    return [sys.executable, "-P", "-m", "pytest", "--disable-plugin-autoload", "-p", "headstart.judge.plugin", *options]


def ours():
    """The judge's command for the notebook."""
    folder = _folder("headstart-course")
    _write(folder / "01_attention.ipynb", [_code(IMPORT), *map(_code, ANSWERS.values())])
    return judging("--submission=01_attention.ipynb", "-k", CHOICE), folder, "3 passed"


def otter(python):
    """Otter's command for the notebook, with an autograder of three tests."""
    folder = _folder("otter-course")
    _write(folder / "01_attention.ipynb", [_code(IMPORT), *map(_code, ANSWERS.values())])
    with zipfile.ZipFile(folder / "autograder.zip", "w") as autograder:
        autograder.writestr("otter_config.json", json.dumps({"show_stdout": True}))
        for name, comparison in COMPARISONS.items():
            case = {"code": f">>> {comparison}\n", "hidden": False, "locked": False}
            suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
            test = {"name": name, "points": 1, "suites": [suite]}
            autograder.writestr(f"tests/{name}.py", f"OK_FORMAT = True\ntest = {test!r}\n")
    return [python.with_name("otter"), "run", "-a", "autograder.zip", "01_attention.ipynb"], folder, "3.000"


def nbgrader(python):
    """nbgrader's command for the notebook, in a course that has released it and got it back."""
    folder = _folder("nbgrader-course")
    cells = [_code(IMPORT)]
    for name, comparison in COMPARISONS.items():
        cells += [_graded(f"a-{name}", ANSWERS[name], solution=True), _graded(f"t-{name}", comparison, points=1)]
    _write(folder / "source" / "week" / "01_attention.ipynb", cells)
    tool = python.with_name("nbgrader")
    run([tool, "generate_assignment", "week", "--force"], folder)
    _write(folder / "submitted" / "ada" / "week" / "01_attention.ipynb", cells)
    return [tool, "autograde", "week", "--force"], folder, "Autograding"


def _folder(name):
    folder = BENCH.resolve() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _code(source, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def _graded(name, source, solution=False, points=None):
    mark = {"grade_id": name, "grade": points is not None, "locked": not solution, "solution": solution}
    if points is not None:
        mark["points"] = points
    return _code(source, nbgrader=mark | {"schema_version": 3, "task": False})


def _write(path, cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [{"id": f"cell-{i}", **cell} for i, cell in enumerate(cells)]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
