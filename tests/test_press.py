"""The press on small manuscripts and wings made for the purpose."""

import contextlib
import io
import json
import os
import subprocess
import sys

import pytest

from headstart.press import PressError, names
from headstart.press.__main__ import main
from headstart.press.manuscript import exercises, labels
from headstart.press.stub import stub

NUMPY_WING = '''"""A wing."""

import math

import numpy as np

from headstart.contract import BadShape, shapes

_EPS = 1e-9  # added to √sums


def _check(x):
    if x.ndim < 1:
        raise BadShape("too flat")


# Rows to weights, 缩放.
@shapes(x="... n")
def softmax(x, axis=-1, *, scale: float = 1.0):
    """Weights √d, 缩放; softmax(x) sums to one."""
    _check(x)

    def shifted(softmax):  # a local of the same name
        return softmax - softmax.max(axis=axis, keepdims=True)

    e = np.exp(shifted(x) * scale)  # softmax's numerator
    return e / (e.sum(axis=axis, keepdims=True) + _EPS)


def _half(x):
    return softmax(x) / 2


def attention(
    q,  # (T_q, d)
    k,  # (T_k, d)
):
    """Attend."""
    _check(q)
    return softmax(q @ k.T / math.sqrt(q.shape[-1])) * 2 * _half(q).sum()


def countdown(n):
    """Count."""
    return 0 if n == 0 else countdown(n - 1)
'''

TORCH_WING = '''
import math

import torch
from torch import nn

from headstart.contract import BadShape, shapes

_EPS = 1e-5


def _check(x):
    if x.ndim < 1:
        raise BadShape("flat")


@shapes(x="n")
def softmax(x):
    """As torch.softmax does; softmax(x)."""
    _check(x)
    return torch.softmax(x + 0 * _EPS, dim=-1)


@torch.no_grad()
def attention(q, softmax_scale=1.0):
    """Attend."""
    scores = softmax(q) if math.pi else torch.nn.functional.softmax(q)
    return scores * softmax_scale, f"{softmax(q)} softmax"


class Layer(nn.Module):
    """A layer."""

    size = 3

    def __init__(self, d_model):
        """Make it."""
        super().__init__()
        self.softmax = softmax

    # How it is done, which is not for the stub.
    @staticmethod
    def softmax_of(x):
        return softmax(x)

    @property
    @shapes(x="n")
    def width(self):
        """How wide."""
        return Layer.size

    def softmax(self, x):
        return self.softmax(softmax=softmax(x))

    def _helper(self):
        return None
'''

CONTRACT = '''
import functools


class BadShape(ValueError):
    """A wrong shape."""


def shapes(**specs):
    return lambda function: function
'''

SETUP = """```{code-cell} python3
:tags: [hide-input]
import math
import numpy as np
import torch
from torch import nn
from headstart import check
```
"""

RUN_ANSWERS = "import sys, types; sys.modules['headstart'] = types.SimpleNamespace(check=lambda it: it)\n"


def cell(source, tags="", label=""):
    """One code cell of a manuscript."""
    options = f":tags: [{tags}]\n" * bool(tags) + f":label: {label}\n" * bool(label)
    return f"```{{code-cell}} python3\n{options}{source}\n```\n"


def exercise(name, wing="numpy", file="parts"):
    """An exercise cell; `name` may hold an alias."""
    return cell(f"from headstart.in_{wing}.{file} import {name}", "exercise")


@pytest.fixture
def course(tmp_path):
    """A course with two wings and no manuscript; calling it writes one and gives the course's folder."""
    package = tmp_path / "src" / "headstart"
    files = {"in_numpy/parts.py": NUMPY_WING, "in_torch/parts.py": TORCH_WING, "contract.py": CONTRACT}
    for wing in ("in_numpy", "in_torch"):
        files[f"{wing}/__init__.py"] = ""
    files["in_numpy/late.py"] = "from .parts import _half as half\n\n\ndef quarter(x):\n    return half(x) / 2\n"
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    (tmp_path / "book" / "chapters").mkdir(parents=True)

    def write(*cells, name="01_parts.md", setup=SETUP):
        text = "\n".join(["# Parts √d\n\nA promise.\n", setup, *cells])
        (tmp_path / "book" / "chapters" / name).write_text(text, encoding="utf-8")
        return tmp_path

    write.root = tmp_path
    return write


