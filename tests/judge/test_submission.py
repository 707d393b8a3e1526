"""Reading what was handed in: every way to hand in gives notebooks, everything else one sentence."""

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest
from handin import SOFTMAX, hand_in, notebook

from headstart.judge import course
from headstart.judge.desk import parcel
from headstart.judge.desk.submission import read

PRINTED = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def only(path):
    (found,) = read(path)
    return found


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return path


def test_a_notebook_gives_its_code_cells_and_its_chapter(tmp_path):
    found = only(hand_in(tmp_path, SOFTMAX, "x = 1"))
    assert (found.path, found.chapter, found.cells) == ("01_attention.ipynb", "attention", (SOFTMAX, "x = 1"))
    assert found.problem == ""


def test_text_cells_are_left_out_and_sources_may_be_lists(tmp_path):
    document = json.loads(notebook("a = 1"))
    document["cells"] += [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": ["b = 2\n", "c = 3"]},
    ]
    (tmp_path / "01_attention.ipynb").write_text(json.dumps(document))
    assert only(tmp_path).cells == ("a = 1", "b = 2\nc = 3")


@pytest.mark.parametrize(
    ("name", "chapter"),
    [
        ("01_attention.ipynb", "attention"),
        ("01_attention (1).ipynb", "attention"),
        ("alice_01_attention.ipynb", "attention"),
        ("01_attention-Copy1.IPYNB", "attention"),
        ("03_multi-head.ipynb", "multi-head"),
        ("Final_03_Multi_Head_bob.ipynb", "multi-head"),
        ("attention.ipynb", ""),
        ("01_attentions.ipynb", ""),
        ("201_attention.ipynb", ""),
    ],
)
def test_the_file_name_tells_the_chapter(tmp_path, name, chapter):
    found = only(hand_in(tmp_path, "x = 1", name=name))
    assert found.chapter == chapter
    assert ("which chapter it is" in found.problem) == (chapter == "")


def test_metadata_tells_the_chapter_whatever_the_file_is_called(tmp_path):
    path = tmp_path / "my_homework.ipynb"
    path.write_text(notebook("x = 1", headstart={"chapter": "multi-head"}))
    assert only(path).chapter == "multi-head"


def test_a_folder_is_searched_but_hidden_folders_are_not(tmp_path):
    hand_in(tmp_path / "deep" / "deeper", "a = 1")
    hand_in(tmp_path / ".ipynb_checkpoints", "b = 2")
    hand_in(tmp_path / "__MACOSX", "c = 3")
    assert [(n.path, n.cells) for n in read(tmp_path)] == [("deep/deeper/01_attention.ipynb", ("a = 1",))]


def test_a_zip_is_read_in_memory(tmp_path):
    archive = zipped(
        tmp_path / "all.zip",
        ("../../evil/01_attention.ipynb", notebook("a = 1")),
        (".ipynb_checkpoints/01_attention.ipynb", notebook("b = 2")),
        ("__MACOSX/._01_attention.ipynb", "rubbish"),
        ("conftest.py", "raise SystemExit"),
    )
    assert [n.cells for n in read(archive)] == [("a = 1",)]
    assert list(tmp_path.iterdir()) == [archive]


def test_names_from_outside_cannot_act_on_a_terminal(tmp_path):
    archive = zipped(tmp_path / "all.zip", ("\x1b[31m\u202e01_attention.ipynb", notebook("a = 1")))
    assert only(archive).path == "\\x1b[31m\\u202e01_attention.ipynb"


def test_sources_are_text_that_can_be_sent_on(tmp_path):
    found = only(hand_in(tmp_path, "a = '\udc80'"))
    assert found.cells[0].encode() == b"a = '?'"


def documents():
    """Contents that are no notebook of this course, with a piece of the sentence each must get."""
    whole = json.loads(notebook("x = 1"))
    first = whole["cells"][0]
    return {
        "empty": ("", "JSON is broken"),
        "broken": ('{"cells": [', "JSON is broken"),
        "binary": (b"\x80\x81\xff" * 50, "JSON is broken"),
        "deep": ("[" * 200_000, "nested too deep"),
        "long-number": ('{"nbformat": %s}' % ("4" * 5000), "JSON is broken"),
        "list": ("[]", "no notebook format"),
        "other-json": ('{"a": 1}', "no notebook format"),
        "old": ({"nbformat": 3, "worksheets": []}, "format is 3"),
        "odd-version": ({**whole, "nbformat": [4]}, "format is [4]"),
        "no-cells": ({**whole, "cells": None}, "no list of cells"),
        "cells-of-text": ({**whole, "cells": ["x"]}, "no list of cells"),
        "no-source": ({**whole, "cells": [{"cell_type": "code"}]}, "cell 1 has no text"),
        "mixed-source": ({**whole, "cells": [first, {**first, "source": ["a", 1]}]}, "cell 2 has no text"),
        "many-cells": ({**whole, "cells": [first] * 2001}, "2001 cells"),
        "in-r": ({**whole, "metadata": {"kernelspec": {"language": "R"}}}, "it is written in R"),
        "in-julia": ({**whole, "metadata": {"language_info": {"name": "julia"}}}, "it is written in julia"),
        "cell-in-r": ({**whole, "cells": [{**first, "metadata": {"vscode": {"languageId": "r"}}}]}, "cell 1 is"),
        "unknown": ({**whole, "metadata": {"headstart": {"chapter": "knitting"}}}, "no chapter called knitting"),
    }


