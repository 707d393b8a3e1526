"""Trials as plain data, to cross to another process or to wait in a file, and back."""

import dataclasses

import numpy as np

from headstart.graders.kit import Mutant
from headstart.judge.desk.text import shown
from headstart.judge.trial import Finding, Trial

PICTURE = 64  # a report draws at most this many rows and columns


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a report: whose submission, which notebook, what came of one exercise. A pass earns one point."""

    submission: str
    notebook: str
    trial: Trial

    @property
    def points(self):
        return int(self.trial.verdict == "pass")


def refusal(problem, seed):
    """The trial of a notebook that could not be read: there is one, and it is no pass."""
    return Trial("(notebook)", seed, "refused", problem)


def freeze(row):
    """A row as JSON types. What the learner's code had a hand in is made printable here, once."""
    trial = row.trial
    findings = [
        {**vars(f), "message": shown(f.message, 2000), **dict(zip(("got", "want"), _picture(f), strict=True))}
        for f in trial.findings
    ]
    mistakes = [[mistake.name, mistake.diagnosis] for mistake in trial.mistakes]
    plain = {**vars(trial), "message": shown(trial.message, 2000), "findings": findings, "mistakes": mistakes}
    return {"submission": row.submission, "notebook": row.notebook, "trial": plain}


def thaw(plain):
    """The row again; arrays are the slices that a report draws, mistakes have lost their code."""
    trial = plain["trial"]
    findings = [Finding(**finding) for finding in trial["findings"]]
    mistakes = tuple(Mutant(name, diagnosis, None) for name, diagnosis in trial["mistakes"])
    return Row(plain["submission"], plain["notebook"], Trial(**{**trial, "findings": findings, "mistakes": mistakes}))


def _picture(finding):
    """The two-dimensional slices of got and want that hold the first difference, as nested lists, or two Nones."""
    if finding.got is None or np.ndim(finding.got) == 0:
        return None, None
    got, want = (np.atleast_2d(np.asarray(a, dtype=float)) for a in (finding.got, finding.want))
    first = np.argwhere(~np.isclose(got, want, equal_nan=True))
    leading = tuple(first[0][:-2]) if len(first) else (0,) * (got.ndim - 2)
    return got[leading][:PICTURE, :PICTURE].tolist(), want[leading][:PICTURE, :PICTURE].tolist()