def press(root, *options):
    """Run the press: (exit code, what it printed, its complaints)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--root", str(root), *options])
    return code, out.getvalue(), err.getvalue()


def complaint(root):
    """The one sentence of a press that must fail, and must write nothing."""
    code, out, err = press(root)
    assert (code, out, err.count("\n")) == (1, "", 1), (code, out, err)
    assert not (root / "notebooks").exists()
    return err


def printed(root, room, name="01_parts"):
    assert press(root)[0] == 0, press(root)
    return json.loads((root / room / f"{name}.ipynb").read_text(encoding="utf-8"))


def sources(root, room, tag="exercise"):
    """The sources of the cells with a tag."""
    cells = printed(root, room)["cells"]
    return ["".join(each["source"]) for each in cells if tag in each["metadata"].get("tags", [])]


# --- the notebooks as files


def test_a_stub_and_a_check_replace_the_exercise(course):
    root = course(exercise("countdown"), cell("countdown(3)"))
    *_, stub_cell, check_cell, hint, demo = printed(root, "notebooks")["cells"]
    assert "".join(stub_cell["source"]) == 'def countdown(n):\n    """Count."""\n    raise NotImplementedError'
    assert stub_cell["metadata"] == {"tags": ["exercise"], "headstart": {"exercise": "countdown"}}
    assert check_cell["source"] == ["countdown = check(countdown)"]
    assert check_cell["metadata"] == {"tags": ["check"], "headstart": {"exercise": "countdown"}}
    assert hint["source"] == ["*Stuck? The [answer sheet](../solutions/01_parts.ipynb) has one answer that passes.*"]
    assert demo["source"] == ["countdown(3)"]


def test_the_answer_sheet_says_what_it_is_and_has_no_hint(course):
    first, *rest = printed(course(exercise("countdown")), "solutions")["cells"]
    title, blank, line, gap, words = first["source"]
    assert (title, blank, gap, words) == ("# Parts √d: answers\n", "\n", "\n", "A promise.")
    assert "answer sheet" in line
    assert "(../notebooks/01_parts.ipynb)" in line
    assert not any("Stuck?" in "".join(each["source"]) for each in rest)


@pytest.mark.parametrize("room", ["notebooks", "solutions"])
def test_metadata_is_fixed_and_cells_hold_no_outputs(course, room):
    course(exercise("countdown"), cell("assert True", label="ev-true"), name="03_multi_head.md")
    notebook = printed(course.root, room, "03_multi_head")
    assert notebook["metadata"] == {
        "headstart": {"chapter": "multi-head", "number": 3, "room": room},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    code = [each for each in notebook["cells"] if each["cell_type"] == "code"]
    assert all(each["outputs"] == [] and each["execution_count"] is None for each in code)
    assert code[-1]["metadata"] == {"label": "ev-true"}
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)


def test_ids_come_from_the_content(course):
    same = cell("x = 1"), "Some words.", cell("x = 1"), "+++\n\nx = 1"
    before = {each["id"]: each for each in printed(course(*same), "notebooks")["cells"]}
    assert len(before) == len(printed(course.root, "notebooks")["cells"])
    after = {each["id"]: each for each in printed(course("New.", *same), "notebooks")["cells"]}
    assert {each for each in before if before[each] == after.get(each)} >= {
        key for key, each in before.items() if each["cell_type"] == "code"
    }


def test_printing_is_the_same_in_every_process(course):
    root = course(exercise("softmax"), exercise("attention"), exercise("Layer", "torch"))
    pages = []
    for seed in ("1", "2", "77"):
        command = [sys.executable, "-m", "headstart.press", "--root", str(root)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        pages.append([(root / room / "01_parts.ipynb").read_bytes() for room in ("notebooks", "solutions")])
        for room in ("notebooks", "solutions"):
            (root / room / "01_parts.ipynb").unlink()
    assert pages[0] == pages[1] == pages[2]
    assert all(page.endswith(b"}\n") and "√".encode() in page and b"\r" not in page for page in pages[0])


def test_the_rooms_are_compared_printed_and_cleared(course):
    root = course(exercise("countdown"))
    assert press(root, "--check")[0] == 1
    assert not (root / "notebooks").exists()
    assert press(root)[1] == "notebooks: printed 01_parts.ipynb\nsolutions: printed 01_parts.ipynb\n"
    assert press(root, "--check") == (0, "", "")
    assert press(root)[1] == "notebooks: nothing changed\nsolutions: nothing changed\n"
    page = root / "solutions" / "01_parts.ipynb"
    page.write_bytes(page.read_bytes() + b"\n")
    code, out, err = press(root, "--check")
    assert (code, out, err) == (1, "", "press: solutions/01_parts.ipynb is not what its manuscript prints.\n")


def test_orphans_are_removed_and_strangers_are_left_alone(course):
    root = course(exercise("countdown"))
    press(root)
    ours = root / "notebooks" / "09_gone.ipynb"
    ours.write_bytes((root / "notebooks" / "01_parts.ipynb").read_bytes())
    strangers = {"mine.ipynb": '{"metadata": {}}', "broken.ipynb": "{", "list.ipynb": "[]", "notes.txt": "x"}
    for name, text in strangers.items():
        (root / "notebooks" / name).write_text(text)
    code, _, err = press(root, "--check")
    assert code == 1
    assert [line.split()[1] for line in err.splitlines()] == [
        f"notebooks/{name}" for name in ("09_gone.ipynb", "broken.ipynb", "list.ipynb", "mine.ipynb")
    ]
    assert ours.exists()
    line = press(root)[1].splitlines()[0]
    assert line.startswith("notebooks: removed 09_gone.ipynb, left alone")
    assert not ours.exists()
    assert {name: (root / "notebooks" / name).read_text() for name in strangers} == strangers


# --- stubs


def test_a_stub_keeps_a_long_signature_with_its_comments(course):
    (text,) = sources(course(exercise("attention as attend")), "notebooks")
    assert text == (
        'def attend(\n    q,  # (T_q, d)\n    k,  # (T_k, d)\n):\n    """Attend."""\n    raise NotImplementedError'
    )


def test_a_stub_keeps_defaults_and_annotations_and_drops_decorators_and_comments_above(course):
    (text,) = sources(course(exercise("softmax")), "notebooks")
    assert text == (
        "def softmax(x, axis=-1, *, scale: float = 1.0):\n"
        '    """Weights √d, 缩放; softmax(x) sums to one."""\n    raise NotImplementedError'
    )


def test_the_stub_of_a_class_has_its_public_methods(course):
    (text,) = sources(course(exercise("Layer", "torch")), "notebooks")
    assert (
        text
        == '''class Layer(nn.Module):
    """A layer."""

    def __init__(self, d_model):
        """Make it."""
        raise NotImplementedError

    @staticmethod
    def softmax_of(x):
        raise NotImplementedError

    @property
    def width(self):
        """How wide."""
        raise NotImplementedError

    def softmax(self, x):
        raise NotImplementedError'''
    )


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("def f(x): return x", "def f(x):\n    raise NotImplementedError"),
        ("async def f(x) -> int:  # why\n    return x", "async def f(x) -> int:  # why\n    raise NotImplementedError"),
        ("class C:\n    x = 1", "class C:\n    pass"),
        ('class C: "Words."', 'class C:\n    "Words."'),
        ('def f():\n    # note\n    "Words."\n    return 1', 'def f():\n    "Words."\n    raise NotImplementedError'),
    ],
)
def test_stubs_of_odd_shapes(source, left):
    assert stub(source) == left


def test_a_signature_names_a_sibling_as_the_notebook_does(course):
    wing = course.root / "src" / "headstart" / "in_numpy" / "parts.py"
    wing.write_text("class Cache:\n    pass\n\n\ndef step(cache: Cache):\n    return cache\n")
    _, step = sources(course(exercise("Cache as Store"), exercise("step")), "notebooks")
    assert step == "def step(cache: Store):\n    raise NotImplementedError"


# --- answers


def answers_run(root):
    """Execute the answer sheet's code where headstart has nothing but a check; return its names."""
    cells = printed(root, "solutions")["cells"]
    code = "\n".join("".join(each["source"]) for each in cells if each["cell_type"] == "code")
    lines = RUN_ANSWERS + code + "\nassert not [name for name in sys.modules if name.startswith('headstart.')]\n"
    subprocess.run([sys.executable, "-I", "-c", lines], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_an_answer_brings_its_helpers_once(course):
    root = course(exercise("softmax"), exercise("attention"))
    first, second = sources(root, "solutions")
    assert first.startswith("class BadShape(ValueError):")
    assert first.index("def _check(x):") < first.index("# Rows to weights, 缩放.\ndef softmax(")
    assert "_EPS = 1e-9  # added to √sums\n\n\n# Rows" in first
    assert "@shapes" not in first
    assert second.startswith("def _half(x):\n    return softmax(x) / 2\n\n\ndef attention(\n    q,  # (T_q, d)")
    assert "_check(x)" not in second


def test_both_wings_live_in_one_sheet_without_clobbering(course):
    root = course(
        exercise("softmax"),
        exercise("attention as attention_torch", "torch"),
        exercise("Layer", "torch"),
        cell("assert abs(softmax(np.array([1.0, 2.0])).sum() - 1) < 1e-6"),
        cell("assert attention_torch(torch.zeros(2))[0].tolist() == [0.5, 0.5] and _EPS == 1e-9"),
    )
    _, attention, layer = sources(root, "solutions")
    assert "_EPS_torch = 1e-5" in attention
    assert "def _check_torch(x):" in attention
    assert "BadShape(ValueError)" not in attention
    assert '"""As torch.softmax does; softmax(x)."""' in attention
    assert "    return torch.softmax(x + 0 * _EPS_torch, dim=-1)" in attention
    assert "@torch.no_grad()\ndef attention_torch(q, softmax_scale=1.0):" in attention
    assert "scores = softmax_torch(q) if math.pi else torch.nn.functional.softmax(q)" in attention
    assert 'return scores * softmax_scale, f"{softmax_torch(q)} softmax"' in attention
    assert "self.softmax = softmax_torch\n" in layer
    assert "return self.softmax(softmax=softmax_torch(x))" in layer
    assert "def softmax(self, x):" in layer
    answers_run(root)


def test_an_alias_is_used_by_siblings_and_in_recursion(course):
    root = course(exercise("countdown as count"), exercise("softmax as weigh"), exercise("attention"))
    count, weigh, attention = sources(root, "solutions")
    assert count == 'def count(n):\n    """Count."""\n    return 0 if n == 0 else count(n - 1)'
    assert '"""Weights √d, 缩放; softmax(x) sums to one."""' in weigh
    assert "def shifted(softmax):  # a local of the same name\n        return softmax - softmax.max(" in weigh
    assert "# softmax's numerator" in weigh
    assert "return weigh(q @ k.T" in attention
    assert "return weigh(x) / 2" in attention
    answers_run(root)


def test_helpers_are_followed_through_imports_and_their_aliases(course):
    root = course(exercise("quarter", file="late"), cell("assert quarter(np.zeros(2)).tolist() == [0.125] * 2"))
    (text,) = sources(root, "solutions")
    assert text.endswith("def quarter(x):\n    return _half(x) / 2")
    assert "def softmax(" in text
    (root / "src" / "headstart" / "in_numpy" / "parts.py").write_text("def _half(x):\n    return x\n")
    assert "def softmax(" not in sources(root, "solutions")[0]


def test_a_class_keeps_its_name_as_a_helper(course):
    wing = course.root / "src" / "headstart" / "in_torch" / "parts.py"
    wing.write_text("_N: int = 3\n\n\nclass Cache:\n    size = _N\n\n\ndef f():\n    return Cache()\n")
    (text,) = sources(course(exercise("f", "torch")), "solutions")
    assert text == ("_N_torch: int = 3\n\n\nclass Cache:\n    size = _N_torch\n\n\ndef f():\n    return Cache()")


def test_decorators_of_the_house_are_left_out_of_methods_too(course):
    (text,) = sources(course(exercise("Layer", "torch")), "solutions")
    assert "    @property\n    def width(self):" in text


def test_renaming_touches_names_alone():
    source = "def f(a, g=1):\n    # f\n    h = [f for f in a]\n    return f(f=f'{f(h)} f', x=a.f, y='f'), g\n"
    assert names.rename(source, {"f": "F", "g": "G", "h": "H"}) == (
        "def F(a, g=1):\n    # f\n    h = [f for f in a]\n    return F(f=f'{F(h)} f', x=a.f, y='f'), g\n"
    )


def test_free_names_in_order_of_use():
    source = "@wrap\ndef f(x: Array, y=_ONE) -> 'Quoted':\n    import os\n    return os.sep, len(x), math.pi, f(b)\n"
    assert names.free(source) == ["wrap", "Array", "_ONE", "math", "b"]


def test_bound_names_leave_the_wings_out():
    source = (
        "import a.b as c, d\nfrom headstart.in_numpy.parts import e\nfor f in (): g = (h := 1)\nwith i as j: pass\n"
    )
    assert names.bound(source) == {"c", "d", "f", "g", "h", "j"}


# --- complaints


def test_what_manuscripts_tell_other_code(course):
    root = course(exercise("softmax"), cell("assert 1", label="ev-one"), exercise("Layer", "torch"))
    path = root / "book" / "chapters" / "01_parts.md"
    softmax, layer = exercises(path)
    assert (softmax.name, softmax.module, softmax.attribute) == ("softmax", "headstart.in_numpy.parts", "softmax")
    assert (layer.chapter, layer.cell) == ("parts", 4)
    assert labels(path) == {"ev-one": ("parts", "assert 1")}
    with pytest.raises(PressError, match="cannot be read"):
        labels(path.with_name("02_nothing.md"))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1", "one import of one name"),
        ("from headstart.in_numpy.parts import softmax, attention", "one import of one name"),
        ("from headstart.in_numpy.parts import *", "one import of one name"),
        ("import headstart.in_numpy.parts", "one import of one name"),
        ("from .headstart.in_numpy.parts import softmax", "one import of one name"),
        ("from headstart.in_numpy.parts import softmax\nx = 1", "one import of one name"),
        ("from headstart.graders import softmax", "one import of one name"),
        ("from headstart.in_numpy.nowhere import softmax", "there is no module headstart.in_numpy.nowhere"),
        ("from headstart.in_numpy.parts import nothing", "defines no function or class nothing"),
        ("from headstart.in_numpy.parts import _EPS", "defines no function or class _EPS"),
        ("from headstart.in_numpy.parts import np", "defines no function or class np"),
        ("from headstart import", "cell 2 of the manuscript is not Python"),
    ],
)
def test_bad_exercise_cells(course, source, says):
    sentence = complaint(course(cell(source, "exercise")))
    assert "book/chapters/01_parts.md: " in sentence
    assert says in sentence


