"""The two printed rooms, compared with the manuscripts and brought up to date."""

import json
from pathlib import Path

from headstart.press import PressError
from headstart.press.manuscript import read
from headstart.press.notebook import ROOMS, set_notebook


def printed(root):
    """Print every manuscript below `root` in memory: {path below root: bytes}. Raises PressError."""
    paths = sorted((root / "book" / "chapters").glob("*.md"))
    if not paths:
        raise PressError(f"there is no manuscript in {(root / 'book' / 'chapters').as_posix()}")
    chapters = [read(path) for path in paths]
    _demand_unique_labels(chapters)
    return {
        Path(room, f"{chapter.path.stem}.ipynb"): set_notebook(chapter, room, root / "src")
        for room in ROOMS
        for chapter in chapters
    }


def stale(root, pages):
    """The paths, below `root`, whose file is missing or differs from what the press prints."""
    return [path for path, page in pages.items() if _bytes(root / path) != page]


def orphans(root, pages):
    """Split the rooms' notebooks that have no manuscript: (those that the press once printed, all others)."""
    files = [path for room in ROOMS for path in sorted((root / room).glob("*.ipynb"))]
    alone = [path.relative_to(root) for path in files if path.relative_to(root) not in pages]
    ours = [path for path in alone if _is_printed(root / path)]
    return ours, [path for path in alone if path not in ours]


def write(root, pages):
    """Write the pages below `root`."""
    for path, page in pages.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(page)


def _bytes(path):
    return path.read_bytes() if path.is_file() else None


def _is_printed(path):
    """Whether a file is a notebook with the press's mark."""
    try:
        return "headstart" in json.loads(path.read_bytes())["metadata"]
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _demand_unique_labels(chapters):
    seen = {}
    for chapter in chapters:
        path = chapter.path
        for label in chapter.labels():
            if label in seen:
                raise PressError(f"{path.as_posix()}: the label {label} is taken by {seen[label].name}")
            seen[label] = path
