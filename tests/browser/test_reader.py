"""The built book as its readers meet it, in Chromium: from a folder and from a server, at a desk and on a phone."""

import gzip
from itertools import product
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe_playwright_python
import built
import pytest

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
NOT_OURS = [
    "region",  # the theme's logo
    "empty-table-header",  # the corner of a table has nothing to say
]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CHAPTER, QUESTIONS = "notebooks/01_attention.html", "book/questions/01_attention.html"
SHEET = "solutions/01_attention.html"
KINDS = [
    "book/index.html",
    CHAPTER,
    QUESTIONS,
    "book/mock_interview.html",
    "book/question_bank.html",
    "book/run.html",
    "book/errata.html",
    "book/coverage.html",
    "book/grading.html",
    "book/notation.html",
    "book/glossary.html",
    "book/bibliography.html",
    "search.html?q=attention",
]

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
RAW_MATHS = """async () => {
    await window.maths;
    const maths = [...document.querySelectorAll('.math')];
    return maths.filter((each) => !each.querySelector('mjx-container') || each.querySelector('mjx-merror'))
                .map((each) => each.textContent);
}"""
# A closed menu hides what is in it, and Tab stops at one radio button of a group: the arrow keys reach the others.
WAIT_TO_BE_REACHED = """() => {
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')];
    const offered = (each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled
        && (each.type !== 'radio' || each.checked);
    window.waiting = new Set(all.filter(offered));
    document.addEventListener('focusin', (event) => waiting.delete(event.target));
    return waiting.size;
}"""
SETTLED = """async () => {  // the colours of the chosen scheme have faded in
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const fading = document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime < Infinity);
    await Promise.allSettled(fading.map((each) => each.finished));
}"""
UNNAMED = "[...document.querySelectorAll('article img')].filter((each) => !each.alt.trim()).map((each) => each.src)"
# Left out: the words of code, coloured by a theme made for contrast, the inside of MathJax's formulas, and the roles
# that docutils gives a bibliography.
AXE_RUN = """(ignored) => axe.run({exclude: ['.highlight pre > span', 'mjx-container > *', '.citation-list']}, {
    resultTypes: ['violations'], rules: Object.fromEntries(ignored.map((rule) => [rule, {enabled: false}]))
}).then(({violations}) => violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`)))"""


def _names():
    """Every page below the book's folder, but for the first, which only leads on to book/index.html."""
    html = built.pages()
    files = {path.relative_to(html).as_posix() for path in html.rglob("*.html") if "_static" not in path.parts}
    return sorted(files - {"index.html"})


def _outside(page, home):
    return [url for url in page.asked if not url.startswith((home, "data:", "blob:"))]


def test_every_page_is_whole_on_a_phone_without_a_network(page, folder):
    complaints = {}
    for name in _names():
        page.asked.clear()
        page.faults.clear()
        page.goto(folder + name)
        found = [*page.evaluate(RAW_MATHS), *page.evaluate(UNNAMED), *_outside(page, folder), *page.faults]
        found += [f"{pixels} pixels too wide"] if (pixels := page.evaluate(TOO_WIDE)) > 0 else []
        if found:
            complaints[name] = found
    assert complaints == {}


@pytest.mark.parametrize("name", ["index.html", CHAPTER, QUESTIONS, "search.html?q=attention"])
def test_a_server_shows_the_same(page, server, name):
    page.goto(server + name, wait_until="networkidle")
    assert page.evaluate(RAW_MATHS) == []
    assert _outside(page, server) == []
    assert page.faults == []


