"""Reads the labelled blocks of a hand-written page: questions and errata have one shape.

    (q-why-sqrt-d)=
    ## Why divide by √d_head?
    *the Chinese wording*
    % seeds: att-27
    % level: core % asks: derive

    **Say.** text up to the next lead

A block reaches to the next label or to the end of the page. Lines inside code fences are never structure.
"""

import re
from dataclasses import dataclass
from itertools import takewhile

from headstart.press import PressError

LABEL = re.compile(r"\((\S+)\)=\s*$")
WORDING = re.compile(r"\*([^*].*[^*])\*\s*$")
NOTE = re.compile(r"%\s*(\w+):\s*([^%]*)")
LEAD = re.compile(r"\*\*(\w+)\.\*\*\s*(.*)")
FENCE = re.compile(r"\s*(`{3,}|~{3,}|:{3,})")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One labelled block: its notes (`% key: value`) and its parts (`**Lead.** text`)."""

    id: str
    title: str
    zh: str
    notes: dict
    parts: dict
    page: str
    line: int

    @property
    def place(self):
        """File and line, with which every message about the block begins."""
        return f"{self.page}:{self.line}"

    @property
    def seeds(self):
        """Ids of the seed map's items that the block answers."""
        return tuple(self.notes.get("seeds", "").split())

    def links(self, *leads):
        """Targets of the Markdown links in the parts that `leads` name."""
        return tuple(target for lead in leads for target in LINK.findall(self.parts[lead]))


def read(path, root, prefix, leads):
    """Read the blocks of the page `path` below `root`: labels begin with `prefix`, each block has all `leads`.

    Raises PressError, one sentence that names file and line, where the page breaks the shape.
    """
    page = path.relative_to(root).as_posix()
    lines = path.read_text(encoding="utf-8").splitlines()
    plain = _without_fences(lines)
    starts = [n for n, line in enumerate(plain) if LABEL.match(line)]
    _demand_labels(plain, starts, page)
    ends = [*starts[1:], len(lines)]
    spans = zip(starts, ends, strict=True)
    return [_block(lines[a:b], plain[a:b], f"{prefix}-", leads, page, a + 1) for a, b in spans]


def words(text):
    """The words of a piece of Markdown as they are spoken: a link counts its text, a formula counts once."""
    spoken = re.sub(r"\]\([^)]*\)", "]", re.sub(r"\$[^$]+\$", "formula", text))
    return [word for word in spoken.split() if re.search(r"\w", word)]


def items(text):
    """The items of the Markdown list in `text`, each as one line."""
    found = re.split(r"^(?:[-*]|\d+\.)\s+", text, flags=re.MULTILINE)[1:]
    return tuple(" ".join(item.split()) for item in found)


def _without_fences(lines):
    """The lines, with those of fenced code blanked."""
    fence, plain = None, []
    for line in lines:
        mark = FENCE.match(line)
        plain.append("" if fence or mark else line)
        if fence is None and mark:
            fence = mark[1]
        elif fence and line.strip().startswith(fence):
            fence = None
    return plain


def _demand_labels(plain, starts, page):
    """Every heading of the second level opens a block, so it needs its label in the line above."""
    for n, line in enumerate(plain):
        if line.startswith("## ") and n - 1 not in starts:
            raise PressError(f"{page}:{n + 1} the heading {line[3:]!r} has no (label)= in the line above it")


def _block(lines, plain, prefix, leads, page, line):
    """One block from its lines; `plain` are the same lines without fenced code."""
    label, where = LABEL.match(plain[0])[1], f"{page}:{line}"
    if not label.startswith(prefix) or label != label.lower():
        raise PressError(f"{where} the label {label} must begin with {prefix} and be in lower case")
    if len(plain) < 2 or not plain[1].startswith("## "):
        raise PressError(f"{where} {label} needs a heading (## …) in the line below its label")
    head = list(takewhile(lambda text: not LEAD.match(text), plain[2:]))
    zh = " ".join(found[1] for text in head if (found := WORDING.match(text)))
    notes = {key: value.strip() for text in head if text.startswith("%") for key, value in NOTE.findall(text)}
    parts = _parts(lines, plain, leads, f"{where} {label}")
    return Block(label, plain[1][3:].strip(), zh, notes, parts, page, line)


def _parts(lines, plain, leads, where):
    """The text below each lead."""
    found, lead = {}, None
    for text, structure in zip(lines, plain, strict=True):
        mark = LEAD.match(structure)
        if mark and mark[1] in leads:
            lead, text = mark[1], mark[2]
            if lead in found:
                raise PressError(f"{where} has two parts called {lead}")
        if lead and not structure.startswith("%"):
            found.setdefault(lead, []).append(text)
    parts = {lead: "\n".join(text).strip() for lead, text in found.items()}
    missing = [lead for lead in leads if not parts.get(lead)]
    if missing:
        raise PressError(f"{where} has no {' and no '.join(missing)}")
    return parts
