"""The printed book: contents with page numbers, everything opened, answers alone of the answer sheets."""

import unicodedata

import built
import pytest
from pypdf import PdfReader

from headstart.press import pdf

STYLE = "book/_static/headstart.css"


def _chapter(name, title, body):
    section = f'<section id="{title.lower()}"><h2>{title}</h2>{body}</section>'
    return f'<div class="toctree-wrapper"><span id="document-{name}"></span>{section}</div>'


TABS = """<div class="sd-tab-set wings">
<input type="radio" checked><label>NumPy</label>
<div class="sd-tab-content"><div class="tag_exercise">in numpy</div></div>
<input type="radio"><label>PyTorch</label>
<div class="sd-tab-content"><div class="tag_exercise">in pytorch</div></div>
</div>"""
ELSEWHERE = TABS.replace("in pytorch", "a copy").replace('content"><div class="tag_exercise">a', 'content copy"><div>a')
LONG = "<p>A line 注意力.</p>" * 120
PAGE = f"""<html lang="en"><meta charset="utf-8"><link rel="stylesheet" href="style.css">
<style>.sd-tab-content {{ display: none }}</style>
<script>window.maths = Promise.resolve();</script>
<div class="bd-content"><article class="bd-article"><h1>The book</h1>
{_chapter("notebooks/01_one", "One", LONG + TABS + "<details><summary>Hint</summary>opened</details>")}
{_chapter("notebooks/02_two", "Two", ELSEWHERE + "<a href='book/index.html#one'>back</a>")}
{_chapter("book/kill_matrix", "Kills", "a long table")}
{_chapter("solutions/01_one", "Answers", "<p>once more</p>" + TABS)}
</article></div>"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """The texts of the pages of a small book."""
    folder = tmp_path_factory.mktemp("print")
    (folder / "print.html").write_text(PAGE, encoding="utf-8")
    (folder / "style.css").write_text((built.ROOT / STYLE).read_text(encoding="utf-8"), encoding="utf-8")
    pdf.print_book(pdf.chromium(), folder / "print.html", folder / "book.pdf")
    return PdfReader(folder / "book.pdf")


def test_the_contents_say_on_which_page_a_chapter_begins(printed):
    texts = [page.extract_text() for page in printed.pages]
    (contents,) = [text for text in texts if "Contents" in text]
    for title in ("One", "Two", "Answers"):
        (number,) = [int(line.split()[-1]) for line in contents.splitlines() if line.startswith(title)]
        assert texts[number - 1].startswith(f"{number}\n{title}\n")
    assert len(texts) > 4
    assert [text.split()[0] for text in texts] == [str(n) for n in range(1, len(texts) + 1)]


def test_everything_is_opened_and_nothing_stands_twice(printed):
    text = "\n".join(page.extract_text() for page in printed.pages)
    assert text.count("in numpy") == 3
    assert text.count("in pytorch") == 2  # in its chapter and in the answers
    assert "opened" in text
    assert "注意力" in unicodedata.normalize("NFKC", text)  # a font may have one glyph for 力 and the radical
    assert [word for word in ("a copy", "once more", "a long table", "Kills") if word in text] == []


def test_links_lead_to_pages_of_the_same_file(printed):
    links = [note.get_object() for page in printed.pages for note in page.get("/Annots", ())]
    assert len(links) == 4  # three lines of contents and one link back
    assert [link for link in links if "/A" in link and "/URI" in link["/A"]] == []


def test_without_chromium_it_says_so(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert pdf.main([]) == 1
    message = capsys.readouterr().err
    assert "there is no Chromium" in message
    assert message.count("\n") == 1
