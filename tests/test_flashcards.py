"""The flashcards: every question once, in English and in Chinese, formulas for Anki, ids that stay."""

import csv
import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from headstart.press import flashcards, questions

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """Two printings of the deck, as {guid: fields}, and the rows of the table."""
    folder = tmp_path_factory.mktemp("cards")
    return deck(folder), deck(folder), list(csv.DictReader(open(folder / "headstart.csv", encoding="utf-8-sig")))


def deck(folder):
    flashcards.write(ROOT, folder)
    with zipfile.ZipFile(folder / "headstart.apkg") as package:
        package.extract("collection.anki2", folder)
    with sqlite3.connect(folder / "collection.anki2") as base:
        found = {guid: fields.split("\x1f") for guid, fields in base.execute("select guid, flds from notes")}
        cards, models = base.execute("select count(*) from cards").fetchone()[0], base.execute("select models from col")
        return found, cards, list(json.loads(models.fetchone()[0]))


def test_every_question_is_a_note_and_the_ids_stay(notes):
    first, second, rows = notes
    bank = questions.bank(ROOT)
    assert first == second
    assert [row["id"] for row in rows] == [question.id for question in bank]
    assert len(first[0]) == len(bank)
    assert first[2] == [str(flashcards.MODEL)]


def test_a_card_for_each_language_that_asks(notes):
    bank = questions.bank(ROOT)
    assert notes[0][1] == len(bank) + sum(bool(question.zh) for question in bank)


def test_texts_are_html_with_formulas_for_anki_and_without_links():
    assert (
        flashcards.html("$x_i$ and [the proof](#ev-x)")
        == r'<p><span class="math inline">\(x_i\)</span> and the proof</p>'
    )
    assert flashcards.html("a < b") == "<p>a &lt; b</p>"


def test_no_field_is_empty_but_the_chinese_of_a_question_that_has_none(notes):
    for row in notes[2]:
        assert all(row[name] for name in flashcards.FIELDS if name != "Chinese"), row["id"]
        assert not any(mark in row["Say"] for mark in ("](", "$")), row["id"]