@pytest.mark.parametrize("name", KINDS)
def test_everybody_can_read_it(page, folder, name):
    for size, scheme in product((DESK, PHONE), ("light", "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.goto(folder + name)
        page.evaluate(RAW_MATHS)
        page.evaluate(SETTLED)
        page.evaluate(AXE)
        assert page.evaluate(AXE_RUN, NOT_OURS) == []


def _results(page, folder, words):
    """Type words into the search and return its results: (title, address)."""
    page.set_viewport_size(DESK)
    page.goto(folder + CHAPTER)
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    page.wait_for_function("Search.status.innerText")  # is written once, when the last result is shown
    return [(link.inner_text(), link.get_attribute("href")) for link in page.locator("ul.search a").all()]


@pytest.mark.parametrize("words", ["attention", "multi-head", "注意", "注意力机制", "什么"])
def test_the_search_finds_questions_first(page, folder, words):
    title, address = _results(page, folder, words)[0]
    assert address.startswith("book/questions/")
    assert "#" in address
    assert page.faults == []
    page.goto(folder + address)
    section = page.locator(f"section[id='{unquote(urlsplit(address).fragment)}']")
    assert title.rstrip(".") in section.inner_text()


@pytest.mark.parametrize("words", ["掩码", "词"])
def test_the_search_finds_a_short_chinese_word(page, folder, words):
    assert "book/glossary.html" in [address for _, address in _results(page, folder, words)]


def test_the_search_does_not_find_what_is_not_there(page, folder):
    assert _results(page, folder, "掩力") == []
    assert _results(page, folder, "zzzz") == []


def test_the_keyboard_opens_the_first_answer(page, folder):
    page.goto(folder + "book/index.html")
    answer = page.locator("details.sd-dropdown").first
    for _ in range(60):
        page.keyboard.press("Tab")
        if answer.locator("summary:focus").count():
            break
    page.keyboard.press("Enter")
    assert answer.get_attribute("open") is not None
    assert "variance" in answer.inner_text()


@pytest.mark.parametrize("name", [name for name in _names() if name.startswith(("notebooks/", "solutions/"))])
def test_a_chapter_weighs_little(page, folder, name):
    page.goto(folder + name, wait_until="networkidle")
    files = {Path(unquote(urlsplit(url).path)) for url in page.asked if url.startswith("file:")}
    weights = {path.name: len(gzip.compress(path.read_bytes())) for path in files if "mathjax" not in path.parts}
    assert len(weights) > 5
    assert sum(weights.values()) < 500_000, sorted(weights.items(), key=lambda item: -item[1])[:5]


def test_the_wing_is_chosen_once_for_the_whole_book(page, folder):
    page.goto(folder + CHAPTER)
    sets = page.locator(".wings")
    assert sets.count() > 3
    assert sets.locator(".sd-tab-content:visible").all_inner_texts()[0].startswith("def softmax(")
    sets.first.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    for address in (CHAPTER, SHEET, "notebooks/03_multi_head.html"):
        page.goto(folder + address)
        shown = page.locator(".wings > label").evaluate_all("all => all.map((each) => each.control.checked)")
        assert shown == [False, True] * page.locator(".wings").count()
    assert "_torch(" in page.locator(".wings .sd-tab-content:visible").first.inner_text()


def test_a_chapter_can_be_taken_away(page, folder):
    page.goto(folder + CHAPTER)
    files = {}
    for menu in ("Open the notebook", "Download this page"):
        page.get_by_role("button", name=menu).click()
        links = page.locator(".dropdown-menu.show a")
        files |= {link.inner_text().strip(): link.get_attribute("href") for link in links.all()}
    assert {"JupyterLab", "notebook", "answer sheet"} <= set(files)
    for name, room in (("notebook", "notebooks"), ("answer sheet", "solutions")):
        path = built.pages() / "notebooks" / files[name]
        assert path.read_bytes() == (built.ROOT / room / "01_attention.ipynb").read_bytes()


@pytest.mark.parametrize("name", ["book/index.html", CHAPTER, QUESTIONS])
def test_the_keyboard_reaches_everything(page, folder, name):
    page.set_viewport_size(DESK)
    page.goto(folder + name)
    for _ in range(2 * page.evaluate(WAIT_TO_BE_REACHED)):  # code that can be scrolled is a stop as well
        page.keyboard.press("Tab")
    assert page.evaluate("[...waiting].map((each) => each.outerHTML)") == []
