"""`python -m headstart.press.build`: execute the notebooks in parallel, build the book, say where it lies."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from jupyter_cache.readers import NbReadError

from headstart.press import PressError, cache
from headstart.press.notebook import ROOMS
from headstart.threads import ONE_THREAD

SECONDS_A_CELL = 300
COLOUR = re.compile(r"\x1b\[[\d;]*m")
# It has no __main__ of its own. It would check that addresses are well formed, which nobody asks for here, by grammars
# that take seconds to be read.
JUPYTER_BOOK = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyter_book.cli.main import main; main()"
# Jupyter Book's own has no icon, and a browser that is told of none asks for one that does not exist.
FRONT_DOOR = """<!doctype html>
<html lang="en">
<title>Head Start</title>
<link rel="icon" href="_static/favicon.svg">
<meta http-equiv="refresh" content="0; url=book/index.html">
<a href="book/index.html">Head Start</a>
"""
STRICT = ["-W", "-n", "--keep-going"]


def execute(root):
    """Run every notebook that the cache does not know, in parallel; returns one sentence for each that failed.

    Raises PressError for a file that is no notebook.
    """
    store = get_cache(str(root / cache.NOTEBOOKS))
    for record in store.list_project_records():
        store.remove_nb_from_project(record.pk)
    paths = sorted(path for room in ROOMS for path in (root / room).glob("*.ipynb"))
    different = {}  # notebooks with the same code share one place in the cache: run one of them
    for path in paths:
        code, record = _enter(store, path, root)
        different.setdefault(code, record)
    chosen = list(different.values())
    result = load_executor("local-parallel", store).run_and_cache(filter_pks=chosen, timeout=SECONDS_A_CELL)
    return [_failure(root, store.get_project_record(uri)) for uri in [*result.excepted, *result.errored]]


def _enter(store, path, root):
    """Make a notebook known to the cache; returns a hash of its code and the record's number."""
    record = store.add_nb_to_project(str(path)).pk
    try:
        notebook = store.get_project_notebook(record).nb
    except NbReadError as error:
        raise PressError(f"{path.relative_to(root).as_posix()} is no notebook ({error})") from None
    return store.create_hashed_notebook(notebook)[1], record


def _failure(root, record):
    """The notebook, the cell and the last line of the error."""
    traceback = COLOUR.sub("", record.traceback or "the notebook could not be executed").strip()
    cells = [cell for cell in nbformat.read(record.uri, as_version=4).cells if cell.cell_type == "code"]
    number = next((n for n, cell in enumerate(cells, 1) if cell.source.strip() and cell.source in traceback), "?")
    name = Path(record.uri).relative_to(root.resolve()).as_posix()
    return f"{name}, code cell {number}: {traceback.splitlines()[-1]}"


def book(root, builder="html"):
    """Execute what is new and let Sphinx build; returns the exit code, after one sentence for each failure."""
    os.environ.update(ONE_THREAD)  # two processes of many threads each are slower than two of one
    cache.refresh(root)
    try:
        failures = execute(root)
    except PressError as error:
        failures = [f"{error}."]
    if failures:
        print(*(f"build: {failure}" for failure in failures), sep="\n", file=sys.stderr)
        return 1
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", ".", "--builder", builder, *STRICT]
    code = subprocess.run(command, cwd=root).returncode
    if code == 0:
        cache.keep_pages(root)
    return code


def main(arguments=None):
    """Build the book; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headstart.press.build", description=__doc__.strip())
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder (default: this one)")
    root = parser.parse_args(arguments).root.resolve()
    code = book(root)
    if code == 0:
        door = root / "_build" / "html" / "index.html"
        door.write_text(FRONT_DOOR, encoding="utf-8")
        print(f"The book lies in {door}")
    return code


if __name__ == "__main__":
    sys.exit(main())
