"""The test submissions, read from Markdown: a heading, "exercise: verdicts", and the cells as fenced code.

A block marked ```made is a Python expression whose value is the cell, for cells too long to be written out.
"""

import ast
import re
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
HEAD = r"^## (?P<title>.+)\n\n(?P<exercise>\w+): (?P<verdicts>.+)\n"
ENTRY = re.compile(HEAD + r"(?P<body>(?:(?!^## ).*\n?)*)", re.MULTILINE)
BLOCK = re.compile(r"^```(python|made)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Submission(NamedTuple):
    """One notebook, the exercise it is judged for, and the verdicts that are in order."""

    title: str
    exercise: str
    verdicts: tuple
    cells: tuple

    def __str__(self):
        return self.title.replace(" ", "-")


def read(path):
    """All submissions of one page."""
    return [_submission(entry) for entry in ENTRY.finditer((HERE / path).read_text(encoding="utf-8"))]


def _submission(entry):
    cells = tuple(_made(code) if kind == "made" else code for kind, code in BLOCK.findall(entry["body"]))
    return Submission(entry["title"], entry["exercise"], tuple(entry["verdicts"].split(", ")), cells)


def _made(code):
    return eval(compile(ast.parse(code.strip(), mode="eval"), "<made>", "eval"))
