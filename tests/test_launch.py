"""A chapter opens elsewhere: the repository is found or no button shows, and a wheel is all that a notebook needs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from headstart.press import launch

ROOT = Path(__file__).resolve().parents[1]
HERE = {}  # an environment that says nothing


def _clone(folder, origin):
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", origin], check=True)
    return folder


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/ada/head.start",
        "https://github.com/ada/head.start.git",
        "git@github.com:ada/head.start.git",
        "ssh://git@github.com/ada/head.start",
    ],
)
def test_the_repository_is_known_by_its_origin(tmp_path, origin):
    assert launch.repository(_clone(tmp_path, origin), HERE) == "ada/head.start"


@pytest.mark.parametrize(
    "origin", ["https://example.org/ada/headstart", "/home/ada/headstart", "https://github.com/ada"]
)
def test_an_origin_elsewhere_is_not_one(tmp_path, origin):
    assert launch.repository(_clone(tmp_path, origin), HERE) == ""
    assert launch.repository(tmp_path / "no-clone", HERE) == ""


def test_the_environment_says_it_first(tmp_path):
    clone = _clone(tmp_path, "https://github.com/ada/headstart")
    assert launch.repository(clone, {"GITHUB_REPOSITORY": "grace/headstart"}) == "grace/headstart"
    assert launch.repository(clone, {"GITHUB_REPOSITORY": "not a name"}) == "ada/headstart"


def _buttons(repository, page):
    """The addresses on a page's buttons, by their texts."""
    app = SimpleNamespace(config=SimpleNamespace(headstart_repository=repository))
    prints = {"type": "javascript", "text": ".pdf", "url": "-"}
    download = {"type": "group", "label": "download-buttons", "buttons": [{"text": ".ipynb", "url": "-"}, prints]}
    context = {
        "header_buttons": [download],
        "pathto": lambda name, resource=0: f"../{name}" + ("" if resource else ".html"),
    }
    launch.add_buttons(app, page, "page.html", context, None)
    return {button["text"]: button["url"] for group in context["header_buttons"] for button in group["buttons"]}


@pytest.mark.parametrize("room", ["notebooks", "solutions"])
def test_chapter_and_answer_sheet_open_the_stubs(room):
    buttons = _buttons("ada/headstart", f"{room}/01_attention")
    assert buttons["Colab"].endswith("/github/ada/headstart/blob/main/notebooks/01_attention.ipynb")
    assert buttons["Binder"].endswith("/gh/ada/headstart/main?labpath=notebooks%2F01_attention.ipynb")
    assert buttons["notebook"] == "../_sources/notebooks/01_attention.ipynb"
    assert buttons["answer sheet"] == "../_sources/solutions/01_attention.ipynb"
    assert ".pdf" in buttons


def test_without_a_repository_nothing_leads_away():
    buttons = _buttons("", "notebooks/01_attention")
    assert list(buttons) == ["JupyterLab", "notebook", "answer sheet", ".pdf"]
    assert [url for url in buttons.values() if "//" in url] == []
    assert "notebook" not in _buttons("ada/headstart", "book/errata")


def test_the_first_cell_of_every_notebook_runs_from_a_wheel(tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for path in (ROOT / "pyproject.toml", ROOT / "README.md", *ROOT.glob("LICENSE*")):
        shutil.copy(path, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source], check=True)
    subprocess.run([*pip, "install", "--no-deps", "--target", installed, *tmp_path.glob("*.whl")], check=True)
    code = f"import sys; sys.path.insert(0, {str(installed)!r})\n" + "\n".join(dict.fromkeys(_first_cells()))
    code += "\nimport headstart; print(headstart.__file__)"
    environment = {**os.environ, "MPLBACKEND": "agg"}
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.stdout.splitlines()[-1:] == [str(installed / "headstart" / "__init__.py")], run.stderr


def _first_cells():
    """The source of each notebook's first code cell, which imports what the chapter needs."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_bytes())["cells"]
        yield "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))


def test_binder_takes_pytorch_by_the_readme():
    script = ROOT / ".binder" / "postBuild"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert os.access(script, os.X_OK)
    command = next(line for line in script.read_text(encoding="utf-8").splitlines() if "grep" in line)
    found = subprocess.run(
        ["bash", "-c", command.replace("python -m pip install", "echo")], cwd=ROOT, capture_output=True
    )
    assert found.stdout.decode().split() == [
        "--no-cache-dir",
        "torch==2.13.0",
        "--index-url",
        "https://download.pytorch.org/whl/cpu",
    ]
