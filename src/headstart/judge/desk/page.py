"""A report to look at: one HTML file with no script and nothing fetched; everything a stranger wrote is escaped."""

import math
from html import escape

from headstart.judge.check import story
from headstart.judge.desk.reports import laws, points

WIDTH, CELL = 480, (6, 24)  # of a heat map; least and largest width of one of its entries, in pixels
INVISIBLE = 1e-4  # an error that small is rounding, and stays pale however small the others are

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --line: #d5d5dd; --good: #0b6e4f; --bad: #b3261e;
        --hot: #b3261e; --odd: #7b3fb5 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6ea; --paper: #16161a; --line: #3a3a44; --good: #6fd3ae;
        --bad: #ff8a80; --hot: #ff8a80; --odd: #c9a2ff } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif;
       color: var(--ink); background: var(--paper) }
table { border-collapse: collapse; width: 100% }
td:first-child { overflow-wrap: anywhere }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
figure { margin: 1rem 0; overflow-x: auto }
.pass { color: var(--good) } .other { color: var(--bad) }
svg { background: var(--paper); border: 1px solid var(--line) }
svg rect { fill: var(--hot); stroke: var(--paper) } svg rect.odd { fill: var(--odd) }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{facts}</p>
{body}
</main>
</body>
</html>
"""


def page(rows, facts):
    """The report as HTML text."""
    groups = {}
    for row in rows:
        groups.setdefault((row.submission, row.notebook), []).append(row)
    body = "\n".join(_group(" · ".join(filter(None, name)), group) for name, group in groups.items())
    line = f"The same inputs again: --seed {facts['seed']}. Learner code ran {facts['tier'] or 'nowhere'}."
    return PAGE.format(title=escape(points(rows)), style=STYLE, facts=escape(line), body=body)


def _group(name, rows):
    """One notebook: its table, then the story of every exercise that earned nothing."""
    lines = "\n".join(_line(row.trial) for row in rows)
    stories = "\n".join(_story(row.trial) for row in rows if not row.points)
    head = "<tr><th>exercise</th><th>laws</th><th>verdict</th><th>time</th></tr>"
    return f"<h2>{escape(name)}</h2>\n<table>\n<thead>{head}</thead>\n<tbody>\n{lines}\n</tbody>\n</table>\n{stories}"


def _line(trial):
    kind = "pass" if trial.verdict == "pass" else "other"
    name, verdict, time = escape(trial.name), escape(trial.verdict), f"{trial.seconds * 1000:.0f} ms"
    return f'<tr><td>{name}</td><td>{laws(trial)}</td><td class="{kind}">{verdict}</td><td>{time}</td></tr>'


def _story(trial):
    pictures = "\n".join(_figure(finding) for finding in trial.findings if finding.got is not None)
    text = f"<pre>{escape(story(trial))}</pre>"
    return f"<details open>\n<summary>{escape(trial.name)}</summary>\n{text}\n{pictures}\n</details>"


def _figure(finding):
    """The law in words under a picture of where the answer is off."""
    what = f"Error of the answer, entry by entry: {finding.sentence}"
    picture = heat_map(finding.got, finding.want, what)
    return f"<figure>\n{picture}\n<figcaption>{escape(what)}</figcaption>\n</figure>"


def heat_map(got, want, label):
    """An SVG with one square an entry, the darker the larger |got - want|; a second colour where it is no number."""
    errors = [[abs(g - w) for g, w in zip(*pair, strict=True)] for pair in zip(got, want, strict=True)]
    largest = max([INVISIBLE, *(error for row in errors for error in row if math.isfinite(error))])
    cell = min(max(WIDTH // len(errors[0]), CELL[0]), CELL[1])
    squares = [
        _square(i, j, cell, error / largest, f"[{i}, {j}] is {got[i][j]:.6g}, it should be {want[i][j]:.6g}")
        for i, row in enumerate(errors)
        for j, error in enumerate(row)
    ]
    width, height = cell * len(errors[0]), cell * len(errors)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">{"".join(squares)}</svg>'


def _square(i, j, cell, strength, title):
    paint = f'fill-opacity="{strength:.3f}"' if math.isfinite(strength) else 'class="odd"'
    place = f'x="{cell * j}" y="{cell * i}" width="{cell}" height="{cell}"'
    return f"<rect {place} {paint}><title>{title}</title></rect>"
