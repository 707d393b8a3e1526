"""Reports: nothing is lost on the way, and nothing that a learner wrote acts on whoever reads."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from headstart.graders.kit import Mutant
from headstart.judge.desk import record, reports
from headstart.judge.desk.page import heat_map, page
from headstart.judge.desk.record import Row
from headstart.judge.trial import Finding, Trial

FACTS = {"seed": 7, "tier": "in a process of its own", "seconds": 1.25}
HOSTILE = '<script>alert(1)</script> \x1b[31m\n✓ forged: right "&'


def rows():
    """A pass, a wrong answer with its arrays, an exception full of tricks, a notebook that could not be read."""
    held = Finding("one", "Rows sum to one.", "pass")
    broken = Finding("two", "a < b & c.", "wrong", "is 2, it should be 1", np.ones((2, 3)), np.eye(2, 3))
    raised = Finding("one", "Rows sum to one.", "error", f"it raised ValueError: {HOSTILE}")
    diagnosed = Trial("look_up", 7, "wrong", "is 2, it should be 1", [held, broken], seconds=0.5)
    diagnosed.mistakes = (Mutant("uniform", "the plain mean", len),)
    trials = [
        Trial("softmax", 7, "pass", "1 laws hold", [held], seconds=0.25),
        diagnosed,
        Trial("attention_weights", 7, "error", f"it raised ValueError: {HOSTILE}", [raised]),
        record.refusal("there is no chapter called knitting", 7),
    ]
    return [record.thaw(json.loads(json.dumps(record.freeze(Row("", "01.ipynb", trial))))) for trial in trials]


def test_a_trial_survives_the_way_through_plain_data():
    _, wrong, raised, refused = (row.trial for row in rows())
    assert (wrong.name, wrong.seed, wrong.verdict, wrong.seconds) == ("look_up", 7, "wrong", 0.5)
    assert wrong.findings[1] == Finding("two", "a < b & c.", "wrong", "is 2, it should be 1")
    assert wrong.mistakes[0].diagnosis == "the plain mean"
    assert refused.verdict == "refused"
    assert raised.message == 'it raised ValueError: <script>alert(1)</script> \\x1b[31m\\n✓ forged: right "&'


@pytest.mark.parametrize("shape", [(5,), (4, 6), (2, 3, 4, 5), (100, 200)])
def test_the_picture_is_a_slice_that_holds_the_first_difference(shape):
    want = np.zeros(shape)
    got = want.copy()
    place = tuple(min(n - 1, 3) for n in shape)
    got[place] = np.nan
    row = Row("", "", Trial("x", 1, "wrong", "", [Finding("l", "s", "wrong", "m", got, want)]))
    kept = record.thaw(json.loads(json.dumps(record.freeze(row)))).trial.findings[0]
    assert np.isnan(kept.got).sum() == 1
    assert np.ndim(kept.got) == 2
    assert max(np.shape(kept.want)) <= record.PICTURE


def test_the_table_has_a_line_for_every_trial():
    lines = reports.table([row.trial for row in rows()])
    assert lines[0].split() == ["exercise", "laws", "verdict", "time"]
    assert re.fullmatch(r"softmax +1/1 +pass +250 ms", lines[2])
    assert re.fullmatch(r"look_up +1/2 +wrong: the plain mean +500 ms", lines[3])
    assert len(lines) == 6
    assert reports.points(rows()) == "1 of 4 points"


def test_a_trial_that_ran_no_law_earns_nothing():
    assert Row("", "", Trial("softmax", 7)).points == 0


def test_csv_has_a_line_for_every_trial_and_no_formulas(tmp_path):
    formula = Row("", "=cmd()|x.ipynb", Trial("softmax", 7, "error", "@SUM(A1)", []))
    reports.write(tmp_path / "deep" / "marks.csv", [*rows(), formula], FACTS)
    with open(tmp_path / "deep" / "marks.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["points"] for line in lines] == ["1", "0", "0", "0", "0"]
    assert lines[1]["laws"] == "1/2"
    assert (lines[4]["notebook"], lines[4]["message"]) == ("'=cmd()|x.ipynb", "'@SUM(A1)")


def test_csv_of_a_class_has_a_line_for_every_submission(tmp_path):
    own = {"ada": rows()[:3], "-ben": rows()[:1]}
    named = [Row(name, row.notebook, row.trial) for name in own for row in own[name]]
    reports.write(tmp_path / "marks.csv", named, FACTS)
    assert (tmp_path / "marks.csv").read_text().splitlines() == [
        "submission,points,softmax,look_up,attention_weights",
        "ada,1,pass,wrong,error",
        "'-ben,1,pass,,",
    ]


def test_gradescope_gets_what_its_specification_asks_for(tmp_path):
    reports.write(tmp_path / "results.json", rows(), FACTS)
    result = json.loads((tmp_path / "results.json").read_text())
    assert result["score"] == 1 == sum(test["score"] for test in result["tests"])
    assert result["execution_time"] == 1.25
    assert "Seed 7" in result["output"]
    for test in result["tests"]:
        assert set(test) == {"name", "number", "score", "max_score", "status", "output", "output_format"}
        assert test["output_format"] == "text", "what a learner wrote is shown, never rendered"
    assert [test["status"] for test in result["tests"]] == ["passed", "failed", "failed", "failed"]
    assert "Your output equals the plain mean" in result["tests"][1]["output"]


def test_the_page_stands_alone_and_escapes_what_strangers_wrote(tmp_path):
    reports.write(tmp_path / "report.html", rows(), FACTS)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    assert not re.search(r"(src|href)=|url\(|@import", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert text.count("<svg") == 1


def test_a_forged_file_name_is_escaped_too():
    text = page([Row("<b>", '"><img>', Trial("softmax", 7, "wrong", "<i>"))], FACTS)
    assert "<b>" not in text
    assert "<img" not in text
    assert "<i>" not in text


def test_the_heat_map_is_darkest_where_the_error_is_largest():
    svg = ET.fromstring(heat_map([[1.0, 3.0, float("nan")]], [[1.0, 1.0, 0.0]], "a < b"))
    squares = svg.findall("rect")
    assert [square.get("fill-opacity") for square in squares] == ["0.000", "1.000", None]
    assert squares[2].get("class") == "odd"
    assert squares[1].find("title").text == "[0, 1] is 3, it should be 1"
    assert svg.get("aria-label") == "a < b"
