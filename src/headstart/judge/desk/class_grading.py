"""The grading run over a class: one item a submission."""

import pytest

from headstart.judge.desk import engines, record, reports
from headstart.judge.desk.classroom import Classroom
from headstart.judge.desk.grading import Grading
from headstart.judge.desk.items import ClassNode
from headstart.judge.desk.shelf import Shelf
from headstart.judge.desk.text import shown


class ClassGrading(Grading):
    """The hooks of a grading run over a class."""

    def __init__(self, config):
        super().__init__(config)
        spread = self.is_worker or self.is_spread
        try:
            runner = engines.Here() if spread else engines.engine(self.options.engine)
        except (ValueError, ImportError, OSError) as error:
            raise pytest.UsageError(f"--engine {self.options.engine}: {error}") from None
        self.classroom = Classroom(self.options.classroom, runner, self.opening, self.options.seed)
        self.open.callback(self.classroom.close)
        if not self.classroom.paths:
            raise pytest.UsageError(f"there is no submission (folder, zip or notebook) in {self.options.classroom}")

    def new_seed(self):
        """The seed of the run that this one takes up, so that everybody gets the same inputs."""
        seed = Shelf(self.options.classroom).seed()
        return super().new_seed() if seed is None else seed

    def nodes(self, session):
        name = self.options.classroom
        return [ClassNode.from_parent(session, name=shown(name), names=list(self.classroom.paths))]

    def begin(self, session):
        """Open a workshop, so that a machine that cannot confine says so at the start; then begin with everybody."""
        self.new_workshop().close()
        if not self.is_worker:
            try:
                self.classroom.start([item.name for item in session.items])
            except OSError as error:
                place = self.classroom.shelf.folder
                raise pytest.UsageError(f"results cannot be kept in {place} ({error.strerror})") from None

    def pytest_sessionfinish(self, session):
        """Grade here what a lost worker of pytest-xdist took with it."""
        if self.is_spread and not self.is_worker and not self.options.collectonly:
            for name in self.classroom.paths.keys() - {row.submission for row in self.rows}:
                self.rows += map(record.thaw, self.classroom.results(name)["rows"])
        self.rows.sort(key=lambda row: (row.submission, row.notebook))
        super().pytest_sessionfinish(session)

    def tables(self):
        yield "class", reports.class_table(self.rows)
