"""Every question and every erratum keeps its contract; one that does not is told so in one sentence."""

from pathlib import Path

import pytest

from headstart.press import PressError, coverage, errata, evidence, questions

ROOT = Path(__file__).resolve().parents[1]
PAGE = """# Questions on attention

(q-why-scale)=
## Why divide by √d_head?
*为什么要除以根号 d*
% seeds: att-27
% level: core % asks: concept derive

**Say.** {say}

**Show.** The variance, as in [this cell](#ev-variance).

```text
## no heading, and **Trap.** no trap either
```

**Trap.** It makes nothing cheaper.

**Next.**
- *Why the root?* The standard deviation is the root
  of the variance.
- *Where is it in QK-norm?* A learned scale takes its place.

**Rubric.**
- names the variance (junior)
- derives it (senior)
- knows what replaces it (staff)
"""
SAY = "word " * 60


@pytest.fixture
def book(tmp_path):
    """A course's folder with room for one question page."""
    (tmp_path / "book" / "questions").mkdir(parents=True)
    return tmp_path


def _read(book, text):
    path = book / "book" / "questions" / "01_attention.md"
    path.write_text(text, encoding="utf-8")
    return questions.read(path, book)


def _cell(label, asserts=True):
    return evidence.Cell(label, "A claim", "01_attention", (), asserts, f"#{label}")


def _blocks(read, paths):
    """What can be read of the pages; a page that cannot is the business of `test_every_page_reads`."""
    found = []
    for path in paths:
        try:
            found += read(path)
        except PressError:
            continue
    return found


QUESTIONS = _blocks(lambda path: questions.read(path, ROOT), questions.pages(ROOT))
ERRATA = _blocks(lambda path: errata.rows(ROOT), [ROOT / errata.PAGE])


@pytest.fixture(scope="module")
def known():
    """The ids of the seed map and the labelled cells of the course."""
    return coverage.seed_map(ROOT), evidence.labelled(ROOT)


@pytest.mark.parametrize("path", questions.pages(ROOT), ids=lambda path: path.stem)
def test_every_page_reads(path):
    assert questions.read(path, ROOT), f"{path.name} has no question"


def test_ids_are_unique():
    questions.bank(ROOT)
    errata.rows(ROOT)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_question(question, known):
    assert questions.faults(question, *known) == []


@pytest.mark.parametrize("row", ERRATA, ids=lambda row: row.id)
def test_erratum(row, known):
    assert errata.faults(row, *known) == []


def test_chapters_name_only_items_of_the_seed_map(known):
    items, _ = known
    strange = [(cell.chapter, seed) for cell in evidence.cells(ROOT) for seed in cell.seeds if seed not in items]
    assert strange == []


def test_every_item_of_the_source_documents_is_answered(known):
    items, _ = known
    found = coverage.answers(ROOT)
    assert [item.id for item in items.values() if not coverage.is_answered(item, found)] == []
    assert [item.id for item in items.values() if item.is_false and not coverage.is_refuted(item, found)] == []


def test_every_topic_of_the_frontier_is_answered_and_none_is_made_up():
    topics = coverage.frontier(ROOT)
    assert [topic for topic, found in topics.items() if not found] == []
    assert {question.frontier for question in QUESTIONS} - {""} <= set(topics)


def test_a_question_is_read_whole(book):
    (question,) = _read(book, PAGE.format(say=SAY))
    assert (question.id, question.title, question.zh) == ("q-why-scale", "Why divide by √d_head?", "为什么要除以根号 d")
    assert (question.seeds, question.level, question.asks) == (("att-27",), "core", ("concept", "derive"))
    assert question.say == SAY.strip()
    assert question.trap == "It makes nothing cheaper."
    assert question.next[0] == "*Why the root?* The standard deviation is the root of the variance."
    assert len(question.next) == 2
    assert question.rubric[2] == "knows what replaces it (staff)"
    assert question.evidence == ("ev-variance",)
    assert question.place == "book/questions/01_attention.md:3 q-why-scale"
    assert questions.faults(question, {"att-27"}, {"ev-variance": _cell("ev-variance")}) == []


