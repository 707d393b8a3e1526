"""`pytest --submission`: what is collected, what the learner reads, what is never obeyed."""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from handin import LOOK_UP, PYTEST, SOFTMAX, UNIFORM, hand_in, notebook, run

ROOT = Path(__file__).parents[2]
TWO = ("-k", "(softmax or look_up) and not torch")


@pytest.fixture
def here(tmp_path):
    """A folder of the grader's own, to run in."""
    folder = tmp_path / "grader"
    folder.mkdir()
    return folder


def test_right_answers_pass_and_the_table_says_so(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    done = run("--submission", tmp_path / "work", *TWO, "-v", cwd=here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^softmax +(\d+)/\1 +pass +\d+ ms$", done.stdout, re.M)
    assert "2 of 2 points · the same inputs again: --seed " in done.stdout
    assert "learner code ran in " in done.stdout
    assert "PASS" in done.stdout
    assert list(here.iterdir()) == [], "grading leaves nothing behind"


def test_pytorchs_exercises_are_graded_last_and_stand_in_their_places(here):
    """While NumPy's are graded another process imports PyTorch."""
    done = run("--submission", ROOT / "solutions" / "01_attention.ipynb", "-v", "-k", "softmax or look_up", cwd=here)
    names = ["softmax", "softmax_torch", "look_up", "look_up_torch"]
    assert re.findall(r"^(\w+) +\d+/", done.stdout, re.M) == names, done.stdout + done.stderr
    assert re.findall(r"::(\w+) PASS", done.stdout) == sorted(names, key=lambda name: name.endswith("_torch"))


def test_one_wrong_exercise_fails_alone_and_is_named(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, UNIFORM)
    done = run("--submission", tmp_path / "work", *TWO, cwd=here)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(r"^  ✗ .+\n +the output.* is .+, it should be ", done.stdout, re.M)
    assert "→ Your output equals " in done.stdout


def test_stubs_are_not_attempted_and_never_pass(tmp_path, here):
    stub = "def softmax(x, axis=-1):\n    raise NotImplementedError"
    hand_in(tmp_path / "work", stub)
    done = run("--submission", tmp_path / "work", *TWO, cwd=here)
    assert done.returncode == 1
    assert "0 of 2 points" in done.stdout
    assert "softmax: not attempted, the answer is still `raise NotImplementedError`." in done.stdout
    assert "look_up: not attempted, no cell defines look_up." in done.stdout
    assert "skipped" not in done.stdout
    assert "passed" not in done.stdout


def test_printed_stubs_are_not_attempted_and_answer_sheets_pass(here):
    stubs = run("--submission", ROOT / "notebooks", "-q", cwd=here)
    assert stubs.returncode == 1
    count = re.search(r"^0 of (\d+) points", stubs.stdout, re.M)[1]
    assert len(re.findall(r"^\w+ +0/0 +not attempted +", stubs.stdout, re.M)) == int(count) > 0, stubs.stdout
    sheets = run("--submission", ROOT / "solutions", "-q", cwd=here)
    assert sheets.returncode == 0, sheets.stdout
    assert f"{count} of {count} points" in sheets.stdout


def test_a_syntax_error_in_another_cell_costs_nothing_and_in_its_own_is_told(tmp_path, here):
    hand_in(tmp_path / "work", "def broken(:", SOFTMAX, "def look_up(query, keys, values:\n    return 1")
    done = run("--submission", tmp_path / "work", *TWO, cwd=here)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "SyntaxError" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_every_exercise_of_the_chapter_is_one_item_and_nothing_else_is_collected(tmp_path, here):
    (here / "test_of_the_grader.py").write_text("def test(): pass")
    hand_in(tmp_path / "work", SOFTMAX)
    done = run("--submission", tmp_path / "work", "--collect-only", "-q", cwd=here)
    ids = [line for line in done.stdout.splitlines() if "::" in line]
    assert "01_attention.ipynb::softmax" in ids
    assert "01_attention.ipynb::softmax_torch" in ids
    assert all(line.startswith("01_attention.ipynb::") for line in ids)


def test_the_same_seed_draws_the_same_inputs(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, UNIFORM)
    first = run("--submission", tmp_path / "work", *TWO, cwd=here).stdout
    seed = re.search(r"--seed (\d+)", first)[1]
    again, other = (run("--submission", tmp_path / "work", *TWO, "--seed", s, cwd=here).stdout for s in (seed, "1"))
    numbers = [re.findall(r"is (\S+), it should be (\S+)", text) for text in (first, again, other)]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--submission", "nowhere"], "there is nothing at nowhere"),
        (["--submission", "."], "no notebook"),
        (["--submission", "x", "--class", "x"], "give one of the two"),
        (["--submission", "one.ipynb", "two.ipynb"], "one submission at a time"),
        (["--submission", "one.ipynb", "--seed", "-1"], "a seed is a whole number"),
        (["--submission", "one.ipynb", "--limit", "0"], "number of seconds above zero"),
        (["--submission", "one.ipynb", "--results", "marks.doc"], "must end in"),
        (["--results", "marks.csv"], "--results needs --submission"),
        (["--class", "one.ipynb"], "wants a folder"),
        (["--class", "empty"], "there is no submission"),
        (["--class", "x", "--engine", "abacus"], "there is no engine 'abacus'"),
        (["--class", "x", "--results", "a.json"], "is for one submission"),
    ],
)
def test_a_command_without_sense_gets_a_sentence(tmp_path, arguments, sentence):
    (tmp_path / "x" / "ada").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.ipynb").write_text(notebook())
    where = tmp_path / "empty" if arguments == ["--submission", "."] else tmp_path
    done = run(*arguments, cwd=where)
    assert done.returncode not in (0, 3)
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("content", ['{"cells": [', notebook("x = 1", headstart={"chapter": "knitting"})])
def test_a_notebook_that_cannot_be_read_fails_and_the_others_are_graded(tmp_path, here, content):
    path = hand_in(tmp_path / "work", "x = 1", name="03_multi-head.ipynb")
    path.write_text(content)
    hand_in(tmp_path / "work", SOFTMAX)
    done = run("--submission", tmp_path / "work", "-k", "notebook or softmax and not torch and not multi", cwd=here)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "03_multi-head.ipynb: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


