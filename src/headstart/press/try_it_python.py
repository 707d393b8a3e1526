"""`python -m headstart.press.try_it_python` (`make site-python`): the Python that runs in the pages, fetched and kept.

Pyodide's core comes from npm, by the npm client; NumPy's wheel for it from Pyodide's own distribution. Both are held
to their hashes, the wheel's being that of Pyodide's lock file. They are kept below `_build`, from where every build
takes them along; a book that has been built already gets them at once.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from headstart.press import PressError

PYODIDE = "314.0.7"
SHA256 = "66b7949e5a0cba2250b586d7e368bf12fb482800748d182c4618254b685ffaa0"  # of npm's pyodide-314.0.7.tgz
LOCK = "pyodide-lock.json"
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", LOCK)
DISTRIBUTION = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/"
KEPT = Path("_build", "python", PYODIDE)
SERVED = Path("_static", "python")
SECONDS = 120
NOTICE = f"""Pyodide {PYODIDE} (Mozilla Public License 2.0) with CPython (PSF License), unchanged, from npm's `pyodide`.
numpy-*.whl, where it lies here, is NumPy as built for it (BSD License). headstart.zip is the course's own package.
The pages load these files when a reader checks an answer in a page, and not before.
"""


def fetch(root):
    """Fetch what is not there yet; yields one sentence for each thing that could not be had."""
    kept = root / KEPT
    kept.mkdir(parents=True, exist_ok=True)
    for get in (_fetch_core, _fetch_numpy):
        try:
            get(kept)
        except PressError as error:
            yield f"{error}."


def place(root, html):
    """Copy what was fetched to a built book, and write down there what it has."""
    kept, served = root / KEPT, html / SERVED
    served.mkdir(parents=True, exist_ok=True)
    core = _core(kept)
    wheel = _numpy(kept)[0] if core else None
    files = [*core, *([wheel] if wheel and wheel.is_file() else [])]
    for old in served.glob("numpy-*.whl"):
        old.unlink()
    for path in files:
        shutil.copy(path, served)
    megabytes = round(sum(path.stat().st_size for path in files) / 1e6)
    news = {"python": bool(core), "numpy": len(files) > len(core), "megabytes": megabytes}
    (served / "manifest.json").write_text(json.dumps(news), encoding="utf-8")
    (served / "README.txt").write_text(NOTICE, encoding="utf-8")


def _core(kept):
    """The files of the core, or none if one of them is not there."""
    files = [kept / name for name in CORE]
    return files if all(path.is_file() for path in files) else []


def _numpy(kept):
    """Where NumPy's wheel is kept, and the hash that the lock file demands of it."""
    numpy = json.loads((kept / LOCK).read_text(encoding="utf-8"))["packages"]["numpy"]
    return kept / numpy["file_name"], numpy["sha256"]


def _fetch_core(kept):
    if _core(kept):
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, f"pyodide-{PYODIDE}.tgz")
        _npm_pack(folder)
        _demand(archive.read_bytes(), SHA256, archive.name)
        with tarfile.open(archive) as tar:
            for name in CORE:
                (kept / name).write_bytes(tar.extractfile(f"package/{name}").read())


def _npm_pack(folder):
    npm = shutil.which("npm")
    if npm is None:
        raise PressError("Python for the pages comes from npm, and there is no npm here")
    command = [npm, "pack", "--silent", f"pyodide@{PYODIDE}"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise PressError(f"npm could not fetch pyodide@{PYODIDE}, so no exercise runs in the pages") from None


def _fetch_numpy(kept):
    if not _core(kept):
        return
    wheel, sha256 = _numpy(kept)
    if wheel.is_file() and hashlib.sha256(wheel.read_bytes()).hexdigest() == sha256:
        return
    try:
        with urllib.request.urlopen(DISTRIBUTION + wheel.name, timeout=SECONDS) as answer:
            content = answer.read()
    except OSError as error:
        reason = f"{DISTRIBUTION}{wheel.name} could not be fetched ({getattr(error, 'reason', error)})"
        raise PressError(f"{reason}, so only exercises without arrays run in the pages") from None
    _demand(content, sha256, wheel.name)
    wheel.write_bytes(content)


def _demand(content, sha256, name):
    """Raise PressError unless the content has this hash."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PressError(f"{name} is not the file it should be (its SHA-256 differs), and was thrown away")


def main(arguments=None):
    """Fetch, place, and say what is missing; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headstart.press.try_it_python", description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder (default: this one)")
    root = parser.parse_args(arguments).root.resolve()
    missing = list(fetch(root))
    print(*(f"site-python: {sentence}" for sentence in missing), sep="\n", end="\n" * bool(missing), file=sys.stderr)
    html = root / "_build" / "html"
    if html.is_dir():
        place(root, html)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
