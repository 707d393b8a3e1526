"""What a build keeps for the next one, and when it must forget it.

Jupyter's cache knows a notebook by its code cells alone, and Sphinx a page by its file; what they have made also
depends on the package and on the versions of what it uses. So beside each folder lies a key over both. Executed
notebooks do not depend on the press, which only prints them. Pages are kept only after a build without a complaint: a
page that is not read again does not repeat its warnings.
"""

import hashlib
import shutil
from pathlib import Path

NOTEBOOKS = Path("_build", ".jupyter_cache")
PAGES = Path("_build", ".doctrees")


def refresh(root):
    """Delete what an older state of the code, or a build that failed, has left; returns what is kept."""
    kept = [folder for folder in (NOTEBOOKS, PAGES) if _fits(root, folder)]
    for folder in {NOTEBOOKS, PAGES} - {*kept}:
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "_build").mkdir(exist_ok=True)
    _label(root, NOTEBOOKS).write_text(_key(root, NOTEBOOKS))
    _label(root, PAGES).unlink(missing_ok=True)
    _label(root, PAGES, "unproven").write_text(_key(root, PAGES))
    return kept


def keep_pages(root):
    """Let the next build use the pages that this one has read."""
    _label(root, PAGES, "unproven").replace(_label(root, PAGES))


def _fits(root, folder):
    label = _label(root, folder)
    return (root / folder).is_dir() and label.is_file() and label.read_text() == _key(root, folder)


def _label(root, folder, state="key"):
    """The file beside a folder that says what its content was made from."""
    return root / folder.with_name(f"{folder.name}.{state}")


def _key(root, folder):
    """A hash over the package's files that the folder's content depends on, and the pinned versions."""
    package = root / "src" / "headstart"
    sources = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    if folder == NOTEBOOKS:
        sources = [path for path in sources if package / "press" not in path.parents]
    digest = hashlib.sha256()
    for path in sorted([*sources, *root.glob("constraints.txt")]):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
