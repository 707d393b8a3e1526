"""The built book is whole: no error output, no dead link or anchor, no missing file, a title on every page.

The pages are those in `_build/html`, which `make test` builds first; where there are none, they are built here.
A small book of its own shows that every kind of link leads where it should, and that a failing cell is named.
"""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import built
import jupytext
import numpy as np
import pytest
from bs4 import BeautifulSoup

from headstart import check
from headstart.in_numpy.attention import softmax
from headstart.press import build, cache
from headstart.press.search import SearchEnglishAndChinese

ROOT = built.ROOT
FAILED = ".cell:not(.tag_raises-exception) .output.traceback"

MANUSCRIPT = """---
kernelspec: {name: python3, display_name: Python 3}
---

# Attention

By the [question](../book/questions/01_attention.md#why-divide-by-d_head) also known as
[q-why](../book/questions/01_attention.md#q-why), after [Vaswani et al. 2017](../book/bibliography.md#vaswani2017).

+++ {"seeds": "pas-01"}

## A √short history

```{code-cell} ipython3
:label: ev-rows
:seeds: fig-01 tab-01

assert 1 + 1 == 2
```

```{code-cell} ipython3
:label: ev-hidden
:tags: [hide-input]

assert 2 + 2 == 4
```
"""

QUESTIONS = """# Questions on attention

(q-why)=
## Why divide by √d_head?
% seeds: mha-06
% level: core % asks: derive

**Say.** So.

**Show.** By [rows](#ev-rows) and [a hidden cell](#ev-hidden).

**Trap.** No.

**Next.**
- one

**Rubric.**
- one
"""

ERRATA = """# Errata

```{errata}
```

(err-one)=
## It does not
% seeds: mha-01

**Claim.** It does.

**Truth.** It does not.

**Evidence.** [Rows](#ev-rows).
"""


def _pages(html):
    """Every page of a site, parsed, by path; a page that only leads on to another is left out."""
    files = [path for path in html.rglob("*.html") if "_static" not in path.parts]  # the theme leaves a template there
    parsed = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in files}
    return {path: page for path, page in parsed.items() if not page.select("meta[http-equiv=Refresh]")}


def _local(page, selector, attribute):
    """Addresses on a page that lead to a file of the site."""
    addresses = [urlsplit(tag[attribute]) for tag in page.select(f"{selector}[{attribute}]")]
    return [each for each in addresses if not each.scheme and not each.netloc]


def _goal(path, address):
    """The file that an address on the page at `path` means."""
    return (path.parent / unquote(address.path)).resolve() if address.path else path


@pytest.fixture(scope="module")
def site():
    """The pages of the book."""
    return _pages(built.pages().resolve())


def test_no_cell_has_failed(site):
    assert [str(path) for path, page in site.items() if page.select(FAILED)] == []


def test_every_page_has_a_title(site):
    assert len(site) > 5
    assert [str(path) for path, page in site.items() if not (page.title and page.title.text.strip())] == []


@pytest.mark.parametrize(("tag", "attribute"), [("img", "src"), ("script", "src"), ("link", "href"), ("a", "href")])
def test_every_file_is_there(site, tag, attribute):
    links = [(path, link) for path, page in site.items() for link in _local(page, tag, attribute)]
    missing = [f"{path.name} -> {link.geturl()}" for path, link in links if not _goal(path, link).exists()]
    assert missing == []


def test_every_anchor_is_there(site):
    anchors = {path: {tag["id"] for tag in page.select("[id]")} for path, page in site.items()}
    links = [(path, link) for path, page in site.items() for link in _local(page, "a", "href") if link.fragment]
    goals = [(path, link, anchors.get(_goal(path, link), ())) for path, link in links]
    dead = [f"{path.name} -> {link.geturl()}" for path, link, ids in goals if unquote(link.fragment) not in ids]
    assert links
    assert dead == []


def test_no_page_loads_anything_from_outside(site):
    tags = [
        (path, tag) for path, page in site.items() for tag in page.select("script, img, iframe, link[rel=stylesheet]")
    ]
    addresses = [(path.name, urlsplit(tag.get("src") or tag.get("href") or "")) for path, tag in tags]
    assert len(addresses) > 100
    assert [(name, url.geturl()) for name, url in addresses if url.netloc] == []
    assert [path.name for path, tag in tags if "thebe" in str(tag).lower()] == []


