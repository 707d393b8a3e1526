"""`make mock`: a coding round. Draws exercises for the time given, opens a notebook of stubs, grades it at the end."""

import argparse
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from headstart.graders import exercises
from headstart.judge import course
from headstart.judge.check import report
from headstart.judge.desk import reports
from headstart.judge.workshop.workshop import Workshop

PRICE = re.compile(r"^### ✎ exercise · (\d+) min\n?(.*)", re.MULTILINE | re.DOTALL)
LONGEST = 600  # minutes of a round


@dataclass(frozen=True)
class Task:
    """One exercise as a notebook of the course sets it: its price in minutes, its words, its stub."""

    name: str
    minutes: int
    words: str
    stub: str


def tasks(folder):
    """Every exercise of the notebooks in a folder, in course order."""
    found = []
    for path in sorted(folder.glob("*.ipynb")):
        words = ""
        for cell in nbformat.read(path, as_version=4).cells:
            words = cell.source if cell.cell_type == "markdown" else words
            if "exercise" in cell.metadata.get("tags", []) and (price := PRICE.search(words)):
                name = cell.metadata["headstart"]["exercise"]
                found.append(Task(name, int(price[1]), price[2].strip(), cell.source))
    return found


def draw(found, minutes, wing, chance):
    """Tasks that fit into the minutes, of as many chapters as possible; among those chance decides."""
    rest = [task for task in found if wing in ("both", course.find(task.name)[1].removeprefix("in_"))]
    chance.shuffle(rest)
    drawn, seen = [], []
    while rest:
        rest = [task for task in rest if task.minutes <= minutes]
        rest.sort(key=lambda task: seen.count(course.find(task.name)[0].chapter))  # stable: chance decides the rest
        if rest:
            task = rest.pop(0)
            minutes -= task.minutes
            seen.append(course.find(task.name)[0].chapter)
            drawn.append(task)
    return drawn


def notebook(drawn, minutes):
    """A notebook with the stubs and nothing that helps."""
    imports = ["import math", "", "import numpy as np"]
    if any(course.find(task.name)[1] == "in_torch" for task in drawn):
        imports += ["import torch", "import torch.nn.functional as F", "from torch import nn"]
    title = (
        f"# Coding round · {minutes} minutes\n\nNobody checks until you are done: close JupyterLab, and see your marks."
    )
    cells = [new_markdown_cell(title), new_code_cell("\n".join([*imports, *supplies(drawn)]))]
    for task in drawn:
        cells.append(new_markdown_cell(f"### {task.name} · {task.minutes} min\n\n{task.words}".rstrip()))
        cells.append(new_code_cell(task.stub, metadata={"headstart": {"exercise": task.name}}))
    return new_notebook(cells=cells)


def supplies(drawn):
    """Import lines for the exercises that the drawn ones may lean on, unless they are drawn themselves."""
    lines, names = set(), {task.name for task in drawn}
    for exercise, wing in (course.find(name) for name in names):
        for need in (exercises()[name] for name in exercise.needs):
            printed = course.printed(need, wing)
            if wing in need.wings and printed not in names:
                alias = "" if printed == need.name else f" as {printed}"
                lines.add(f"from headstart.{wing}.{need.home} import {need.name}{alias}")
    return ["", *sorted(lines)] if lines else []


def grade(path, seed):
    """Grade the exercises that a round's notebook names; yield what to print. Raises ValueError with a sentence."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, OSError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as a notebook ({type(error).__name__})") from None
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    names = [cell.metadata["headstart"]["exercise"] for cell in cells if "headstart" in cell.metadata]
    if not names:
        raise ValueError(f"{path} is no coding round: no cell of it names an exercise")
    with Workshop() as workshop:
        trials = [workshop.grade(name, sources, seed) for name in names]
    yield from (report(trial) + "\n" for trial in trials if trial.verdict != "pass")
    yield from reports.table(trials)
    yield f"{sum(trial.verdict == 'pass' for trial in trials)} of {len(trials)} exercises"


def main(arguments=None):
    """Draw, open, wait, grade; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headstart.mock", description=__doc__)
    parser.add_argument("--minutes", type=int, default=45, help="how long the round takes (45)")
    parser.add_argument("--wing", choices=("numpy", "torch", "both"), default="numpy", help="NumPy, PyTorch or both")
    parser.add_argument("--seed", type=int, help="draw the same exercises again")
    parser.add_argument("--draw", action="store_true", help="write the notebook and say where, without opening it")
    parser.add_argument("--grade", type=Path, metavar="NOTEBOOK", help="grade an earlier round")
    options = parser.parse_args(arguments)
    try:
        path = options.grade or _drawn(options)
        if options.grade is None and not options.draw:
            print("The marks come when JupyterLab is closed.", flush=True)
            subprocess.run([sys.executable, "-m", "jupyter", "lab", str(path)], check=False)
        print(*([path] if options.draw else grade(path, options.seed or 0)), sep="\n")
    except ValueError as error:
        print(f"mock: {error}.", file=sys.stderr)
        return 1
    return 0


def _drawn(options):
    """Write a round's notebook below work/ and return its path. Raises ValueError with a sentence."""
    found = tasks(Path("notebooks"))
    if not found:
        raise ValueError("there are no notebooks here: run it in the course's folder")
    drawn = draw(found, options.minutes, options.wing, random.Random(options.seed))
    if not drawn or options.minutes > LONGEST:
        raise ValueError(f"a round takes from {min(task.minutes for task in found)} to {LONGEST} minutes")
    path = Path("work", "rounds", time.strftime("%Y-%m-%d-%H%M%S.ipynb"))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(drawn, options.minutes), path)
    return path


if __name__ == "__main__":
    sys.exit(main())