MALFORMED = {
    "no label": ("(q-why-scale)=\n", "\n", ":4 the heading 'Why divide by √d_head?' has no (label)="),
    "no heading": ("## Why divide by √d_head?\n", "\n", ":3 q-why-scale needs a heading"),
    "other prefix": ("(q-why", "(why", ":3 the label why-scale must begin with q-"),
    "capitals": ("(q-why", "(q-Why", "must begin with q- and be in lower case"),
    "no part": ("**Trap.** It", "It", ":3 q-why-scale has no Trap"),
    "empty part": ("**Trap.** It makes nothing cheaper.", "**Trap.**", ":3 q-why-scale has no Trap"),
    "a part twice": ("**Trap.** It", "**Show.** It", ":3 q-why-scale has two parts called Show"),
    "unknown level": ("level: core", "level: easy", "one of core, deep, frontier, not 'easy'"),
    "unknown asks": ("asks: concept", "asks: sing", "words from concept, derive"),
    "no asks": ("% asks: concept derive", "", "needs `% asks:`"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_block_is_told_in_one_sentence(book, old, new, sentence):
    text = PAGE.format(say=SAY)
    assert old in text
    with pytest.raises(PressError) as caught:
        _read(book, text.replace(old, new))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("book/questions/01_attention.md:")
    assert "\n" not in str(caught.value)


FAULTY = {
    "short": (SAY, "word " * 49, "its Say has 49 words, not 50 to 120"),
    "long": (SAY, "word " * 121, "its Say has 121 words, not 50 to 120"),
    "one follow-up": ("- *Where is", "*Where is", "its Next has 1 follow-ups, not 2 to 4"),
    "two points": ("- derives it", "derives it", "its Rubric has 2 points, not 3 to 5"),
    "no Chinese": ("*为什么要除以根号 d*\n", "", "it has seeds and no Chinese wording"),
    "no evidence": ("(#ev-variance)", "(errata.md)", "its Show has no link to an evidence cell"),
    "unknown evidence": ("#ev-variance", "#ev-other", "no asserting cell has the label ev-other"),
    "idle evidence": ("#ev-variance", "#ev-idle", "no asserting cell has the label ev-idle"),
    "unknown seed": ("att-27", "att-99", "the seed map has no item att-99"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), FAULTY.values(), ids=FAULTY)
def test_a_broken_contract_is_told_in_one_sentence(book, old, new, sentence):
    (question,) = _read(book, PAGE.format(say=SAY).replace(old, new))
    cells = {"ev-variance": _cell("ev-variance"), "ev-idle": _cell("ev-idle", asserts=False)}
    complaints = questions.faults(question, {"att-27"}, cells)
    assert any(sentence in complaint and complaint.startswith(question.place) for complaint in complaints)


def test_two_questions_with_one_id(book):
    for name in ("01_attention.md", "03_multi_head.md"):
        (book / "book" / "questions" / name).write_text(PAGE.format(say=SAY), encoding="utf-8")
    with pytest.raises(PressError, match=r"03_multi_head.md:3 q-why-scale is the id of another .*01_attention"):
        questions.bank(book)


ERRATUM = """# Errata

(err-scale)=
## Scaling does not lower the cost
% seeds: att-09

**Claim.** It does.

**Truth.** It does not.

**Evidence.** {evidence}
"""


@pytest.mark.parametrize(
    ("proof", "sentence"),
    [
        ("[counted](#ev-variance)", None),
        ("[checked](bibliography.md#vaswani2017)", None),
        ("believe us", "its Evidence links to no cell"),
        ("[shown](#ev-idle)", "no asserting cell has the label ev-idle"),
    ],
)
def test_an_erratum_needs_a_cell_that_refutes_the_claim(book, proof, sentence):
    (book / errata.PAGE).write_text(ERRATUM.format(evidence=proof), encoding="utf-8")
    cells = {"ev-variance": _cell("ev-variance"), "ev-idle": _cell("ev-idle", asserts=False)}
    (row,) = errata.rows(book)
    complaints = errata.faults(row, {"att-09"}, cells)
    assert [sentence in complaint for complaint in complaints] == ([True] if sentence else [])


@pytest.mark.parametrize(
    ("source", "asserts"),
    [
        ("assert total == 1", True),
        ("np.testing.assert_allclose(a, b)", True),
        ("for row in rows:\n    assert row", True),
        ("assert True", False),
        ("print('assert x')  # assert x", False),
    ],
)
def test_evidence_is_a_cell_that_can_fail(tmp_path, source, asserts):
    path = tmp_path / "book" / "chapters" / "01_attention.md"
    path.parent.mkdir(parents=True)
    head = "---\nkernelspec: {name: python3, display_name: Python 3}\n---\n\n# Attention\n"
    path.write_text(f"{head}\n```{{code-cell}} ipython3\n:label: ev-x\n\n{source}\n```\n", encoding="utf-8")
    assert evidence.labelled(tmp_path)["ev-x"].asserts is asserts
