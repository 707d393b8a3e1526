"""Where the built book lies; the tests that read its pages share it."""

from pathlib import Path

from headstart.press import build

ROOT = Path(__file__).resolve().parents[1]


def pages():
    """The folder with the book's pages, which are built first if there are none (`make test` has built them)."""
    html = ROOT / "_build" / "html"
    if not (html / "index.html").is_file():
        assert build.main(["--root", str(ROOT)]) == 0
    return html
