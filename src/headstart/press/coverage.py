"""What the source documents ask and where the book answers it: book/seed_map.yml against all that names its ids."""

from dataclasses import dataclass

import yaml

from headstart.press import errata, evidence, questions

SEED_MAP = "book/seed_map.yml"
FRONTIER = "book/frontier.yml"
OUTLINE = "003"  # the document whose figures and tables the seed map lists without a source
ANSWERED_BY = {"questions": "question", "errata": "erratum"}  # figures, tables, passages: by any place


@dataclass(frozen=True)
class Item:
    """One item of a source document: a question, an erratum, a figure, a table or a passage."""

    id: str
    kind: str
    source: str
    chapter: str
    zh: str
    en: str
    is_false: bool


@dataclass(frozen=True)
class Answer:
    """A place in the book that answers an item; `target` is a link as pages in book/ write it."""

    kind: str
    title: str
    target: str


def seed_map(root):
    """The items of the seed map by id, in its order."""
    groups = yaml.safe_load((root / SEED_MAP).read_text(encoding="utf-8"))
    return {entry["id"]: _item(kind, entry) for kind, entries in groups.items() for entry in entries}


def answers(root):
    """Every answer in the book, by the seed-map id that it names. Raises PressError."""
    found = {}
    for answer, seeds in _everything(root):
        for seed in seeds:
            found.setdefault(seed, []).append(answer)
    return found


def frontier(root):
    """What interviewers ask now and no source document does, with the questions that answer it: {topic: [Answer]}."""
    topics = yaml.safe_load((root / FRONTIER).read_text(encoding="utf-8"))
    found = {entry["topic"]: [] for entry in topics}
    for question in questions.bank(root):
        found.get(question.frontier, []).append(Answer("question", question.title, f"#{question.id}"))
    return found


def is_answered(item, found):
    """Whether the answers `found` (as from `answers`) hold one of the kind that the item asks for."""
    kinds = {answer.kind for answer in found.get(item.id, [])}
    return ANSWERED_BY[item.kind] in kinds if item.kind in ANSWERED_BY else bool(kinds)


def is_refuted(item, found):
    """Whether an erratum sets the item's false claim right."""
    return any(answer.kind == "erratum" for answer in found.get(item.id, []))


def _everything(root):
    """Pairs of an answer and the ids that it names: question blocks, errata, cells and passages of chapters."""
    for question in questions.bank(root):
        yield Answer("question", question.title, f"#{question.id}"), question.seeds
    for row in errata.rows(root):
        yield Answer("erratum", row.title, f"#{row.id}"), row.seeds
    for cell in evidence.cells(root):
        yield Answer("chapter", cell.heading, cell.target), cell.seeds


def _item(kind, entry):
    return Item(
        id=entry["id"],
        kind=kind,
        source=str(entry.get("source", OUTLINE)),
        chapter=entry.get("chapter", ""),
        zh=entry.get("zh", ""),
        en=entry.get("en", ""),
        is_false=kind == "errata" or entry.get("trap", "").startswith("WRONG"),
    )
