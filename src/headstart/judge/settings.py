"""A grading run obeys its command line and nothing else: no settings file, no conftest.py, no cache folder.

pytest reads the settings file of a folder that stands as a word of its own on the command line (`--submission PATH`)
before any plugin is loaded; `--submission=PATH` keeps it from looking there at all. book/grading.md says so.
"""

import copy
import sys
from pathlib import Path

import pytest


def forget(config, parser, args):
    """Undo what pytest took from settings files, and switch off what would read or write beside a submission."""
    beside = _beside(config.known_args_namespace)
    _demand_clean_imports(beside)
    sys.path[:] = [entry for entry in sys.path if not Path(entry or ".").resolve().is_relative_to(beside)]
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


def _beside(options):
    """The folder in which nothing but notebooks counts. Raises UsageError."""
    path = Path(options.submission or options.classroom or "")
    if not path.exists() and not path.is_symlink():
        raise pytest.UsageError(f"there is nothing at {path}")
    folder = path.resolve() if path.is_dir() else path.resolve().parent
    if Path(sys.prefix).is_relative_to(folder):
        raise pytest.UsageError(f"{path} holds the Python that is running: name the folder of notebooks itself")
    return folder


def _demand_clean_imports(folder):
    """`python -m pytest` inside a submission may have imported its json.py long before this. Raises UsageError."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).resolve().parent in (folder, folder / module.__name__):
            name = Path(file).name
            raise pytest.UsageError(f"{name} beside the submission was imported: run pytest from another folder")
