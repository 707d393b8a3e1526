"""The labelled cells of the manuscripts: what the pages of the book point to when they say "here is the proof"."""

import ast
import re
from dataclasses import dataclass

from myst_parser.mdit_to_docutils.base import default_slugify

from headstart.press import PressError
from headstart.press.manuscript import plain_python, read

ANCHOR = re.compile(r"\]\(#(ev-[^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A place in a chapter that a page may link to: a labelled code cell, or a passage that answers seeds."""

    label: str
    heading: str
    chapter: str
    seeds: tuple
    asserts: bool
    target: str


def anchors(text):
    """Labels of the evidence that a Markdown text links to, in order."""
    return ANCHOR.findall(text)


def cells(root):
    """Every labelled code cell and every passage with seeds, in course order. Raises PressError."""
    paths = sorted((root / "book" / "chapters").glob("*.md"))
    return [cell for path in paths for cell in _of_chapter(read(path))]


def labelled(root):
    """The code cells that have a label, by label. Raises PressError."""
    return {cell.label: cell for cell in cells(root) if cell.label}


def _of_chapter(chapter):
    """The cells of one manuscript that can be linked to."""
    heading = chapter.slug
    for index, cell in enumerate(chapter.cells):
        label, seeds = cell.metadata.get("label"), _names(cell.metadata.get("seeds", ""))
        if cell.cell_type == "markdown":
            headings = HEADING.findall(cell.source)
            if seeds:
                yield _passage(chapter, headings[:1] or [heading], seeds)
            heading = (headings or [heading])[-1]
        elif label:
            asserts = _asserts(plain_python(chapter, index))
            yield Cell(label, heading, chapter.path.stem, seeds, asserts, f"#{label}")
        elif seeds:
            raise PressError(f"{chapter.path.as_posix()}: the cell that answers {', '.join(seeds)} needs a label")


def _passage(chapter, headings, seeds):
    """A Markdown cell with seeds; it is reached through its first heading, or the one above it."""
    target = f"../notebooks/{chapter.path.stem}.ipynb#{default_slugify(headings[0])}"
    return Cell("", headings[0], chapter.path.stem, seeds, False, target)


def _names(seeds):
    """Seeds may be written as a list or as words in one string."""
    return tuple(seeds.split() if isinstance(seeds, str) else seeds)


def _asserts(source):
    """Whether the cell can fail: an assert on more than a constant, or a call of an assert_… function."""
    return any(
        (isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant))
        or (isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].startswith("assert_"))
        for node in ast.walk(ast.parse(source))
    )