@pytest.mark.parametrize("case", documents())
def test_what_is_no_notebook_gets_one_sentence(tmp_path, case):
    content, sentence = documents()[case]
    text = json.dumps(content) if isinstance(content, dict) else content
    (tmp_path / "01_attention.ipynb").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = only(tmp_path)
    assert sentence in found.problem
    assert "\n" not in found.problem
    assert not found.cells


@pytest.mark.parametrize("metadata", [[], "text", {"headstart": 3}, {"kernelspec": []}, {"language_info": {"name": 5}}])
def test_odd_metadata_counts_as_none(tmp_path, metadata):
    document = {**json.loads(notebook("x = 1")), "metadata": metadata}
    (tmp_path / "01_attention.ipynb").write_text(json.dumps(document))
    assert only(tmp_path).chapter == "attention"


def test_two_notebooks_of_one_chapter_are_both_refused_and_a_third_is_not(tmp_path):
    hand_in(tmp_path, "a = 1")
    hand_in(tmp_path, "b = 2", name="01_attention (1).ipynb")
    hand_in(tmp_path, "c = 3", name="03_multi-head.ipynb")
    first, second, third = read(tmp_path)
    assert first.problem == second.problem
    assert "01_attention (1).ipynb and 01_attention.ipynb are both of chapter attention" in first.problem
    assert (first.cells, second.cells, third.cells) == ((), (), ("c = 3",))


def test_where_there_is_no_notebook_a_sentence_says_so(tmp_path):
    (tmp_path / "answers.py").write_text("x = 1")
    assert "no notebook" in only(tmp_path).problem
    assert "no notebook" in only(zipped(tmp_path / "a.zip", ("a.py", "x = 1"))).problem
    assert "neither a notebook" in only(tmp_path / "answers.py").problem
    assert "nothing at this path" in only(tmp_path / "nowhere.ipynb").problem
    assert only(tmp_path / ("x" * 5000)).problem


def test_links_pipes_and_devices_are_not_read(tmp_path):
    target = hand_in(tmp_path / "elsewhere", "secret = 1")
    folder = tmp_path / "submission"
    folder.mkdir()
    try:
        (folder / "01_attention.ipynb").symlink_to(target)
        (folder / "inside").symlink_to(target.parent, target_is_directory=True)
    except OSError:
        pytest.skip("this system lets nobody make links")
    assert "is a link" in only(folder).problem
    assert "is a link" in only(folder / "01_attention.ipynb").problem
    assert only(folder / "inside").problem
    if hasattr(os, "mkfifo"):
        (folder / "01_attention.ipynb").unlink()
        os.mkfifo(folder / "01_attention.ipynb")
        assert "not a regular file" in only(folder).problem


def test_large_and_many_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parcel, "MAX_NOTEBOOK", 1 * parcel.MB)
    monkeypatch.setattr(parcel, "MAX_NOTEBOOKS", 3)
    hand_in(tmp_path / "large", "x = 1  #" + " " * parcel.MB)
    assert "larger than 1 MB" in only(tmp_path / "large").problem
    for number in range(4):
        hand_in(tmp_path / "many", "x = 1", name=f"0{number}_attention.ipynb")
    assert "holds 4 notebooks" in only(tmp_path / "many").problem
    deep = tmp_path / "deep"
    hand_in(deep.joinpath(*["d"] * 25), "x = 1")
    assert "in one another" in only(deep).problem


def test_zip_bombs_are_refused_unopened(tmp_path, monkeypatch):
    bomb = zipped(tmp_path / "bomb.zip", ("01_attention.ipynb", " " * (5 * parcel.MB)))
    assert "hundred times" in only(bomb).problem
    large = zipped(tmp_path / "large.zip", ("01_attention.ipynb", os.urandom(11 * parcel.MB)))
    assert "larger than 10 MB" in only(large).problem
    many = zipped(tmp_path / "many.zip", *((f"{i}.txt", "") for i in range(100)))
    monkeypatch.setattr(parcel, "MAX_ENTRIES", 50)
    assert "more than 50 members" in only(many).problem
    monkeypatch.setattr(parcel, "MAX_TOTAL", 10)
    assert "together" in only(zipped(tmp_path / "sum.zip", ("01_attention.ipynb", notebook("x = 1")))).problem


def test_a_member_that_lies_about_its_size_is_refused(tmp_path):
    path = zipped(tmp_path / "lie.zip", ("01_attention.ipynb", notebook("x = 1" * 1000)))
    size = len(notebook("x = 1" * 1000)).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    assert "damaged" in only(path).problem


def test_odd_members_of_a_zip_are_refused(tmp_path):
    link = zipfile.ZipInfo("01_attention.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in only(tmp_path / "link.zip").problem
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("01_attention.ipynb", notebook("x = 1"))
    assert "uncommon compression" in only(tmp_path / "lzma.zip").problem
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and nothing more")
    assert "not a zip that can be read" in only(tmp_path / "no.zip").problem


@pytest.mark.parametrize("path", PRINTED, ids=lambda path: path.name)
def test_a_printed_notebook_has_the_exercises_that_the_judge_expects_in_it(path):
    marks = [cell["metadata"].get("headstart", {}) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    printed = {mark["exercise"] for mark in marks if "exercise" in mark}
    assert printed == set(course.names_of(only(path).chapter))
