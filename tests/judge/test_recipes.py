"""The recipes of book/recipes, run as far as one machine can: each grades, each in the place it expects."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from handin import SOFTMAX, UNIFORM, hand_in

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "book" / "recipes"
SOLUTION = ROOT / "solutions" / "01_attention.ipynb"

pytestmark = pytest.mark.skipif(not shutil.which("bash") or os.name == "nt", reason="the recipes are for Linux")


def shell(command, cwd, **environment):
    """Run it as the service would, with this Python for theirs."""
    settings = os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)


def classroom_step(name):
    workflow = yaml.safe_load((RECIPES / "github-classroom.yml").read_text())
    (step,) = (step for step in workflow["jobs"]["grade"]["steps"] if step.get("name") == name)
    return step["run"].replace("python -P", f"{sys.executable} -P").replace("--require-confinement", "")


@pytest.mark.parametrize("is_right", [True, False])
def test_github_classroom_is_green_exactly_when_everything_passes(tmp_path, is_right):
    hand_in(tmp_path / "submission", SOFTMAX)
    if is_right:
        shutil.copy(SOLUTION, tmp_path / "submission")
    (tmp_path / "submission" / "conftest.py").write_text("raise SystemExit(0)")
    done = shell(["bash", "-e", "-c", classroom_step("Grade")], tmp_path)
    assert (done.returncode == 0) == is_right, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "marks").iterdir()} == {"report.html", "marks.csv", "junit.xml"}


def autograde(tmp_path):
    """Run Gradescope's script in folders like its own; return its exit status and results.json, if there is one."""
    for folder in ("submission", "results"):
        (tmp_path / folder).mkdir(exist_ok=True)
    done = shell([RECIPES / "gradescope" / "run_autograder"], tmp_path, AUTOGRADER_ROOT=str(tmp_path))
    results = tmp_path / "results" / "results.json"
    return done.returncode, json.loads(results.read_text()) if results.exists() else None


def test_gradescope_gets_results_for_right_and_wrong_answers(tmp_path):
    hand_in(tmp_path / "submission", SOFTMAX, UNIFORM)
    status, results = autograde(tmp_path)
    assert status == 0
    assert results["score"] == 1
    assert results["tests"][0]["status"] == "passed"


def test_gradescope_gets_a_sentence_when_nothing_was_handed_in(tmp_path):
    status, results = autograde(tmp_path)
    assert status == 0
    assert results["score"] == 0
    assert "there is no notebook" in results["tests"][0]["output"]


def test_gradescope_is_told_when_grading_itself_does_not_work(tmp_path):
    hand_in(tmp_path / "submission", SOFTMAX)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "results.json").write_text("{}")
    done = shell(
        [RECIPES / "gradescope" / "run_autograder"], tmp_path, AUTOGRADER_ROOT=str(tmp_path), PYTHON="/bin/false"
    )
    assert done.returncode != 0


def test_nbgraders_folders_are_a_class(tmp_path):
    hand_in(tmp_path / "submitted" / "ada" / "week1", SOFTMAX)
    hand_in(tmp_path / "submitted" / "ada" / "week2", "x = 1", name="03_multi-head.ipynb")
    hand_in(tmp_path / "submitted" / "ben" / "week1", SOFTMAX)
    hand_in(tmp_path / "submitted" / "ben" / "week2", SOFTMAX)
    done = shell([RECIPES / "nbgrader.sh"], tmp_path)
    assert done.returncode == 1
    with open(tmp_path / "marks.csv", newline="") as file:
        lines = {line["submission"]: line for line in csv.DictReader(file)}
    assert (lines["ada"]["points"], lines["ada"]["softmax"]) == ("1", "pass")
    assert lines["ben"]["points"] == "0"
    assert "are both of chapter attention" in done.stdout


def test_the_shell_scripts_are_sound():
    for script in (
        RECIPES / "gradescope" / "setup.sh",
        RECIPES / "gradescope" / "run_autograder",
        RECIPES / "nbgrader.sh",
    ):
        assert shell(["bash", "-n", script], RECIPES).returncode == 0
        assert os.access(script, os.X_OK)