MARK = "import pathlib; pathlib.Path(__file__).with_name('obeyed').touch()\n"


def surround(folder):
    """Put beside a submission everything that tools like to read."""
    for name in ("conftest.py", "sitecustomize.py", "json.py", "numpy.py", "headstart.py", "test_it.py", "evil.py"):
        (folder / name).write_text(MARK)
    settings = "[pytest]\naddopts = --collect-only --nonsense -p no:terminal\nlog_file = obeyed\n"
    (folder / "pytest.ini").write_text(settings)
    (folder / "tox.ini").write_text("[pytest]\naddopts = -p evil\npythonpath = .\n")


def test_nothing_beside_a_submission_is_obeyed(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    surround(tmp_path / "work")
    before = sorted(path.name for path in (tmp_path / "work").iterdir())
    done = run("--submission", tmp_path / "work", *TWO, cwd=here)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == before


def test_with_an_equals_sign_pytest_does_not_even_look(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    surround(tmp_path / "work")
    (tmp_path / "work" / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = -p evil\n")
    done = run(f"--submission={tmp_path / 'work'}", *TWO, cwd=here)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "work" / "obeyed").exists()


def test_inside_the_submission_nothing_is_obeyed_either(tmp_path):
    work = tmp_path / "work"
    hand_in(work, SOFTMAX, LOOK_UP)
    surround(work)
    done = run("--submission=.", *TWO, cwd=work)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert not (work / "obeyed").exists()


def test_beside_a_single_notebook_nothing_is_obeyed_either(tmp_path):
    path = hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    surround(path.parent)
    done = run("--submission", path.name, *TWO, cwd=path.parent)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert not (path.parent / "obeyed").exists()


def test_what_is_imported_later_is_not_found_in_a_submission(tmp_path):
    work = tmp_path / "work"
    hand_in(work, SOFTMAX, LOOK_UP)
    (work / "secrets.py").write_text(MARK)
    careless = [word for word in PYTEST if word != "-P"]
    done = run("--submission=.", *TWO, cwd=work, command=careless)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert not (work / "obeyed").exists()


def test_the_graders_own_settings_are_for_other_tests(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    (here / "pytest.ini").write_text("[pytest]\naddopts = --collect-only --of-a-plugin-that-is-not-loaded\n")
    (here / "conftest.py").write_text(MARK)
    done = run(f"--submission={tmp_path / 'work'}", *TWO, cwd=here)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert not (here / "obeyed").exists()


def test_what_python_itself_imported_from_a_submission_stops_the_run(tmp_path):
    work = tmp_path / "work"
    hand_in(work, SOFTMAX)
    (work / "colorsys.py").write_text("# what `python -m` found before anything of the judge was loaded")
    careless = [word for word in PYTEST if word != "-P"]
    done = run("--submission=.", "-p", "colorsys", *TWO, cwd=work, command=careless)
    assert done.returncode == 4
    assert "colorsys was imported from beside the submission" in done.stderr


def test_both_ways_to_load_the_plugin_work_together(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    both = [sys.executable, "-P", "-m", "pytest", "-p", "headstart.judge.plugin"]
    done = run("--submission", tmp_path / "work", *TWO, cwd=here, command=both)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_junit_holds_a_failure_for_whatever_is_no_pass(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, UNIFORM)
    run("--submission", tmp_path / "work", *TWO, "--junitxml=junit.xml", cwd=here)
    suite = ET.parse(here / "junit.xml").getroot().find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped")} == {
        "tests": "2", "failures": "1", "skipped": "0"
    }  # fmt: skip
    assert "it should be" in suite.find(".//failure").text


def test_a_report_that_cannot_be_written_is_told_after_the_table(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    (here / "file").touch()
    done = run("--submission", tmp_path / "work", *TWO, "--results", "file/marks.csv", cwd=here)
    assert done.returncode == 4
    assert "2 of 2 points" in done.stdout
    assert "ERROR: file/marks.csv cannot be written (" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_workers_of_xdist_share_the_work_and_the_seed(tmp_path, here):
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    spread = [*PYTEST, "-p", "xdist", "-n", "2"]
    done = run("--submission", tmp_path / "work", *TWO, "--seed", "7", cwd=here, command=spread)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 points · the same inputs again: --seed 7" in done.stdout


def test_without_the_option_the_plugin_stays_silent(here):
    (here / "test_mine.py").write_text("def test(): pass")
    done = run("-q", cwd=here)
    assert done.returncode == 0
    assert "points" not in done.stdout


def test_a_chapter_without_exercises_is_nothing_to_grade_and_costs_nothing_beside_others(tmp_path, here):
    played = tmp_path / "work" / "20_bug_hunt.ipynb"
    hand_in(tmp_path / "work", SOFTMAX, LOOK_UP)
    played.write_bytes((ROOT / "notebooks" / "20_bug_hunt.ipynb").read_bytes())
    beside = run("--submission", tmp_path / "work", *TWO, cwd=here)
    assert beside.returncode == 0, beside.stdout
    assert "2 of 2 points" in beside.stdout
    alone = run("--submission", played, cwd=here)
    assert alone.returncode == 4
    assert "its chapter has no exercises, there is nothing to grade" in alone.stdout + alone.stderr
