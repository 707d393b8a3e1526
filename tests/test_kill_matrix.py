"""The kill matrix has no gap: each mistake seen in public code has its mutant, the page shows what the trials say."""

import re

import built
import pytest
from bs4 import BeautifulSoup

from headstart.graders import exercises
from headstart.judge import matrix
from headstart.press import PressError, kills

ROOT = built.ROOT


def test_every_mistake_seen_has_a_known_mistake():
    assert [mistake for group in kills.seen(ROOT).values() for mistake, members in group.items() if not members] == []


def test_a_name_that_stands_for_nothing_is_refused(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / kills.SEEN).write_text("scale:\n  none at all: [softmax.nonsense]\n")
    with pytest.raises(PressError, match=r"softmax\.nonsense"):
        kills.seen(tmp_path)


def test_a_mistake_that_no_law_convicts_has_an_empty_row():
    exercise = exercises()["softmax"]
    harmless = type(exercise)(exercise.name, exercise.home, exercise.chapter, exercise.wings, laws=exercise.laws)
    harmless.mutant("the right answer")(exercise.styles[0])
    assert matrix.rows(harmless)[0].convicted_by == ()


@pytest.mark.parametrize("exercise", list(exercises().values()), ids=lambda e: e.name)
def test_the_page_shows_the_trials(exercise, page):
    shown = [[cell.get_text() for cell in row.find_all("td")] for row in page[exercise.name.lower()].select("tbody tr")]
    laws = [law.name for law in matrix.laws(exercise)]
    for (diagnosis, *marks), row in zip(shown, matrix.rows(exercise), strict=True):
        assert words(diagnosis) == words(row.mutant.diagnosis)
        assert [law for law, mark in zip(laws, marks, strict=True) if mark == "●"] == list(row.convicted_by) != []


def words(text):
    """What is left when the page has set quotes, dots and code in its own way."""
    return re.findall(r"\w+", text)


@pytest.fixture(scope="module")
def page():
    """The table of each exercise on the built page."""
    soup = BeautifulSoup((built.pages() / "book" / "kill_matrix.html").read_text(encoding="utf-8"), "html.parser")
    return {e.lower(): soup.find(id=f"kills-{e.lower()}".replace("_", "-")).find_next("table") for e in exercises()}
