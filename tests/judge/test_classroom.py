"""A class: everybody is graded, a lost worker costs nobody a mark, a second run takes up the first."""

import csv
import os
import re
import time

import pytest
from handin import LOOK_UP, PYTEST, SOFTMAX, StandIn, hand_in, run

from headstart.judge.desk.classroom import Classroom, submissions
from headstart.judge.desk.engines import Dask, Here, Processes, engine


@pytest.fixture
def grade(tmp_path):
    """Grade the class with an engine; return {name: set of verdicts} and who was graded by then."""
    opening = (StandIn, (str(tmp_path / "log"),))

    def run_class(engine, seed=7):
        room = Classroom(tmp_path / "class", engine, opening, seed)
        try:
            room.start(room.paths)
            found = {name: room.results(name)["rows"] for name in room.paths}
        finally:
            room.close()
        verdicts = {name: {row["trial"]["verdict"] for row in rows} for name, rows in found.items()}
        return verdicts, sorted(StandIn(tmp_path / "log").graded())

    return run_class


def enrol(tmp_path, **acts):
    for who, act in acts.items():
        hand_in(tmp_path / "class" / who, f"{act} {who}")


def test_folders_zips_and_notebooks_are_submissions_and_the_rest_is_not(tmp_path):
    enrol(tmp_path, ada="right", ben="right")
    hand_in(tmp_path / "class", "x = 1")
    for name in ("cy.zip", "list.csv", ".hidden.zip"):
        (tmp_path / "class" / name).touch()
    assert list(submissions(tmp_path / "class")) == ["01_attention.ipynb", "ada", "ben", "cy.zip"]


def test_everybody_is_graded_at_the_same_time(tmp_path, grade):
    enrol(tmp_path, ada="right", ben="wrong", cy="right")
    assert grade(Processes(2))[0] == {"ada": {"pass"}, "ben": {"wrong"}, "cy": {"pass"}}
    workers = {line.split()[1] for line in (tmp_path / "log").read_text().splitlines()}
    assert len(workers) == 2
    assert str(os.getpid()) not in workers


def test_a_lost_process_costs_nobody_a_mark(tmp_path, grade):
    enrol(tmp_path, ada="right", ben="dies-once", cy="right", dee="right")
    verdicts, graded = grade(Processes(2))
    assert set().union(*verdicts.values()) == {"pass"}
    assert graded == ["ada", "ben", "ben", "cy", "dee"]


def test_what_is_lost_twice_says_so_and_is_tried_in_the_next_run(tmp_path, grade):
    enrol(tmp_path, ada="right", ben="dies", cy="right")
    assert grade(Processes(1))[0] == {"ada": {"pass"}, "ben": {"crashed"}, "cy": {"pass"}}
    hand_in(tmp_path / "class" / "ben", "right ben")
    assert grade(Processes(1)) == (
        {"ada": {"pass"}, "ben": {"pass"}, "cy": {"pass"}},
        ["ada", "ben", "ben", "ben", "cy"],
    )


def test_a_second_run_takes_up_what_the_first_has_done(tmp_path, grade):
    enrol(tmp_path, ada="right", ben="wrong")
    first = grade(Here())
    assert grade(Here()) == first, "nobody is graded twice"
    hand_in(tmp_path / "class" / "ben", "right ben")
    assert grade(Here()) == ({"ada": {"pass"}, "ben": {"pass"}}, ["ada", "ben", "ben"]), "but who handed in again is"
    assert grade(Here(), seed=8)[1] == ["ada", "ada", "ben", "ben", "ben"], "and everybody with other inputs"


def test_half_a_result_is_no_result(tmp_path, grade):
    enrol(tmp_path, ada="right")
    grade(Here())
    (kept,) = (tmp_path / "class.graded").glob("ada*.json")
    kept.write_text(kept.read_text()[:50])
    assert grade(Here()) == ({"ada": {"pass"}}, ["ada", "ada"])


def test_a_class_whose_results_cannot_be_kept_gets_a_sentence(tmp_path):
    hand_in(tmp_path / "class" / "ada", SOFTMAX)
    (tmp_path / "class.graded").touch()
    done = run("--class", "class", cwd=tmp_path)
    assert done.returncode == 4
    assert "results cannot be kept in " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["processes:0", "processes:x", "dask", "dask:", "abacus"])
def test_an_engine_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match="there is no engine"):
        engine(name)


def test_a_cluster_of_processes_grades_as_well_and_survives_a_lost_worker(tmp_path, grade):
    from distributed import LocalCluster

    enrol(tmp_path, ada="right", ben="dies-once", cy="wrong")
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        verdicts, _ = grade(Dask(cluster.scheduler_address))
    assert verdicts == {"ada": {"pass"}, "ben": {"pass"}, "cy": {"wrong"}}
    workers = {line.split()[1] for line in (tmp_path / "log").read_text().splitlines()}
    assert len(workers) >= 2
    assert str(os.getpid()) not in workers


def marks(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {line["submission"]: line for line in csv.DictReader(file)}


def test_the_command_grades_a_class_and_takes_it_up_again(tmp_path):
    hand_in(tmp_path / "class" / "ada", SOFTMAX, LOOK_UP)
    hand_in(tmp_path / "class" / "ben", SOFTMAX)
    (tmp_path / "class" / "cy").mkdir()
    command = ("--class", "class", "--results", "marks.csv", "--results", "report.html", "--engine", "processes:2")
    private = tmp_path / "private"
    private.mkdir()
    done = run(*command, cwd=tmp_path, TMPDIR=str(private))
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(r"^ada +2/12 ", done.stdout, re.M), done.stdout
    assert not list(private.iterdir()), "no folder of a worker is left behind"
    first = marks(tmp_path / "marks.csv")
    assert {name: line["points"] for name, line in first.items()} == {"ada": "2", "ben": "1", "cy": "0"}
    assert "ada" in (tmp_path / "report.html").read_text()
    started = time.perf_counter()
    again = run(*command, cwd=tmp_path)
    assert time.perf_counter() - started < 60
    assert marks(tmp_path / "marks.csv") == first
    assert re.findall(r"--seed \d+", done.stdout) == re.findall(r"--seed \d+", again.stdout)


def test_xdist_grades_a_class_and_a_worker_that_is_lost_costs_no_mark(tmp_path):
    """The worker that meets ben is killed; ben is graded all the same, with the marks that he has without xdist."""
    hand_in(tmp_path / "class" / "ada", SOFTMAX)
    hand_in(tmp_path / "class" / "ben", SOFTMAX)
    (tmp_path / "killer.py").write_text(
        "import os, pytest\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtest_call(item):\n"
        "    if item.name == 'ben' and hasattr(item.config, 'workerinput'): os._exit(1)\n"
    )
    spread = [*PYTEST, "-p", "xdist", "-p", "killer", "-n", "2"]
    way = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = run("--class", "class", "--results", "marks.csv", cwd=tmp_path, command=spread, PYTHONPATH=way)
    assert done.returncode == 1, done.stdout + done.stderr
    found = marks(tmp_path / "marks.csv")
    assert {name: line["points"] for name, line in found.items()} == {"ada": "1", "ben": "1"}, done.stdout
