"""The bibliography is complete in itself, and every paper that a page cites is in it."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = parse_file(ROOT / "book" / "references.bib").entries
VENUES = ("booktitle", "journal", "publisher", "institution", "howpublished", "eprint")
CITED = re.compile(r"bibliography\.(?:md|html)#([\w:.-]+)")
PAGES = sorted((ROOT / "book").rglob("*.md"))


@pytest.mark.parametrize("key", ENTRIES)
def test_entry_is_complete(key):
    entry = ENTRIES[key]
    assert entry.persons.get("author"), "no author"
    assert entry.fields.get("title"), "no title"
    assert re.fullmatch(r"(19|20)\d\d", entry.fields.get("year", "")), "no year"
    assert any(entry.fields.get(field) for field in VENUES), "neither a venue nor a preprint"
    assert re.fullmatch(r"[a-z]+\d{4}[a-z]*", key), "a key is a surname, a year and at most a word"
    assert entry.fields["year"] in key


@pytest.mark.parametrize("key", [key for key in ENTRIES if "eprint" in ENTRIES[key].fields])
def test_preprint_number_fits_the_year(key):
    number = re.fullmatch(r"(\d\d)(0[1-9]|1[0-2])\.\d{4,5}", ENTRIES[key].fields["eprint"])
    assert number, "not an arXiv number"
    assert 0 <= int(ENTRIES[key].fields["year"]) - 2000 - int(number[1]) <= 3, "published before or long after arXiv"


def test_no_preprint_number_twice():
    numbers = [entry.fields["eprint"] for entry in ENTRIES.values() if "eprint" in entry.fields]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "book").as_posix())
def test_citations_are_in_the_bibliography(page):
    assert set(CITED.findall(page.read_text(encoding="utf-8"))) <= set(ENTRIES)
