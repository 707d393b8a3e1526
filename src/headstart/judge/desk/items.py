"""What pytest collects in a grading run: the exercises of one submission, or the submissions of a class."""

import pytest

from headstart.judge.check import story
from headstart.judge.desk import record, reports, sitting


class NotPassed(Exception):
    """Something earned nothing; the message is what the learner reads instead of a traceback through the judge."""


class Graded(pytest.Item):
    """An item with `results`: rows as plain data, and how learner code was confined."""

    results = None

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if excinfo.errisinstance(NotPassed) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.config.rootpath / self.parent.name, None, self.name

    @property
    def grading(self):
        return self.config.pluginmanager.get_plugin("headstart-grading")


class NotebookNode(pytest.Collector):
    """A notebook: its items are the exercises of its chapter, or the sentence that says why it cannot be read.

    The notebook of a chapter that is played, not graded, has no items.
    """

    def __init__(self, notebook, **rest):
        super().__init__(nodeid=notebook.path, **rest)
        self.notebook = notebook

    def collect(self):
        names = ["(notebook)"] if self.notebook.problem else sitting.exercises(self.notebook)
        return [Exercise.from_parent(self, name=name) for name in names]


class Exercise(Graded):
    """One exercise of one notebook."""

    def runtest(self):
        """Grade it. Raises NotPassed for every verdict but pass."""
        notebook = self.parent.notebook
        trial = self.grading.judge(self.name, notebook)
        row = record.freeze(record.Row("", notebook.path, trial))
        self.results = {"rows": [row], "tier": self.grading.tier}
        if notebook.problem:
            raise NotPassed(f"{notebook.path}: {notebook.problem}.")
        if trial.verdict != "pass":
            raise NotPassed(story(record.thaw(row).trial))


class ClassNode(pytest.Collector):
    """A class: its items are the submissions."""

    def __init__(self, names, **rest):
        super().__init__(nodeid=rest["name"], **rest)
        self.names = names

    def collect(self):
        return [Submission.from_parent(self, name=name) for name in self.names]


class Submission(Graded):
    """Everything that one person handed in."""

    def runtest(self):
        """Wait for its marks. Raises NotPassed unless every exercise passed."""
        self.results = self.grading.classroom.results(self.name)
        rows = [record.thaw(row) for row in self.results["rows"]]
        if missed := [row for row in rows if not row.points]:
            raise NotPassed("\n".join([f"{self.name}: {reports.points(rows)}", *map(_line, missed)]))


def _line(row):
    return f"  {row.notebook} {row.trial.name}: {row.trial.verdict}, {row.trial.message}"