def test_the_landing_page_quotes_the_judge(capsys):
    page = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (quote,) = re.findall(r"^> (.*)$", page, re.MULTILINE)
    names = {"np": np, "softmax": softmax}
    exec(code, names)
    assert check(names["attention_weights"]) is not names["attention_weights"]
    assert f"→ {quote}\n" in capsys.readouterr().out


def test_chinese_is_indexed_in_characters_and_pairs():
    split = SearchEnglishAndChinese({}).split
    assert split("softmax 函数, d_head") == ["softmax", "函", "数", "函数", "d_head"]
    assert split("注意力") == ["注", "意", "力", "注意", "意力"]


def _write(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def small_root(tmp_path_factory):
    """A book of one chapter, built with the course's own settings and warnings as errors."""
    root = tmp_path_factory.mktemp("book")
    for name in ("_config.yml", "_toc.yml", "book/references.bib", "book/seed_map.yml", "book/bibliography.md"):
        _write(root, name, (ROOT / name).read_text(encoding="utf-8"))
    for folder in ("_static", "_templates"):
        shutil.copytree(ROOT / "book" / folder, root / "book" / folder)
    for name in ("index", "notation", "glossary"):
        _write(root, f"book/{name}.md", f"# The {name}\n")
    _write(root, "book/frontier.yml", "- {topic: attention without an end}\n")
    _write(root, "book/coverage.md", "# Coverage\n\n```{coverage}\n```\n")
    _write(root, "book/errata.md", ERRATA)
    _write(root, "book/questions/01_attention.md", QUESTIONS)
    _write(root, "book/chapters/01_attention.md", MANUSCRIPT)
    notebook = jupytext.reads(MANUSCRIPT, fmt="md:myst")
    for room in ("notebooks", "solutions"):
        (root / room).mkdir()
        jupytext.write(notebook, root / room / "01_attention.ipynb")
    assert build.main(["--root", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def small(small_root):
    """The pages of the small book."""
    html = small_root / "_build" / "html"
    return {path.relative_to(html).as_posix(): page for path, page in _pages(html).items()}


def _found(pages, page, text):
    """The element that the link with this text leads to."""
    (link,) = {link["href"] for link in pages[page].select("article a") if link.text == text}
    address = urlsplit(link)
    goal = (Path("/", page).parent / address.path).as_posix()
    name = [name for name in pages if Path("/", page).parent.joinpath(address.path).resolve() == Path("/", name)]
    assert name, f"{link} leads to {goal}, which is no page"
    (element,) = pages[name[0]].select(f'[id="{unquote(address.fragment)}"]')
    return name[0], element


@pytest.mark.parametrize(("text", "source"), [("rows", "assert 1 + 1 == 2"), ("a hidden cell", "assert 2 + 2 == 4")])
def test_evidence_leads_to_the_cell_itself(small, text, source):
    page, cell = _found(small, "book/questions/01_attention.html", text)
    assert page == "notebooks/01_attention.html"
    assert "cell" in cell["class"]
    assert source in cell.text
    assert cell.text.count("assert") == 1


@pytest.mark.parametrize("text", ["question", "q-why"])
def test_a_chapter_reaches_a_question_by_slug_and_by_label(small, text):
    page, element = _found(small, "notebooks/01_attention.html", text)
    assert page == "book/questions/01_attention.html"
    assert "Why divide by √d_head?" in (element if element.name == "section" else element.parent).text


def test_a_chapter_reaches_a_paper(small):
    page, entry = _found(small, "notebooks/01_attention.html", "Vaswani et al. 2017")
    assert page == "book/bibliography.html"
    assert "Attention" in entry.text
    assert "Polosukhin" in entry.text


def test_coverage_collects_questions_errata_cells_and_passages(small):
    rows = [[cell.get_text(" ") for cell in row.select("td")] for row in small["book/coverage.html"].select("tr")]
    answers = {row[0].strip(): row[3] for row in rows if len(row) == 4}
    assert len(answers) == 112
    assert "Why divide by √d_head?" in answers["mha-06"]
    assert answers["mha-01"].split()[-1] == "open"  # an erratum is not the answer that a question asks for
    assert "It does not" in answers["mha-01"]
    assert "√short history" in answers["pas-01"]
    assert "√short history" in answers["fig-01"]
    assert answers["mha-02"].split() == ["open", "erratum", "owed"]
    assert "4 of 112" in small["book/coverage.html"].text
    assert [text.strip() for text in rows[-1]] == ["attention without an end", "open"]


def test_a_question_shows_its_parts(small):
    (block,) = small["book/questions/01_attention.html"].select("section.block.q")
    assert [part.strong.text for part in block.select(".part")] == ["Say.", "Show.", "Trap.", "Next.", "Rubric."]
    assert [fact.text for fact in block.select(".fact")] == ["mha-06", "core", "derive"]


def test_only_the_search_loads_the_index(small):
    scripts = {path: str(page.select("script[src]")) for path, page in small.items()}
    assert [path for path, found in scripts.items() if "searchindex.js" in found] == ["search.html"]
    assert all(len(page.select("meta[name=viewport]")) >= 1 for page in small.values())


def test_a_part_without_chapters_is_not_shown(small):
    captions = [caption.text for caption in small["book/index.html"].select(".bd-docs-nav .caption-text")]
    assert captions == ["I · The mechanism", "IV · The interview", "Answer sheets"]


def test_a_failing_cell_is_named(tmp_path, capsys):
    notebook = jupytext.reads(MANUSCRIPT.replace("2 + 2 == 4", "2 + 2 == 5"), fmt="md:myst")
    (tmp_path / "notebooks").mkdir()
    jupytext.write(notebook, tmp_path / "notebooks" / "01_attention.ipynb")
    assert build.main(["--root", str(tmp_path)]) == 1
    assert "build: notebooks/01_attention.ipynb, code cell 2: AssertionError" in capsys.readouterr().err


def test_a_broken_notebook_is_told_in_one_sentence(tmp_path, capsys):
    _write(tmp_path, "notebooks/01_attention.ipynb", "{")
    assert build.main(["--root", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert message.startswith("build: notebooks/01_attention.ipynb is no notebook (")
    assert message.count("\n") == 1


def _keeps(root):
    """What a build would keep of a former one, which left both of its folders behind."""
    for folder in (cache.NOTEBOOKS, cache.PAGES):
        _write(root, folder / "made", "by a former build")
    kept = cache.refresh(root)
    assert [folder for folder in (cache.NOTEBOOKS, cache.PAGES) if (root / folder).exists()] == kept
    return kept


def test_a_change_of_the_code_empties_the_caches(tmp_path):
    _write(tmp_path, "src/headstart/a.py", "x = 1\n")
    assert _keeps(tmp_path) == []
    cache.keep_pages(tmp_path)
    assert _keeps(tmp_path) == [cache.NOTEBOOKS, cache.PAGES]
    assert _keeps(tmp_path) == [cache.NOTEBOOKS]  # the pages of a build that did not come to a good end
    cache.keep_pages(tmp_path)
    _write(tmp_path, "src/headstart/press/b.py", "x = 1\n")
    assert _keeps(tmp_path) == [cache.NOTEBOOKS]
    for path, text in (("src/headstart/a.py", "x = 2\n"), ("constraints.txt", "numpy==2\n")):
        cache.keep_pages(tmp_path)
        _write(tmp_path, path, text)
        assert _keeps(tmp_path) == []


def _build(root):
    """Build the book again; returns the pages that were written, or None after a complaint."""
    html = root / "_build" / "html"
    before = {path: path.stat().st_mtime_ns for path in html.rglob("*.html")}
    if build.main(["--root", str(root)]):
        return None
    written = {path for path in html.rglob("*.html") if before.get(path) != path.stat().st_mtime_ns}
    return {path.relative_to(html).as_posix() for path in written}


def test_building_again_writes_what_has_changed_and_forgets_no_complaint(small_root):
    page, questions = small_root / "book" / "notation.md", small_root / "book" / "questions" / "01_attention.md"
    page.write_text("# The notation\n\nOne symbol more.\n", encoding="utf-8")
    assert "book/notation.html" in (written := _build(small_root))
    assert {"notebooks/01_attention.html", "book/coverage.html"}.isdisjoint(written)
    _write(small_root, "book/frontier.yml", "- {topic: attention with an end}\n")
    assert "book/coverage.html" in _build(small_root)  # it is made from that file
    (small_root / "book" / "grading.md").write_text("# Grading\n", encoding="utf-8")
    assert "notebooks/01_attention.html" in _build(small_root)  # its sidebar shows the new page
    (small_root / "book" / "grading.md").unlink()
    questions.write_text(questions.read_text(encoding="utf-8").replace("(q-why)=", "(q-how)="), encoding="utf-8")
    assert _build(small_root) is None  # the chapter, which did not change, links to q-why
    assert _build(small_root) is None
    assert not (small_root / "_build" / "html" / "book" / "grading.html").exists()
