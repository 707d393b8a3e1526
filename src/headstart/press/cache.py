"""`python -m headstart.press.cache`: forget executed notebooks that an older state of the code has made.

Jupyter's cache knows a notebook by its code cells alone; their outputs also depend on the package and on the versions
of what it uses. So the cache lies beside a key over both, and is thrown away when the key no longer fits.
"""

import argparse
import hashlib
import shutil
from pathlib import Path

CACHE = Path("_build", ".jupyter_cache")
KEY = Path("_build", ".jupyter_cache.key")


def key(root):
    """A hash over every file of the package and the pinned versions."""
    sources = [path for path in (root / "src" / "headstart").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    digest = hashlib.sha256()
    for path in sorted([*sources, *root.glob("constraints.txt")]):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def refresh(root):
    """Delete the cache below `root` if its key is not the code's; returns whether it was kept."""
    now = key(root)
    if (root / KEY).is_file() and (root / KEY).read_text() == now:
        return True
    if (root / CACHE).exists():
        shutil.rmtree(root / CACHE)
    (root / KEY).parent.mkdir(exist_ok=True)
    (root / KEY).write_text(now)
    return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m headstart.press.cache", description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder (default: this one)")
    print("kept" if refresh(parser.parse_args().root) else "the code has changed: notebooks will run again")
