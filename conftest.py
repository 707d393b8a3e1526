"""For every run of the tests, notebooks included: errors that are demanded, and the reference's marks at the end."""

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A notebook cell tagged `raises-exception` must raise: what its metadata says in `raises`, or NotImplementedError.

    nbval by itself lets such a cell raise anything, or nothing.
    """
    result = yield
    cell = getattr(item, "cell", None)
    if cell is not None and "raises-exception" in cell.metadata.get("tags", ()):
        wanted = cell.metadata.get("raises", "NotImplementedError")
        raised = [output["ename"] for output in item.test_outputs if output["output_type"] == "error"]
        if raised != [wanted]:
            item.raise_cell_error(f"The cell must raise {wanted}, it raised {', '.join(raised) or 'nothing'}")
    return result


def pytest_terminal_summary(terminalreporter):
    """Print how the course's own answers fared, the worst trial of each; plain numbers have crossed the processes."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    records = [value for report in reports for key, value in report.user_properties if key == "trial"]
    if records:
        from headstart.judge.desk.reports import table
        from headstart.judge.trial import Finding, Trial

        marks = {}
        for name, seed, verdict, laws, seconds in records:
            if name not in marks or verdict != "pass":
                marks[name] = Trial(name, seed, verdict, "", [Finding("", "", law) for law in laws], (), seconds)
        terminalreporter.section("the reference's marks")
        for line in table(marks.values()):
            terminalreporter.write_line(line)
