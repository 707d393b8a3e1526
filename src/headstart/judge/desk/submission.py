"""Reading what was handed in: notebooks as JSON alone; no learner code is compiled, imported or unpickled."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from headstart.judge import course
from headstart.judge.desk import parcel
from headstart.judge.desk.parcel import Unreadable
from headstart.judge.desk.text import shown

MAX_CELLS = 2000
LANGUAGE = (("language_info", "name"), ("kernelspec", "language"))  # where a notebook's metadata may name it


@dataclass(frozen=True)
class Notebook:
    """One notebook of a submission: the sources of its code cells, or the one sentence that says why it has none.

    path     the name to show: printable, below the submission's folder, never to be opened
    chapter  slug of the chapter it belongs to; empty if there is a problem
    """

    path: str
    chapter: str = ""
    cells: tuple = ()
    problem: str = ""


def read(path):
    """Read a notebook, a folder of notebooks or a zip of them: at least one Notebook, some perhaps with a problem."""
    path = Path(path)
    name = shown(path.name or path.resolve().name)
    try:
        notebooks = [_notebook(*part) for part in parcel.parts(path)]
    except Unreadable as problem:
        return [Notebook(name, problem=str(problem))]
    return _refuse_twins(notebooks) or [Notebook(name, problem="there is no notebook (.ipynb) in it")]


def _notebook(name, load):
    """Read one notebook; what is wrong with it becomes its problem."""
    try:
        document = _document(load())
        return Notebook(shown(name), _chapter(name, document), _sources(document))
    except Unreadable as problem:
        return Notebook(shown(name), problem=str(problem))


def _refuse_twins(notebooks):
    """Two notebooks of one chapter: nobody can know which is meant, so neither is graded."""
    refused = []
    for notebook in notebooks:
        twins = [n.path for n in notebooks if notebook.chapter and n.chapter == notebook.chapter]
        if len(twins) > 1:
            problem = f"{' and '.join(twins)} are both of chapter {notebook.chapter}: hand in one of them"
            notebook = Notebook(notebook.path, problem=problem)
        refused.append(notebook)
    return refused


def _document(data):
    """Parse the JSON of a notebook of format 4 whose language is Python."""
    try:
        document = json.loads(data)
    except RecursionError:
        raise Unreadable("its JSON is nested too deep to be a notebook's") from None
    except ValueError as error:
        raise Unreadable(f"it is not a notebook: its JSON is broken ({shown(str(error), 100)})") from None
    if not isinstance(document, dict) or "nbformat" not in document:
        raise Unreadable("it is not a notebook: its JSON has no notebook format")
    if document["nbformat"] != 4:
        version = shown(str(document["nbformat"]), 20)
        raise Unreadable(f"its notebook format is {version}, the judge reads format 4: open and save it in Jupyter")
    metadata = _mapping(document.get("metadata"))
    for key, field in LANGUAGE:
        _demand_python(_mapping(metadata.get(key)).get(field), "it")
    return document


def _demand_python(language, what):
    if isinstance(language, str) and not language.lower().startswith(("python", "ipython")):
        raise Unreadable(f"{what} is written in {shown(language, 30)}, the course is in Python")


def _sources(document):
    """The sources of the code cells, as text that any codec can carry."""
    cells = document.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Unreadable("it is not a notebook: it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"it has {len(cells)} cells, more than the {MAX_CELLS} that the judge reads")
    return tuple(_source(i, cell) for i, cell in enumerate(cells, 1) if cell.get("cell_type") == "code")


def _source(number, cell):
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise Unreadable(f"it is not a notebook: its cell {number} has no text")
    editor = _mapping(_mapping(cell.get("metadata")).get("vscode"))
    _demand_python(editor.get("languageId"), f"its cell {number}")
    return source.encode("utf-8", "replace").decode()


def _chapter(name, document):
    """The slug of the notebook's chapter: its metadata says so, or else its name (`ada_01_attention (2).ipynb`)."""
    known = course.chapters()
    slug = _mapping(_mapping(document.get("metadata")).get("headstart")).get("chapter")
    if not isinstance(slug, str):
        longest_first = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        stem = re.sub(r"\.ipynb$", "", name.split("/")[-1].lower()).replace("_", "-")
        match = re.search(rf"(?<!\d)\d\d-({longest_first})(?![a-z0-9])", stem)
        slug = match[1] if match else ""
    if slug not in known:
        unknown = f"there is no chapter called {shown(slug, 60)}"
        said = unknown if slug else "neither its name nor its metadata says which chapter it is"
        raise Unreadable(f"{said} (the course has {', '.join(known)})")
    return slug


def _mapping(thing):
    """Metadata that is not a mapping counts as none."""
    return thing if isinstance(thing, dict) else {}