def test_an_exercise_stands_once_in_a_chapter(course):
    assert "two exercises are called softmax" in complaint(course(exercise("softmax"), exercise("softmax")))


@pytest.mark.parametrize("name", ["attention.md", "101_attention.md", "01_Attention.md", "01.md"])
def test_a_file_name_has_a_number_and_a_word(course, name):
    assert "must look like 01_attention.md" in complaint(course(name=name))


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"---\na: [\n---\n# T\n", b"# T\n\n```{code-cell}\n:tags: [a\nx = 1\n```\n"]
)
def test_a_manuscript_that_cannot_be_read(course, text):
    (course.root / "book" / "chapters" / "01_parts.md").write_bytes(text)
    assert "01_parts.md: the manuscript cannot be read" in complaint(course.root)


@pytest.mark.parametrize("text", ["", "Words.\n", "## Too deep\n", "```{code-cell}\n# x\n```\n"])
def test_a_manuscript_begins_with_its_title(course, text):
    (course.root / "book" / "chapters" / "01_parts.md").write_text(text)
    assert "must begin with its title" in complaint(course.root)


def test_a_label_is_unique_in_a_chapter_and_in_the_book(course):
    course(cell("assert 1", label="ev-a"), cell("assert 2", label="ev-a"))
    assert "two cells have the label ev-a" in complaint(course.root)
    course(cell("assert 1", label="ev-a"))
    course(cell("assert 2", label="ev-a"), name="02_more.md")
    assert "02_more.md: the label ev-a is taken by" in complaint(course.root)


