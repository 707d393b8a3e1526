"""Several processes: the launcher returns, fails in one sentence, and ends what hangs; torchrun runs the same job."""

import ast
import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from headstart.several import launch

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def started(*command, **environment):
    """Run a Python command to its end, at most a minute and a half."""
    environment = ENVIRONMENT | environment
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=90, env=environment)


def test_rank_0_answers():
    assert launch.run(divmod, 2, 17, 5) == [3, 2]


@pytest.mark.parametrize(
    ("job", "args", "sentence"),
    [
        (divmod, (1, 0), r"^run: Process \d terminated with the following error: ZeroDivisionError: .*zero"),
        (os._exit, (3,), r"^run: process \d terminated with exit code 3$"),
        (os._exit, (0,), r"^run: rank 0 left before it had an answer$"),
        (os.abort, (), r"^run: process \d terminated with signal SIGABRT$"),
        (time.sleep, (600,), r"^run: the processes did not end within 4 seconds$"),
    ],
    ids=["it raises", "it dies", "it leaves", "it is killed", "it hangs"],
)
def test_a_failure_is_one_sentence_and_leaves_no_process(job, args, sentence):
    started = time.monotonic()
    with pytest.raises(launch.LaunchError, match=sentence) as failure:
        launch.run(job, 2, *args, seconds=4 if job is time.sleep else 60)
    assert "\n" not in str(failure.value)
    assert time.monotonic() - started < 45
    assert multiprocessing.active_children() == []


def test_torchrun_starts_the_same_job():
    done = started(
        "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "headstart.several", "gloo"
    )
    assert done.returncode == 0, done.stderr
    rows = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(rows) == 8
    for row in rows:
        assert max(row["errors"]) < 1e-10, row
        assert row["counted"] == row["formula"], row
        for counted, wire in zip(row["counted"], row["wire"], strict=True):
            assert wire is None or counted <= wire < 1.05 * counted + 2000, row


@pytest.mark.parametrize("words", [(), ("gloo",), ("mpi",)])
def test_without_torchrun_it_says_how_to_start(words):
    done = started("-m", "headstart.several", *words)
    assert done.returncode != 0
    assert done.stderr.startswith("usage: torchrun ")
    assert "Traceback" not in done.stderr


def test_processes_that_cannot_share_the_heads_are_told():
    done = started("-m", "headstart.several", "gloo", LOCAL_RANK="0", WORLD_SIZE="3")
    assert done.returncode != 0
    assert done.stderr.startswith("the comparison has 8 heads")
    assert "Traceback" not in done.stderr
