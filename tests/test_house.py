"""The house's plumbing: commands, pins, what the package carries, and the size of things."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
COMMANDS = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()

with_make = pytest.mark.skipif(shutil.which("make") is None or sys.platform == "win32", reason="needs make and sh")


def dependencies():
    """Every package that the project needs with all its extras, directly or not, as far as installed here."""
    waiting = [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    waiting, seen = [Requirement(each) for each in waiting], set()
    while waiting:
        wanted = waiting.pop()
        if (wanted.name, *sorted(wanted.extras)) in seen or wanted.name == PROJECT["name"]:
            continue
        seen.add((wanted.name, *sorted(wanted.extras)))
        try:
            further = [Requirement(each) for each in requires(wanted.name) or ()]
        except PackageNotFoundError:
            continue
        applies = [{"extra": extra} for extra in ("", *wanted.extras)]
        waiting += [each for each in further if not each.marker or any(map(each.marker.evaluate, applies))]
    return {canonicalize_name(name) for name, *_ in seen}


def test_every_dependency_is_pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(str(pin.specifier).startswith("==") for pin in pins)
    assert "torch==2.13.0" in lines
    pinned = {canonicalize_name(pin.name) for pin in pins}
    assert not [name for name in pinned if name.startswith(("nvidia", "triton"))], "the build without CUDA is meant"
    assert dependencies() - pinned == set()


def test_the_package_alone_needs_numpy_only():
    assert [Requirement(each).name for each in PROJECT["dependencies"]] == ["numpy"]


def test_an_installed_copy_checks_without_a_clone(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for path in ROOT.glob("LICENSE*"):
        shutil.copy(path, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    written = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "headstart").rglob("*.py")}
    assert written <= set(zipfile.ZipFile(wheel).namelist())
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); import headstart; assert '.whl' in headstart.__file__\n"
        "from headstart.in_numpy.attention import softmax; headstart.check(softmax); assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout.startswith("✓ softmax: right"), run.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert re.search(rf"make {command}\b", (ROOT / "README.md").read_text(encoding="utf-8"))


@with_make
def test_an_old_python_is_told_so_in_one_sentence(tmp_path):
    old = tmp_path / "python3.9"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9, 1); $2"\n')
    old.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for needed in ("pyproject.toml", "constraints.txt"):
        (tmp_path / needed).touch()
    run = subprocess.run(["make", f"PYTHON={old}", "book"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert "Head Start needs Python 3.11 or later" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / ".venv").exists()


@with_make
def test_the_readers_copy_keeps_what_the_reader_wrote(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "work").mkdir()
    for name in ("01_old.ipynb", "02_new.ipynb"):
        (tmp_path / "notebooks" / name).write_text("printed")
    (tmp_path / "work" / "01_old.ipynb").write_text("the reader's")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ready").touch()
    subprocess.run(["make", "-o", ".venv/ready", "work"], cwd=tmp_path, check=True, capture_output=True)
    texts = {path.name: path.read_text() for path in (tmp_path / "work").iterdir()}
    assert texts == {"01_old.ipynb": "the reader's", "02_new.ipynb": "printed"}


def test_modules_are_short_enough_to_be_read_aloud():
    """Graders may be longer: they are lists of laws, mistakes and styles, each to be read alone."""
    files = [path for path in (ROOT / "src" / "headstart").rglob("*.py") if "graders" not in path.parts]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 200} == {}


def test_pictures_are_drawn_and_not_kept():
    rooms = ("book", "notebooks", "solutions", "src", "tests")
    kept = [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix in (".png", ".jpg", ".gif")]
    assert kept == []
