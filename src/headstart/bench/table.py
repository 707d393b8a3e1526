"""A run as text: the same table on the terminal and in the book.

`python -m headstart.bench.table` writes the table of book/speed.json into book/speed.md.
"""

import json
from pathlib import Path

START, END = "% the stored run: python -m headstart.bench.table", "% end of the run"
NO_BREAK = "\N{NO-BREAK SPACE}"  # a narrow page would write a goal on two lines
HEAD = "| what | ratio | goal | | spread | against |\n|---|---|---|---|---|---|"


def lines(run):
    """The machine, one line a comparison, and what was left out, as Markdown."""
    yield f"{sentence(run['machine'])}{' Small sizes, few turns.' if run['quick'] else ''}\n"
    yield HEAD
    yield from map(line, run["rows"])
    for part, reason in run["left_out"].items():
        yield f"\nNot measured: {part}. {reason}"


def sentence(machine):
    """What the run was made on, and how busy it was."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    load = "" if machine["load"] is None else f" The load was {machine['load']} when the run began."
    return (
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, {machine['system']}; {versions}.{load}"
    )


def line(row):
    """One comparison: ours over theirs, so smaller is better; the middle half of the turns beside it."""
    goal = "" if row["goal"] is None else f"≤{NO_BREAK}{row['goal']:.2f}"
    spread = f"{row['low']:.2f} – {row['high']:.2f}"
    verdict = "" if row["goal"] is None else "met" if row["ratio"] <= row["goal"] else "missed"
    return f"| {row['what']} | {row['ratio']:.2f} | {goal} | {verdict} | {spread} | {row['against']} |"


def page(text, run):
    """The book's page with the table of this run between its two marks."""
    before, _, after = text.partition(START)
    return "\n".join([before + START, "", *lines(run), "", END + after.partition(END)[2]])


if __name__ == "__main__":
    run, target = json.loads(Path("book/speed.json").read_text(encoding="utf-8")), Path("book/speed.md")
    target.write_text(page(target.read_text(encoding="utf-8"), run), encoding="utf-8")
