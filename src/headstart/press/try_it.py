"""The Sphinx extension for 'Try it here': under every stub a place where the page runs and judges the reader's answer.

It marks the places, and puts the course's package beside the book as a zip. What happens at such a place is told in
book/_static/try: nothing is loaded before the reader opens it. PyTorch does not run in a page; there a line says so.
"""

import zipfile
from html import escape
from pathlib import Path

import numpy as np
from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from headstart.judge import course
from headstart.judge.border import leaves
from headstart.judge.candidate import local
from headstart.judge.trial import hold
from headstart.press import try_it_python

ROOM = "notebooks/"
HELP = "/book/run"
PACKAGE = Path(__file__).parents[1]
AFTER_THE_TABS = 700  # the priority of a handler that leaves the tabs' copies of an exercise alone


def setup(app):
    """Register the extension with Sphinx."""
    app.add_directive("try-it", TryIt)
    app.connect("doctree-read", offer, priority=AFTER_THE_TABS)
    app.connect("html-page-context", _load)
    app.connect("build-finished", _serve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class TryIt(SphinxDirective):
    """Python to start from, and below it the place to try it: its argument is the name of the exercise."""

    has_content = True
    required_arguments = 1

    def run(self):
        """Return the code and the place, in a container."""
        code = nodes.literal_block("", "\n".join(self.content), language="python")
        try:
            return [nodes.container("", code, _place(self.arguments[0]), classes=["try-cell"])]
        except course.UnknownExercise as error:
            raise self.error(f"{error}.") from None


def offer(app, doctree):
    """Give every exercise of a chapter its place (a `doctree-read` handler)."""
    if app.env.docname.startswith(ROOM):
        for cell in list(doctree.findall(nodes.container)):
            name = cell.get("cell_metadata", {}).get("headstart", {}).get("exercise")
            if name and "tag_exercise" in cell["classes"]:
                cell["classes"].append("try-cell")
                cell += _place(name)


def _place(name):
    exercise, wing = course.find(name)
    if wing == "in_torch":
        return _elsewhere()
    facts = f'data-exercise="{escape(name)}" data-needs="{" ".join(exercise.needs)}"'
    arrays = " data-arrays" * takes_arrays(exercise, wing)
    return nodes.raw("", f'<div class="try-it" {facts}{arrays}></div>', format="html")


def takes_arrays(exercise, wing):
    """Whether the laws of an exercise hand arrays to an answer, or get some: then the page needs NumPy."""
    candidate = local(course.reference(exercise, wing), wing, exercise.bans)
    hold(exercise, wing, candidate, exercise.name, seed=0)
    exchanged = [(request["calls"], value) for request, value in candidate.record]
    return any(isinstance(leaf, np.ndarray) for leaf in leaves(exchanged))


def _elsewhere():
    """The line that leads from a PyTorch exercise to Jupyter."""
    way = addnodes.pending_xref("", nodes.Text("Jupyter"), reftype="doc", refdomain="std", reftarget=HELP)
    way["refexplicit"] = True
    words = nodes.Text("PyTorch does not run in a page: write this one in ")
    return nodes.paragraph("", "", words, way, nodes.Text("."), classes=["try-elsewhere"])


def _load(app, pagename, templatename, context, doctree):
    """Give pages with such places the script that opens them, and no others."""
    if doctree and any("try-cell" in node["classes"] for node in doctree.findall(nodes.container)):
        app.add_css_file("try/try.css")
        app.add_js_file("try/try.js", defer="defer")


def _serve(app, exception):
    """Put Python, as far as it was fetched, and the course's package beside the book."""
    if exception is None and app.builder.name == "html":
        html = Path(app.outdir)
        try_it_python.place(Path(app.srcdir), html)
        with zipfile.ZipFile(html / try_it_python.SERVED / "headstart.zip", "w", zipfile.ZIP_DEFLATED) as package:
            for path in sorted(PACKAGE.rglob("*.py")):
                package.write(path, path.relative_to(PACKAGE.parent).as_posix())
