"""A grading run obeys its command line and nothing else: no settings file, no conftest.py, no cache folder.

pytest reads the settings file of a folder that stands as a word of its own on the command line (`--submission PATH`)
before any plugin is loaded; `--submission=PATH` keeps it from looking there at all. book/grading.md says so.
"""

import copy
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


def forget(config, parser, args):
    """Undo what pytest took from settings files, and switch off what would read or write beside a submission."""
    options = config.known_args_namespace
    submission = _existing(options.submission or options.classroom or "")
    ini = config.inipath if options.inifilename is None else None
    if ini is not None and _is_beside(ini.parent, submission):
        raise SystemExit(_run_again(config))
    _demand_clean_imports(submission)
    sys.path[:] = [entry for entry in sys.path if not _is_beside(Path(entry or ".").resolve(), submission)]
    from_file = config.getini("addopts")
    if args[: len(from_file)] == from_file:
        del args[: len(from_file)]
    config._inicfg.clear()
    config._inicache.clear()
    config._rootpath, config._inipath = config.invocation_params.dir, None
    for writer in ("stepwise", "cacheprovider"):
        config.pluginmanager.unregister(name=writer)
    args.append("--noconftest")
    config.known_args_namespace = parser.parse_known_args(args, namespace=copy.copy(config.option))


def _run_again(config):
    """Settings beside the submission have already shaped this run: start over with settings that say nothing."""
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder, "pytest.ini")
        nothing.write_text("[pytest]\n")
        clean = [sys.executable, "-P", "-m", "pytest", "-c", nothing, f"--rootdir={config.invocation_params.dir}"]
        return subprocess.call([*clean, *config.invocation_params.args], cwd=config.invocation_params.dir)


def _existing(path):
    """The submission's real path. Raises UsageError."""
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        raise pytest.UsageError(f"there is nothing at {path}")
    if _is_beside(Path(sys.prefix), path.resolve()):
        raise pytest.UsageError(f"{path} holds the Python that is running: name the folder of notebooks itself")
    return path.resolve()


def _is_beside(folder, submission):
    """Is this a folder that was handed in: the submission, one within it, or the one that a single file lies in?"""
    return folder.is_relative_to(submission) if submission.is_dir() else folder == submission.parent


def _demand_clean_imports(submission):
    """`python -m pytest` inside a submission may have imported its json.py long before this. Raises UsageError."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and _is_beside(Path(file).resolve().parent, submission):
            message = f"{name} was imported from beside the submission: run pytest from another folder"
            raise pytest.UsageError(message)
