"""The grading run: collect what was handed in and nothing else, grade it, report."""

import atexit
import contextlib
import gc
import secrets
import time

import pytest

from headstart.judge import course
from headstart.judge.desk import record, reports, sitting
from headstart.judge.desk.items import NotebookNode
from headstart.judge.desk.submission import read
from headstart.judge.trial import Trial
from headstart.judge.workshop.tiers import Unconfined


class Grading:
    """The hooks of a grading run over one submission."""

    def __init__(self, config):
        self.config, self.options = config, config.option
        self.is_worker = hasattr(config, "workerinput")
        self.is_spread = getattr(config.option, "dist", "no") != "no"  # by pytest-xdist
        if self.options.seed is None:  # set here, before pytest-xdist copies the options for its workers
            self.options.seed = self.new_seed()
        self.opening = (sitting.open_workshop, (self.options.limit, self.options.require_confinement))
        self.rows, self.tier, self.complaints, self.started = [], "", [], time.perf_counter()
        self.places = {}
        self.open, self.workshop = contextlib.ExitStack(), None

    def new_seed(self):
        return secrets.randbits(32)

    def nodes(self, session):
        """What is collected."""
        notebooks = read(self.options.submission)
        return [NotebookNode.from_parent(session, name=notebook.path, notebook=notebook) for notebook in notebooks]

    def begin(self, session):
        """Open the workshop, unless there is nothing to run in it. Raises UsageError."""
        names = [item.name for item in session.items if not item.parent.notebook.problem]
        if names:
            self.workshop = self.open.enter_context(self.new_workshop())
            self.tier = self.workshop.tier
        if names and not self.is_worker:  # one of pytest-xdist gets a part of them only
            self.workshop.expect(names)
            self.put_numpy_first(session.items)

    def put_numpy_first(self, items):
        """While NumPy's exercises are graded another process imports PyTorch. Reports keep the course's order."""
        self.places = {(item.parent.notebook.path, item.name): place for place, item in enumerate(items)}
        items.sort(key=lambda item: not item.parent.notebook.problem and course.find(item.name)[1] == "in_torch")

    def new_workshop(self):
        """A workshop as the command line wants it. Raises UsageError where learner code cannot be confined enough."""
        function, arguments = self.opening
        try:
            return function(*arguments)
        except Unconfined as reason:
            raise pytest.UsageError(f"--require-confinement: {reason}") from None

    def judge(self, name, notebook):
        """The trial of one exercise."""
        if notebook.problem:
            return record.refusal(notebook.problem, self.options.seed)
        try:
            return self.workshop.grade(name, list(notebook.cells), self.options.seed)
        except Exception as error:  # no fault of the learner's, and no mark either: it must stand in every report
            message = f"the judge itself failed ({type(error).__name__}: {error})"
            return Trial(name, self.options.seed, "error", message)

    def pytest_collection(self, session):
        """Collect the submission and nothing else. pytest-xdist's controller leaves that to its workers."""
        if self.is_spread and not self.is_worker:
            return None
        hook, session.items = self.config.hook, []
        for node in self.nodes(session):
            report = hook.pytest_make_collect_report(collector=node)
            hook.pytest_collectreport(report=report)
            session.items += report.result
        if not session.items:
            nothing = "its chapter has no exercises, there is nothing to grade"
            raise pytest.UsageError(f"{self.options.submission}: {nothing}")
        hook.pytest_collection_modifyitems(session=session, config=self.config, items=session.items)
        hook.pytest_collection_finish(session=session)
        session.testscollected = len(session.items)
        self.spare_collector()
        return True

    def spare_collector(self):
        """Hide what is loaded by now from the search for garbage, which would else take an eighth of a short run."""
        gc.freeze()
        self.config.add_cleanup(gc.unfreeze)
        atexit.register(gc.freeze)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Begin, then leave the loop to pytest."""
        if not self.options.collectonly and (self.is_worker or not self.is_spread):
            self.begin(session)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Send the results along with the report, from a worker of pytest-xdist too."""
        report = yield
        if report.when == "call":
            report.headstart = item.results
        return report

    def pytest_runtest_logreport(self, report):
        if results := getattr(report, "headstart", None):
            self.rows += map(record.thaw, results["rows"])
            self.tier = results["tier"] or self.tier

    def pytest_report_teststatus(self, report):
        """Show the verdict of an exercise where pytest says PASSED or FAILED."""
        results = getattr(report, "headstart", None)
        if results and not self.options.classroom:
            return report.outcome, "." if report.passed else "F", results["rows"][0]["trial"]["verdict"].upper()
        return None

    def pytest_sessionfinish(self, session):
        """Write the reports; one that cannot be written is told at the end, and costs the exit status."""
        self.open.close()
        self.rows.sort(key=lambda row: self.places.get((row.notebook, row.trial.name), 0))
        if self.is_worker or self.options.collectonly:
            return
        facts = {"seed": self.options.seed, "tier": self.tier, "seconds": time.perf_counter() - self.started}
        for file in self.options.results:
            try:
                reports.write(file, self.rows, facts)
            except OSError as error:
                self.complaints.append(f"{file} cannot be written ({error.strerror})")
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter):
        """The tables, and what is needed to repeat the run."""
        for title, lines in self.tables():
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)
        terminalreporter.write_line("")
        terminalreporter.write_line(f"{reports.points(self.rows)} · the same inputs again: --seed {self.options.seed}")
        terminalreporter.write_line(f"learner code ran {self.tier or 'nowhere'}")
        for complaint in self.complaints:
            terminalreporter.write_line(f"ERROR: {complaint}")

    def tables(self):
        """(title, lines) for each notebook."""
        for notebook in dict.fromkeys(row.notebook for row in self.rows):
            yield notebook, reports.table([row.trial for row in self.rows if row.notebook == notebook])
