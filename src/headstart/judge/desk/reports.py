"""What comes out of grading: a table for the terminal, marks.csv, Gradescope's results.json and a page to look at."""

import csv
import json
from pathlib import Path

from headstart.judge.check import story
from headstart.judge.desk.text import shown

HEAD = ("exercise", "laws", "verdict", "time")
COLUMNS = ("notebook", "exercise", "verdict", "points", "laws", "seconds", "message", "seed")


def table(trials):
    """Lines of text: exercise | laws that held | verdict | time, one line a trial."""
    return _aligned([HEAD, *map(_columns, trials)])


def _columns(trial):
    verdict = f"{trial.verdict}: {trial.mistakes[0].diagnosis}" if trial.mistakes else trial.verdict
    return trial.name, laws(trial), verdict, f"{trial.seconds * 1000:.0f} ms"


def class_table(rows):
    """Lines of text: submission | points | what did not pass, one line a submission."""
    lines = [("submission", "points", "not passed")]
    for name in dict.fromkeys(row.submission for row in rows):
        own = [row for row in rows if row.submission == name]
        missed = [f"{row.trial.name} ({row.trial.verdict})" for row in own if not row.points]
        lines.append((name, f"{sum(row.points for row in own)}/{len(own)}", shown(", ".join(missed), 100)))
    return _aligned(lines)


def _aligned(rows):
    """Columns of equal width, a rule below the first row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]]


def laws(trial):
    """How many of the laws that were asked held: "4/5"."""
    return f"{sum(finding.verdict == 'pass' for finding in trial.findings)}/{len(trial.findings)}"


def points(rows):
    """Sum up: "3 of 12 points"."""
    return f"{sum(row.points for row in rows)} of {len(rows)} points"


def write(path, rows, facts):
    """Write one report; the ending of its name says which. facts: seed, tier, seconds of the run. Raises OSError."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[path.suffix.lower()](path, rows, facts)


def _write_csv(path, rows, facts):
    """One line an exercise with everything a gradebook may want, or for a class one line a submission."""
    lines = _class_lines(rows) if any(row.submission for row in rows) else [COLUMNS, *map(_csv_line, rows)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[_inert(cell) for cell in line] for line in lines])


def _csv_line(row):
    trial = row.trial
    marks = [row.notebook, trial.name, trial.verdict, row.points, laws(trial)]
    return [*marks, f"{trial.seconds:.3f}", trial.message, trial.seed]


def _class_lines(rows):
    """submission, points, of, and a column with the verdict for each exercise that anybody was asked."""
    asked = list(dict.fromkeys(row.trial.name for row in rows))
    yield ["submission", "points", *asked]
    for name in dict.fromkeys(row.submission for row in rows):
        verdicts = {row.trial.name: row.trial.verdict for row in rows if row.submission == name}
        yield [name, sum(v == "pass" for v in verdicts.values()), *(verdicts.get(each, "") for each in asked)]


def _inert(cell):
    """A spreadsheet takes text that begins with one of these for a formula, and a stranger wrote some of it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _write_gradescope(path, rows, facts):
    """https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format"""
    tests = [
        {
            "name": f"{row.notebook}: {row.trial.name}",
            "number": str(number),
            "score": row.points,
            "max_score": 1,
            "status": "passed" if row.points else "failed",
            "output": story(row.trial),
            "output_format": "text",
        }
        for number, row in enumerate(rows, 1)
    ]
    result = {
        "score": sum(row.points for row in rows),
        "execution_time": round(facts["seconds"], 3),
        "output": f"{points(rows)}. Seed {facts['seed']}. Learner code ran {facts['tier'] or 'nowhere'}.",
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    path.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _write_page(path, rows, facts):
    from headstart.judge.desk.page import page

    path.write_text(page(rows, facts), encoding="utf-8")


WRITERS = {".csv": _write_csv, ".json": _write_gradescope, ".html": _write_page}
