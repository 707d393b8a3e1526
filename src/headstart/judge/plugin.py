"""The pytest plugin: `pytest --submission PATH` grades notebooks. Without that option it does nothing.

Every pytest run in the environment loads this file, so what it needs is imported when it is needed.
"""

import argparse
import math
import os
from pathlib import Path

import pytest

from headstart.threads import ONE_THREAD


def pytest_addoption(parser):
    group = parser.getgroup("headstart", "grading answers to the course's exercises")
    group.addoption("--submission", metavar="PATH", help="grade this notebook, folder of notebooks or zip")
    group.addoption("--class", dest="classroom", metavar="DIR", help="grade every submission that lies in DIR")
    group.addoption("--seed", type=_seed, metavar="N", help="draw the inputs of an earlier run again")
    group.addoption("--limit", type=_seconds, default=10.0, metavar="S", help="seconds an exercise may take (10)")
    group.addoption("--require-confinement", action="store_true", help="refuse to grade unconfined learner code")
    group.addoption("--results", action="append", default=[], metavar="FILE", help="write .json, .csv or .html")
    group.addoption("--engine", default="processes", metavar="E", help="for --class: processes, dask:ADDRESS")


def _seed(text):
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise argparse.ArgumentTypeError("a seed is a whole number of at most 19 digits")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("the limit is a number of seconds above zero")
    return seconds


def _is_grading(options):
    return options.submission is not None or options.classroom is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    """Before any conftest.py is looked for, and before output is captured: settings beside a submission are none."""
    if _is_grading(early_config.known_args_namespace):
        from headstart.judge.desk import settings

        settings.forget(early_config, parser, args)
    return (yield)


def pytest_configure(config):
    """Register what grades, once the command line is known to make sense. Raises UsageError."""
    if not _is_grading(config.option):
        if config.option.results:
            raise pytest.UsageError("--results needs --submission or --class: there is nothing to report")
        return
    os.environ.update(ONE_THREAD | os.environ)  # before NumPy is imported
    if not hasattr(config, "workerinput"):  # pytest-xdist's workers get a command line that was looked at
        _demand_sense(config.option)
    if config.option.classroom is None:
        from headstart.judge.desk.grading import Grading as Run
    else:
        from headstart.judge.desk.class_grading import ClassGrading as Run
    config.pluginmanager.register(Run(config), "headstart-grading")


def _demand_sense(options):
    """Say in one sentence what is wrong with the command line. Raises UsageError."""
    from headstart.judge.desk.reports import WRITERS

    if options.submission is not None and options.classroom is not None:
        raise pytest.UsageError("--submission grades one, --class grades many: give one of the two")
    if options.file_or_dir:
        raise pytest.UsageError(f"one submission at a time: {options.file_or_dir[0]} is one too many")
    if options.classroom is not None and not Path(options.classroom).is_dir():
        raise pytest.UsageError(f"--class wants a folder of submissions, {options.classroom} is none")
    for file in options.results:
        if options.classroom is not None and Path(file).suffix.lower() == ".json":
            raise pytest.UsageError(f"--results {file}: Gradescope's format is for one submission, use .csv or .html")
        if Path(file).suffix.lower() not in WRITERS:
            raise pytest.UsageError(f"--results {file}: its name must end in one of {', '.join(WRITERS)}")
