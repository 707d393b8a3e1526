"""The coding round: it fits the time, mixes chapters, helps with nothing, and is graded by the judge."""

import random
from pathlib import Path

import nbformat
import pytest

from headstart import mock
from headstart.judge import course

ROOT = Path(__file__).resolve().parents[1]
TASKS = mock.tasks(ROOT / "notebooks")
OVERFLOWS = """def softmax(x, axis=-1):
    e = np.exp(x)
    total = e.sum(axis=axis, keepdims=True)
    return e / np.where(total == 0, 1, total)"""


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A folder that has the course's notebooks, and nothing else."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_exercise_of_the_notebooks_has_a_price():
    assert [task.name for task in TASKS] == [
        cell.metadata["headstart"]["exercise"]
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in nbformat.read(path, 4).cells
        if "exercise" in cell.metadata.get("tags", [])
    ]


@pytest.mark.parametrize("minutes", [10, 45, 90])
@pytest.mark.parametrize("wing", ["numpy", "torch", "both"])
def test_a_round_fits_the_time_and_mixes_chapters(minutes, wing):
    drawn = mock.draw(TASKS, minutes, wing, random.Random(3))
    assert minutes - 5 <= sum(task.minutes for task in drawn) <= minutes
    chapters = [course.find(task.name)[0].chapter for task in drawn]
    assert len(set(chapters)) >= min(len(chapters), 4) - 1
    assert wing == "both" or {course.find(task.name)[1] for task in drawn} == {f"in_{wing}"}


def test_the_same_seed_draws_the_same_and_another_another():
    one, same, other = (mock.draw(TASKS, 45, "both", random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_a_round_runs_unsolved_and_its_marks_are_the_judges(room, capsys):
    assert mock.main(["--minutes", "30", "--seed", "5", "--wing", "both", "--draw"]) == 0
    path = room / capsys.readouterr().out.strip()
    notebook = nbformat.read(path, 4)
    space = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert "check(" not in cell.source
            exec(cell.source, space)
    assert mock.main(["--grade", str(path)]) == 0
    assert "not attempted" in capsys.readouterr().out


def test_a_right_answer_passes_and_a_wrong_one_is_named(room, capsys):
    notebook = mock.notebook([task for task in TASKS if task.name in ("softmax", "look_up")], 20)
    answers = iter([OVERFLOWS, "def look_up(query, keys, values):\n    return softmax(keys @ query) @ values"])
    for cell in notebook.cells[2:]:
        if cell.cell_type == "code":
            cell.source = next(answers)
    nbformat.write(notebook, room / "round.ipynb")
    assert mock.main(["--grade", "round.ipynb"]) == 0
    said = capsys.readouterr().out
    assert "a softmax without the maximum subtracted first" in said
    assert "1 of 2 exercises" in said


@pytest.mark.parametrize(
    "text", ["", "{}", "not json", '{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}']
)
def test_what_is_no_round_gets_one_sentence(room, capsys, text):
    (room / "bad.ipynb").write_text(text)
    assert mock.main(["--grade", "bad.ipynb"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("mock: bad.ipynb ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["--grade", "none.ipynb"], ["--draw", "--minutes", "0"], ["--draw", "--minutes", "100000"]]
)
def test_bad_arguments_get_one_sentence(room, capsys, arguments):
    assert mock.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_outside_the_course_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert mock.main(["--draw"]) == 1
    assert "run it in the course's folder" in capsys.readouterr().err
