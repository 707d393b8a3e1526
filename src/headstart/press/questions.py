"""The question bank: the blocks of book/questions/*.md, read and checked against what a question must be."""

from dataclasses import dataclass

from headstart.press import PressError, blocks
from headstart.press.evidence import anchors

LEADS = ("Say", "Show", "Trap", "Next", "Rubric")
LEVELS = ("core", "deep", "frontier")
ASKS = ("concept", "derive", "code", "debug", "design")


@dataclass(frozen=True)
class Question:
    """One interview question with its answer; texts are Markdown, `next` and `rubric` are lists of points."""

    id: str
    title: str
    zh: str
    seeds: tuple
    frontier: str
    level: str
    asks: tuple
    say: str
    show: str
    trap: str
    next: tuple
    rubric: tuple
    page: str
    line: int
    evidence: tuple

    @property
    def place(self):
        """File and line, with which every message about the question begins."""
        return f"{self.page}:{self.line} {self.id}"


def pages(root):
    """The question pages below `root`, in course order."""
    return sorted((root / "book" / "questions").glob("*.md"))


def read(path, root):
    """Read the questions of one page. Raises PressError, one sentence with file and line."""
    return [_question(block) for block in blocks.read(path, root, "q", LEADS)]


def bank(root):
    """Every question of the course, in course order. Raises PressError, also where two questions share an id."""
    found = {}
    for path in pages(root):
        for question in read(path, root):
            if question.id in found:
                raise PressError(f"{question.place} is the id of another question as well ({found[question.id].place})")
            found[question.id] = question
    return list(found.values())


def faults(question, seed_ids, cells):
    """Sentences on what the question lacks, with the ids of the seed map and the labelled cells of the course."""
    spoken, follow_ups, points = len(blocks.words(question.say)), len(question.next), len(question.rubric)
    proofs = [label for label in question.evidence if label in cells and cells[label].asserts]
    complaints = [
        (not 50 <= spoken <= 120, f"its Say has {spoken} words, not 50 to 120"),
        (not 2 <= follow_ups <= 4, f"its Next has {follow_ups} follow-ups, not 2 to 4"),
        (not 3 <= points <= 5, f"its Rubric has {points} points, not 3 to 5"),
        (question.seeds and not question.zh, "it has seeds and no Chinese wording"),
        (not anchors(question.show), "its Show has no link to an evidence cell (#ev-…)"),
        (set(question.evidence) - set(proofs), f"no asserting cell has the label {_rest(question.evidence, proofs)}"),
        (set(question.seeds) - set(seed_ids), f"the seed map has no item {_rest(question.seeds, seed_ids)}"),
    ]
    return [f"{question.place}: {sentence}" for wrong, sentence in complaints if wrong]


def _rest(named, known):
    return ", ".join(name for name in named if name not in known)


def _question(block):
    level, asks = block.notes.get("level", ""), tuple(block.notes.get("asks", "").split())
    if level not in LEVELS:
        raise PressError(f"{block.place} {block.id} needs `% level:` with one of {', '.join(LEVELS)}, not {level!r}")
    if not asks or not set(asks) <= set(ASKS):
        raise PressError(f"{block.place} {block.id} needs `% asks:` with words from {', '.join(ASKS)}")
    text = block.parts
    return Question(
        id=block.id,
        title=block.title,
        zh=block.zh,
        seeds=block.seeds,
        frontier=block.notes.get("frontier", ""),
        level=level,
        asks=asks,
        say=text["Say"],
        show=text["Show"],
        trap=text["Trap"],
        next=blocks.items(text["Next"]),
        rubric=blocks.items(text["Rubric"]),
        page=block.page,
        line=block.line,
        evidence=tuple(dict.fromkeys(anchors("\n".join(text.values())))),
    )
