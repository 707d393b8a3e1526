"""The printed notebooks run from top to bottom in one bare `pytest`, and a cell that must raise does raise.

nbval runs the cells themselves: here is what makes sure that it does.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from headstart.judge import course

ROOT = Path(__file__).resolve().parents[1]
PRINTED = sorted(path for room in ("notebooks", "solutions") for path in (ROOT / room).glob("*.ipynb"))


def cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def test_bare_pytest_reaches_both_rooms(pytestconfig):
    assert {"tests", "notebooks", "solutions"} <= set(pytestconfig.getini("testpaths"))
    assert pytestconfig.getoption("nbval_lax")
    assert {path.parent.name for path in PRINTED} == {"notebooks", "solutions"}


@pytest.mark.parametrize("path", PRINTED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_printed_notebook_is_stripped_and_skips_nothing(path):
    for cell in cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert "nbval-skip" not in cell["metadata"].get("tags", ())
        assert "NBVAL_" not in "".join(cell["source"])


@pytest.mark.parametrize("path", PRINTED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_stubs_are_unsolved_and_answer_sheets_solved(path):
    exercises = ["".join(cell["source"]) for cell in cells(path) if "exercise" in cell["metadata"].get("tags", ())]
    assert bool(exercises) == (path.stem[3:].replace("_", "-") not in course.UNGRADED)
    for source in exercises:
        assert ("raise NotImplementedError" in source) == (path.parent.name == "notebooks")


RAISES = {"tags": ["raises-exception"]}
CELLS = [  # source, metadata, and what pytest must say of the cell if it must fail
    ("x = 1", {}, None),
    ("assert x == 2", {}, "AssertionError"),
    ("raise NotImplementedError", RAISES, None),
    ("raise NotImplementedError('x')", {}, "Cell execution caused an exception"),
    ("1 / 0", RAISES | {"raises": "ZeroDivisionError"}, None),
    ("1 / 0", RAISES, "The cell must raise NotImplementedError, it raised ZeroDivisionError"),
    ("x = 3", RAISES | {"raises": "ValueError"}, "The cell must raise ValueError, it raised nothing"),
]


def test_a_cell_fails_exactly_when_it_must(tmp_path):
    (tmp_path / "notebooks").mkdir()
    notebook = new_notebook(cells=[new_code_cell(source, metadata=metadata) for source, metadata, _ in CELLS])
    nbformat.write(notebook, tmp_path / "notebooks" / "01_made_up.ipynb")
    for settings in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / settings, tmp_path)
    command = [sys.executable, "-m", "pytest", "-v", "notebooks"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    for number, (_, _, sentence) in enumerate(CELLS):
        assert f"Cell {number} {'PASSED' if sentence is None else 'FAILED'}" in printed
        assert sentence is None or sentence in printed
