"""Where the results of a class wait: a folder beside it, one file a submission, each written whole or not at all."""

import hashlib
import json
import os
import re
from dataclasses import astuple
from pathlib import Path

from headstart.judge import course


class Shelf:
    """The results of earlier runs over one class.

    folder   the class; results lie beside it (never in it, where they would be submissions) in `folder.graded`
    """

    def __init__(self, folder):
        folder = Path(folder).resolve()
        self.folder = folder.with_name(f"{folder.name}.graded")

    def seed(self):
        """The seed of the last run, or None."""
        text = _text(self.folder / "seed")
        return int(text) if text and text.isdecimal() else None

    def keep_seed(self, seed):
        """Write the seed down for the next run. Raises OSError."""
        _replace(self.folder / "seed", str(seed))

    def load(self, name, key):
        """The results kept for a submission, or None if there are none for this key."""
        try:
            kept = json.loads(_text(self._file(name)) or "{}")
        except ValueError:
            return None
        return kept["results"] if kept.get("key") == key else None

    def keep(self, name, key, results):
        """Keep the results of a submission. Raises OSError."""
        _replace(self._file(name), json.dumps({"key": key, "results": results}))

    def _file(self, name):
        return self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', name)[:40]}-{digest(name)[:12]}.json"


def key(notebooks, seed, limits):
    """What marks depend on: the answers, the seed, the limits and the course's own code."""
    return digest(json.dumps([[astuple(notebook) for notebook in notebooks], seed, limits, _code()]))


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _code():
    """A digest of the graders and the judge: what other laws found is not taken up."""
    package = Path(course.__file__).parents[1]
    files = sorted(path for room in ("graders", "judge") for path in (package / room).rglob("*.py"))
    return digest("".join(path.read_text(encoding="utf-8") for path in files))


def _text(file):
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return None


def _replace(file, text):
    """A run that is cut off leaves the old file or the new one, never half of one."""
    file.parent.mkdir(exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
