"""Reading manuscripts: the cells of a chapter, its exercises and its labelled evidence."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
from IPython.core.inputtransformer2 import TransformerManager

from headstart.press import PressError

FILE_NAME = re.compile(r"(\d\d)_([a-z0-9]+(?:[_-][a-z0-9]+)*)\.md")
EXERCISE_MODULE = re.compile(r"headstart\.in_(numpy|torch)\.\w+")


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter: `from module import attribute as name`, in the manuscript's cell `cell`."""

    name: str
    module: str
    attribute: str
    chapter: str
    cell: int


@dataclass(frozen=True)
class Chapter:
    """A manuscript that was read: where it lies, its number, its slug (words joined by hyphens) and cells."""

    path: Path
    number: int
    slug: str
    cells: tuple

    def exercises(self):
        """List the exercises in reading order. Raises PressError."""
        found = {}
        for index, cell in enumerate(self.cells):
            if cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", []):
                exercise = _exercise(self, index)
                if exercise.name in found:
                    raise PressError(f"{self.path.as_posix()}: two exercises are called {exercise.name}")
                found[exercise.name] = exercise
        return list(found.values())

    def labels(self):
        """Map each evidence label to (chapter slug, the cell's source). Raises PressError."""
        found = {}
        for cell in self.cells:
            if cell.cell_type == "code" and (label := cell.metadata.get("label")):
                if label in found:
                    raise PressError(f"{self.path.as_posix()}: two cells have the label {label}")
                found[label] = (self.slug, cell.source)
        return found


def read(path):
    """Read one manuscript. Raises PressError if its name is not NN_word.md or it is no MyST notebook."""
    path = Path(path)
    name = FILE_NAME.fullmatch(path.name)
    if not name:
        raise PressError(f"{path.as_posix()}: a manuscript's file name must look like 01_attention.md")
    try:
        cells = jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst").cells
    except Exception as error:  # jupytext lets the errors of its several parsers through
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise PressError(f"{path.as_posix()}: the manuscript cannot be read ({reason})") from None
    return Chapter(path, int(name[1]), name[2].replace("_", "-"), tuple(cells))


def exercises(path):
    """List the exercises of the manuscript at `path`, in reading order. Raises PressError."""
    return read(path).exercises()


def labels(path):
    """Map each evidence label of the manuscript at `path` to (chapter slug, source). Raises PressError."""
    return read(path).labels()


def plain_python(chapter, index):
    """The source of a code cell with magics such as `%config` turned into Python. Raises PressError."""
    source = TransformerManager().transform_cell(chapter.cells[index].source)
    try:
        ast.parse(source)
    except SyntaxError as error:
        where = f"{chapter.path.as_posix()}: code cell {index} of the manuscript"
        raise PressError(f"{where} is not Python ({error.msg}, line {error.lineno})") from None
    return source


def _exercise(chapter, index):
    statements = ast.parse(plain_python(chapter, index)).body
    match statements:
        case [ast.ImportFrom(module=str(module), names=[ast.alias(name, alias)], level=0)] if name != "*":
            if EXERCISE_MODULE.fullmatch(module):
                return Exercise(alias or name, module, name, chapter.slug, index)
    source = chapter.cells[index].source
    raise PressError(
        f"{chapter.path.as_posix()}: an exercise cell must be one import of one name from a file of a wing, "
        f"not {source.strip()!r}"
    )
