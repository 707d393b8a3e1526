"""The printed rooms are what the manuscripts print, byte for byte."""

from pathlib import Path

from headstart.press.__main__ import main

ROOT = Path(__file__).parents[1]


def test_the_printed_rooms_are_fresh(capsys):
    assert list((ROOT / "book" / "chapters").glob("*.md")), "there is no manuscript to print"
    code = main(["--check", "--root", str(ROOT)])
    assert code == 0, capsys.readouterr().err
