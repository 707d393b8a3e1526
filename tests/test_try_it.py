"""Trying in the page, without a browser: what plain numbers are judged by where NumPy is not, and what is fetched."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import urllib.error
from pathlib import Path

import pytest

from headstart.graders import exercises
from headstart.judge import course
from headstart.judge.candidate import local
from headstart.judge.check import story
from headstart.judge.trial import hold
from headstart.press import try_it_judge, try_it_python
from headstart.press.try_it import takes_arrays

SEED = 3
# A process that finds no NumPy: it judges every plain exercise's reference, mistakes and styles, and odd results.
WITHOUT_NUMPY = f"""
import importlib.machinery, json, sys
find = importlib.machinery.PathFinder.find_spec
hide = lambda name, *rest: None if name.split(".")[0] == "numpy" else find(name, *rest)
importlib.machinery.PathFinder.find_spec = hide
from headstart.press import try_it_judge
said = {{name: [json.loads(try_it_judge.judge(name, text, {SEED}))["story"] for text in texts]
        for name, texts in json.load(sys.stdin).items()}}
print(json.dumps([try_it_judge.HAS_NUMPY, said]))
"""
ODD = ["None", "True", "2**63", "2**64", "-1", "1.5", "float('nan')", "float('inf')", "'words'", "{}", "1j"]
NOT_JUDGED = "needs NumPy, which this copy of the book came without"


def texts(exercise):
    """Answers as a reader would have to write them: right, styled, mistaken and odd."""
    name, reference = exercise.name, course.reference(exercise, "in_numpy")
    answers = [reference, *exercise.styles, *(mutant.answer for mutant in exercise.mutants)]
    taken = [f"from {each.__module__} import {each.__name__} as {name}" for each in answers]
    return taken + [f"def {name}(*_, **__):\n    return {value}" for value in ODD]


@pytest.fixture(scope="module")
def stories():
    """{exercise: [(the story with NumPy, the story without), …]} for all that is not about arrays."""
    chosen = [each for each in exercises().values() if "in_numpy" in each.wings and not takes_arrays(each, "in_numpy")]
    asked = {each.name: texts(each) for each in [*chosen, exercises()["softmax"]]}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    has_numpy, without = json.loads(run.stdout)
    assert not has_numpy
    own = {name: [json.loads(try_it_judge.judge(name, text, SEED))["story"] for text in asked[name]] for name in asked}
    return {name: list(zip(own[name], without[name], strict=True)) for name in asked}


def test_plain_numbers_are_judged_alike_without_numpy(stories):
    plain = {name: pairs for name, pairs in stories.items() if not any(NOT_JUDGED in without for _, without in pairs)}
    assert {"multi_head_parameters", "multi_head_flops", "transformer_parameters", "transformer_flops"} <= set(plain)
    assert [pair for pairs in plain.values() for pair in pairs if pair[0] != pair[1]] == []


def test_arrays_are_not_judged_without_numpy(stories):
    assert all(NOT_JUDGED in without for _, without in stories["softmax"])


def test_the_page_tells_the_story_that_check_tells():
    exercise = exercises()["softmax"]
    for mutant in exercise.mutants:
        told = json.loads(
            try_it_judge.judge("softmax", f"from {mutant.answer.__module__} import {mutant.name} as softmax", SEED)
        )
        assert told["story"] == story(hold(exercise, "in_numpy", local(mutant.answer, "in_numpy"), "softmax", SEED))
        assert told["verdict"] in ("wrong", "error")


def test_what_an_answer_needs_is_there_and_what_it_prints_is_shown():
    text = "def look_up(*inputs):\n    print('x' * 3000)\n    return softmax(np.ones(2)) / math.pi"
    told = json.loads(try_it_judge.judge("look_up", text))
    assert "NameError" not in told["story"]
    assert told["printed"].startswith("xxx")
    assert "characters more" in told["printed"]


def _tar(names):
    """An archive as npm makes it, with a lock file that asks for a wheel of some content."""
    file = io.BytesIO()
    lock = {"packages": {"numpy": {"file_name": "numpy-1.whl", "sha256": _sha256(b"wheel")}}}
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in names:
            content = json.dumps(lock).encode() if name == try_it_python.LOCK else b"x"
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def shop(monkeypatch, tmp_path):
    """A course's folder, and what npm and Pyodide's distribution answer there: {"core": bytes, "numpy": bytes}."""
    shop = {"core": _tar(try_it_python.CORE), "numpy": b"wheel", "root": tmp_path}

    def npm(folder):
        (Path(folder) / f"pyodide-{try_it_python.PYODIDE}.tgz").write_bytes(shop["core"])

    def distribution(url, timeout):
        if shop["numpy"] is None:
            raise urllib.error.URLError("no network")
        return io.BytesIO(shop["numpy"])

    monkeypatch.setattr(try_it_python, "_npm_pack", npm)
    monkeypatch.setattr(try_it_python.urllib.request, "urlopen", distribution)
    monkeypatch.setattr(try_it_python, "SHA256", _sha256(shop["core"]))
    (tmp_path / "_build" / "html").mkdir(parents=True)
    return shop


def _site_python(shop, capsys):
    """Run the command; return its exit code, what it said, and what the book then knows that it has."""
    code = try_it_python.main(["--root", str(shop["root"])])
    manifest = shop["root"] / "_build" / "html" / try_it_python.SERVED / "manifest.json"
    has = json.loads(manifest.read_text())
    return code, capsys.readouterr().err.splitlines(), (has["python"], has["numpy"])


def test_python_is_fetched_once_and_put_beside_the_book(shop, capsys):
    assert _site_python(shop, capsys) == (0, [], (True, True))
    shop["core"] = shop["numpy"] = None
    assert _site_python(shop, capsys) == (0, [], (True, True))


def test_without_its_distribution_there_is_no_numpy(shop, capsys):
    shop["numpy"] = None
    code, (sentence,), has = _site_python(shop, capsys)
    assert (code, has) == (1, (True, False))
    assert "numpy-1.whl could not be fetched (no network), so only exercises without arrays run" in sentence


@pytest.mark.parametrize(("part", "has"), [("core", (False, False)), ("numpy", (True, False))])
def test_what_is_not_what_it_should_be_is_thrown_away(shop, capsys, part, has):
    shop[part] = b"something else"
    code, (sentence,), got = _site_python(shop, capsys)
    assert (code, got) == (1, has)
    assert "its SHA-256 differs" in sentence


def test_without_npm_it_says_so(shop, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(try_it_python.shutil, "which", lambda name: None)
    code, (sentence,), has = _site_python(shop, capsys)
    assert (code, has) == (1, (False, False))
    assert sentence == "site-python: Python for the pages comes from npm, and there is no npm here."
