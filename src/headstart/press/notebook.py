"""Setting a chapter as a notebook, for the reader's room or the room of answers."""

import hashlib

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from headstart.press import PressError, names
from headstart.press.manuscript import plain_python
from headstart.press.printer import Printer

ROOMS = ("notebooks", "solutions")


def set_notebook(chapter, room, src):
    """Set one chapter for one room, with the wings below `src`; return its bytes. Raises PressError."""
    cells = list(_cells(chapter, room, src))
    if room == "solutions":
        cells = _introduced(chapter, cells)
    notebook = new_notebook(cells=_with_ids(cells), metadata=_metadata(chapter, room))
    return (nbformat.writes(notebook) + "\n").encode()


def _cells(chapter, room, src):
    """The cells in order. Each exercise may use only what the cells above it have made."""
    exercises = {exercise.cell: exercise for exercise in chapter.exercises()}
    own = {
        index: names.bound(plain_python(chapter, index))
        for index, cell in enumerate(chapter.cells)
        if cell.cell_type == "code" and index not in exercises
    }
    printer = _at(chapter, Printer, src, exercises.values(), set().union(*own.values()))
    bound = set()
    for index, cell in enumerate(chapter.cells):
        bound |= own.get(index, set())
        if index in exercises:
            exercise = exercises[index]
            source = _at(chapter, _print, printer, exercise, room, bound)
            bound |= names.bound(source)
            yield from _exercise_cells(chapter, exercise, cell.metadata, source, room)
        elif cell.cell_type == "code":
            yield new_code_cell(cell.source, metadata=cell.metadata)
        else:
            yield new_markdown_cell(cell.source, metadata=cell.metadata)


def _print(printer, exercise, room, bound):
    """The exercise's text, once it is certain that it finds every name it needs."""
    try:
        source = printer.stub(exercise) if room == "notebooks" else printer.answer(exercise)
        unbound = [name for name in ["check", *names.free(source)] if name not in bound]
        if unbound:
            raise PressError(f"its text in {room} uses {unbound[0]}, which no cell above imports or defines")
    except PressError as error:
        raise PressError(f"exercise {exercise.name}: {error}") from None
    return source


def _exercise_cells(chapter, exercise, metadata, source, room):
    name = exercise.name
    mark = {"headstart": {"exercise": name}}
    yield new_code_cell(source, metadata={**metadata, **mark})
    yield new_code_cell(f"{name} = check({name})", metadata={"tags": ["check"], **mark})
    if room == "notebooks":
        sheet = f"../solutions/{chapter.path.stem}.ipynb"
        yield new_markdown_cell(f"*Stuck? The [answer sheet]({sheet}) has one answer that passes.*")


def _introduced(chapter, cells):
    """The cells of an answer sheet, which says below its title what it is."""
    first, *others = cells or [new_markdown_cell()]
    title, _, rest = first.source.partition("\n")
    if first.cell_type != "markdown" or not title.startswith("# "):
        raise PressError(f"{chapter.path.as_posix()}: the manuscript must begin with its title (# …)")
    stubs = f"../notebooks/{chapter.path.stem}.ipynb"
    line = f"*This is the answer sheet of [the chapter's notebook]({stubs}): try that one first.*"
    source = f"{title}: answers\n\n{line}\n\n{rest.lstrip()}".rstrip()
    return [new_markdown_cell(source, metadata=first.metadata), *others]


def _with_ids(cells):
    """Ids made from the content, so that printing twice gives the same bytes; equal cells are counted."""
    seen = {}
    for cell in cells:
        content = f"{cell.cell_type}\n{cell.source}"
        seen[content] = seen.get(content, 0) + 1
        cell.id = hashlib.sha256(f"{seen[content]}\n{content}".encode()).hexdigest()[:16]
    return cells


def _metadata(chapter, room):
    return {
        "headstart": {"chapter": chapter.slug, "number": chapter.number, "room": room},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def _at(chapter, function, *arguments):
    """Call a function and let its complaint begin with the manuscript's path."""
    try:
        return function(*arguments)
    except PressError as error:
        raise PressError(f"{chapter.path.as_posix()}: {error}") from None