def test_no_manuscripts_means_the_wrong_folder(tmp_path):
    assert "there is no manuscript in" in complaint(tmp_path)


def test_every_name_must_be_bound_above(course):
    setup = SETUP.replace("import math\n", "")
    sentence = complaint(course(exercise("attention"), cell("import math"), setup=setup))
    assert "exercise attention: its text in solutions uses math, which no cell above" in sentence
    assert "uses check" in complaint(course(exercise("countdown"), setup=cell("import math")))


def test_a_signature_must_need_nothing_but_the_cells_above(course):
    wing = course.root / "src" / "headstart" / "in_numpy" / "parts.py"
    wing.write_text("_ONE = 1\n\n\ndef f(x=_ONE):\n    return x\n")
    assert "exercise f: its text in notebooks uses _ONE" in complaint(course(exercise("f")))


def test_an_answer_may_not_lean_on_a_later_exercise(course):
    sentence = complaint(course(exercise("attention"), exercise("softmax")))
    assert "it uses softmax, which is an exercise only later" in sentence


def test_a_helper_may_not_take_a_name_of_the_notebook(course):
    assert "it needs the helper _EPS, a name" in complaint(course(exercise("softmax"), cell("_EPS = 3")))
    assert "it needs the helper _EPS, a name" in complaint(course(exercise("countdown as _EPS"), exercise("softmax")))
    late = course.root / "src" / "headstart" / "in_numpy" / "late.py"
    late.write_text("def _check(x):\n    return 7\n\n\ndef seven(x):\n    return _check(x)\n")
    sentence = complaint(course(exercise("softmax"), exercise("seven", file="late")))
    assert "exercise seven: it needs the helper _check, a name" in sentence


