"""A run as text: the same table on the terminal and in the book."""

HEAD = "| what | against | goal | ratio | spread | |\n|---|---|---|---|---|---|"


def lines(run):
    """The machine, one line a comparison, and what was left out, as Markdown."""
    yield sentence(run["machine"])
    yield ""
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
    goal = "" if row["goal"] is None else f"≤ {row['goal']:.2f}"
    verdict = "" if row["goal"] is None else "met" if row["ratio"] <= row["goal"] else "missed"
    return (
        f"| {row['what']} | {row['against']} | {goal} | {row['ratio']:.2f} | {row['low']:.2f} – {row['high']:.2f} "
        f"| {verdict} |"
    )
