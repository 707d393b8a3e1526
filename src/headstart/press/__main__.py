"""`python -m headstart.press`: print the manuscripts, or with `--check` say which printed files are stale."""

import argparse
import sys
from pathlib import Path

from headstart.press import PressError, rooms


def main(arguments=None):
    """Run the press; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headstart.press", description=__doc__.strip())
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a printed file is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder (default: this one)")
    options = parser.parse_args(arguments)
    try:
        pages = rooms.printed(options.root)
        return _check(options.root, pages) if options.check else _print(options.root, pages)
    except (PressError, OSError) as error:
        print(f"press: {error}.", file=sys.stderr)
        return 1


def _check(root, pages):
    """Name each file that does not belong, in one sentence each."""
    ours, strangers = rooms.orphans(root, pages)
    faults = [f"{path.as_posix()} is not what its manuscript prints." for path in rooms.stale(root, pages)]
    faults += [f"{path.as_posix()} has no manuscript." for path in [*ours, *strangers]]
    for fault in faults:
        print(f"press: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _print(root, pages):
    """Bring both rooms up to date and say, one line a room, what changed."""
    changed = rooms.stale(root, pages)
    ours, strangers = rooms.orphans(root, pages)
    rooms.write(root, {path: pages[path] for path in changed})
    for path in ours:
        (root / path).unlink()
    for room in rooms.ROOMS:
        news = [("printed", changed), ("removed", ours), ("left alone, no manuscript:", strangers)]
        words = [f"{verb} {path.name}" for verb, paths in news for path in paths if path.parent.name == room]
        print(f"{room}: {', '.join(words) or 'nothing changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