@pytest.mark.parametrize("name", ["softmax", "_check"])
def test_a_name_from_elsewhere_is_not_taken_for_ours(course, name):
    wing = course.root / "src" / "headstart" / "in_torch" / "parts.py"
    wing.write_text(f"from torch import {name}\n\n\ndef f(x):\n    return {name}(x, -1)\n")
    sentence = complaint(course(exercise("softmax"), exercise("f as f_torch", "torch")))
    assert f"it uses {name} from elsewhere" in sentence


@pytest.mark.parametrize(
    ("line", "says"),
    [("from headstart.in_torch import parts", "does not define parts"), ("def", "cannot be read")],
)
def test_a_wing_that_cannot_be_followed(course, line, says):
    wing = course.root / "src" / "headstart" / "in_torch" / "late.py"
    wing.write_text(f"{line}\n\n\ndef f(x):\n    return parts.softmax(x)\n")
    assert says in complaint(course(exercise("f", "torch", "late")))


def test_a_room_that_cannot_be_written_is_told_in_a_sentence(course):
    root = course(exercise("countdown"))
    (root / "notebooks").write_text("a file")
    code, _, err = press(root)
    assert (code, err.count("\n")) == (1, 1)


def test_magics_are_understood(course):
    setup = SETUP.replace("import math\n", "%config InlineBackend.figure_formats = ['svg']\nimport math\n")
    assert "%config" in "".join(printed(course(exercise("countdown"), setup=setup), "notebooks")["cells"][1]["source"])
