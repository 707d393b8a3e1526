"""'Try it here' as a reader meets it: an answer is written, run and judged in the page, and nothing leaves it.

`make site-python` fetches the Python that this needs; without it nothing here runs, and one line says so. NumPy's own
part is played by a stand-in, wherever NumPy itself was not to be had: how it is loaded is the same.
"""

import hashlib
import inspect
import json
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import axe_playwright_python
import built
import pytest
from browser.test_reader import SETTLED

from headstart.in_numpy.counts import multi_head_parameters
from headstart.press import try_it_numbers, try_it_python

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
AXE_RUN = """() => axe.run('.try-cell', {resultTypes: ['violations']})
    .then(({violations}) => violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`)))"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CHAPTER = "notebooks/03_multi_head.html"
NAME, ON_ARRAYS = "multi_head_parameters", "split_heads"
RIGHT = inspect.getsource(multi_head_parameters)
THREE = f"def {NAME}(d_model, num_heads, d_head=None, bias=False):\n    return 3 * d_model * d_model\n"
TIMES_HEADS = """def multi_head_parameters(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model * d_model * num_heads + (4 * d_model if bias else 0)
"""
ENDLESS = f"def {NAME}(*sizes, **others):\n    while True:\n        pass\n"
NO_ANSWERS = {
    "def f(:": "line 1 is not Python: invalid syntax",
    "x = 1": "your text defines no multi_head_parameters",
    "y = 0\nx = 1 / y": "ZeroDivisionError in line 2: division by zero",
    "raise SystemExit('bye')": "SystemExit in line 1: bye",
    f"def {NAME}(*_, **__):\n    return {NAME}()": "it raised RecursionError",
}
STARTS = 60_000  # milliseconds that Python may take to start on a busy machine


@pytest.fixture(scope="module", autouse=True)
def site():
    """What the book has for its pages; where that is no Python, nothing here runs, and one warning says so."""
    manifest = json.loads((_served() / "manifest.json").read_text(encoding="utf-8"))
    if not manifest["python"]:
        _leave_out("the book has no Python (make site-python): no exercise is tried in its pages")
    return manifest


def _served():
    return built.pages() / try_it_python.SERVED


def _leave_out(reason):
    warnings.warn(reason, stacklevel=2)
    pytest.skip(reason)


class Place:
    """Where one exercise is tried, on a page that is open."""

    def __init__(self, page, name=NAME):
        self.page, self.root = page, page.locator(f".try-it[data-exercise='{name}']")
        self.check = self.root.get_by_role("button", name="Check my answer")
        self.editor, self.result = self.root.get_by_role("textbox"), self.root.get_by_role("status")

    def open(self):
        self.root.get_by_role("button", name="Try it here").click()
        self.result.wait_for(state="attached")
        return self

    def write(self, text):
        self.editor.fill(text)

    def hear(self, words, timeout=STARTS):
        self.root.get_by_role("status").filter(has_text=words).wait_for(timeout=timeout)
        return self.result.inner_text()

    def text(self):
        return "\n".join(self.root.locator(".cm-line").all_inner_texts()).strip()


@pytest.fixture
def place(page, server):
    page.goto(server + CHAPTER)
    page.locator(".try-it button").first.wait_for()  # the page's script has run
    page.wait_for_load_state("networkidle")
    return Place(page)


def test_an_answer_is_judged_and_a_known_mistake_named(page, server, place):
    page.wait_for_timeout(500)
    assert not [url for url in page.asked if "/try/" in url and not url.split("?")[0].endswith(("try.js", "try.css"))]
    assert not [url for url in page.asked if "/python/" in url or "codemirror" in url]
    place.open()
    assert "raise NotImplementedError" in place.text()
    place.check.click()
    place.hear("not attempted")
    place.write(TIMES_HEADS)
    place.check.click()
    said = place.hear("Your output equals")
    assert "a count multiplied by the number of heads: every head was given full-width matrices" in said
    assert "the count for (512, 8, d_head=64) is 8388608, it should be 1048576" in said
    place.write(f"print('hello')\n{RIGHT}")
    place.check.click()
    assert "Your code printed:\nhello" in place.hear("right, all 3 laws hold")
    assert page.faults == []
    assert [url for url in page.asked if not url.startswith((server, "data:"))] == []


def test_what_is_no_answer_is_told_in_one_sentence(place):
    place.open()
    for text, words in NO_ANSWERS.items():
        place.write(text)
        place.check.click()
        place.hear(words)


def test_an_endless_loop_is_stopped_and_the_next_check_works(place):
    place.open()
    place.write(ENDLESS)
    place.check.click()
    place.hear("Stopped after 10 seconds: is there a loop that never ends?")
    place.write(ENDLESS)
    place.check.click()
    place.hear("Checking")
    place.root.get_by_role("button", name="Stop").click()
    place.hear("Stopped.")
    place.write(RIGHT)
    place.check.click()
    place.hear("right, all 3 laws hold")


def test_what_was_written_stays_until_it_is_given_up(page, place):
    stub = place.open().text()
    place.write(THREE)
    page.reload()
    assert place.open().text() == THREE.strip()
    place.root.get_by_role("button", name="Back to the stub").click()
    assert place.text() == stub
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('headstart:try'))") == []
    page.keyboard.press("Control+z")
    assert place.text() == THREE.strip()


def test_the_keyboard_suffices(page, place):
    place.root.get_by_role("button", name="Try it here").focus()
    page.keyboard.press("Enter")
    place.editor.and_(page.locator(":focus")).wait_for()
    place.write(RIGHT)
    page.keyboard.press("Control+Enter")
    place.hear("right, all 3 laws hold")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert place.check.evaluate("each => each === document.activeElement")


def test_everybody_can_use_it_on_a_phone(page, place):
    place.open()
    place.write(THREE)
    place.check.click()
    place.hear("Your output")
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLED)
        assert page.evaluate(AXE_RUN) == []
    assert page.evaluate(TOO_WIDE) <= 0


def test_a_file_says_what_it_cannot_do(page, folder):
    page.goto(folder + CHAPTER)
    assert "opened as a file" in Place(page).open().result.inner_text()
    assert page.faults == []


@pytest.mark.parametrize(
    ("has", "name", "words"),
    [
        ({"python": False, "numpy": False}, NAME, "came without Python"),
        ({"python": True, "numpy": False}, ON_ARRAYS, "came without NumPy"),
    ],
)
def test_what_the_book_came_without_is_said_at_once(page, server, has, name, words):
    page.route("**/manifest.json", lambda route: route.fulfill(json=has))
    page.goto(server + CHAPTER)
    place = Place(page, name).open()
    place.hear(words)
    assert not place.check.is_visible()
    assert page.faults == []


@pytest.mark.parametrize(("hashed", "words"), [(True, "right, all 3 laws hold"), (False, "NumPy could not be loaded")])
def test_numpy_comes_from_beside_the_book_and_is_held_to_its_hash(page, server, hashed, words):
    lock = json.loads((_served() / try_it_python.LOCK).read_text(encoding="utf-8"))
    wheel = _wheel(Path(try_it_numbers.__file__).read_text(encoding="utf-8"))
    if hashed:
        lock["packages"]["numpy"]["sha256"] = hashlib.sha256(wheel).hexdigest()
    has = {"python": True, "numpy": True, "megabytes": 1}
    page.route("**/manifest.json", lambda route: route.fulfill(json=has))
    page.route(f"**/{try_it_python.LOCK}", lambda route: route.fulfill(json=lock))
    page.route("**/numpy-*.whl", lambda route: route.fulfill(body=wheel))
    page.goto(server + CHAPTER)
    place = Place(page).open()
    place.write(RIGHT)
    place.check.click()
    place.hear(words)
    assert [url for url in page.asked if "numpy-" in url and url.startswith(server)]


def test_an_exercise_on_arrays_is_judged(page, server, site):
    if not site["numpy"]:
        _leave_out("the book has no NumPy (make site-python): no exercise on arrays is tried in its pages")
    page.goto(server + CHAPTER)
    place = Place(page, ON_ARRAYS).open()
    place.write("def split_heads(x, num_heads):\n    return x.reshape(*x.shape[:-1], num_heads, -1)")
    place.check.click()
    place.hear("Your output equals")


def test_pytorch_leads_to_jupyter(page, server):
    page.goto(server + CHAPTER)
    lines = page.locator(".try-elsewhere")
    assert lines.count() > 0
    assert lines.first.locator("a").get_attribute("href").startswith("../book/run.html")
    assert page.locator(".try-it[data-exercise$='_torch']").count() == 0


def _wheel(source):
    """A package called numpy with one module."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("numpy/__init__.py", source)
        archive.writestr("numpy-2.4.6.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 2.4.6\n")
        archive.writestr(
            "numpy-2.4.6.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
    return file.getvalue()
