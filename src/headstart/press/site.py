"""The Sphinx extension of the book: evidence links, anatomy of questions, and the pages that are made from others.

Loaded by `_config.yml`. A code cell with metadata `label: ev-…` becomes the target of `[text](#ev-…)` on every page.
"""

from docutils import nodes
from sphinx.util import logging

from headstart.press import anatomy, bank, directives, flashcards

logger = logging.getLogger(__name__)

ANSWER_SHEETS = "solutions/"


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", _target_labelled_cells)
    app.connect("doctree-read", _target_bibliography)
    app.connect("doctree-read", _target_labels_by_path)
    app.connect("doctree-read", anatomy.dress)
    app.connect("env-get-outdated", directives.outdated)
    app.connect("build-finished", flashcards.print_with_the_book)
    app.add_directive("coverage", directives.Coverage)
    app.add_directive("errata", directives.Errata)
    app.add_directive("seen-mistakes", directives.SeenMistakes)
    app.add_directive("kill-matrix", directives.KillMatrix)
    app.add_directive("question-bank", bank.QuestionBank)
    app.add_directive("question-cards", bank.QuestionCards)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _target_labelled_cells(app, doctree):
    """Make every labelled code cell a target; a label alone leads to the chapter, not to its answer sheet."""
    standard, page = app.env.get_domain("std"), app.env.docname
    for cell in doctree.findall(nodes.container):
        label = cell.get("cell_metadata", {}).get("label")
        if label and cell.get("nb_element") == "cell_code":
            cell["ids"].append(label)
            _slugs(app).setdefault(label, (0, label, label))  # `05_positions.ipynb#ev-…`, from another chapter
            if page.startswith(ANSWER_SHEETS):
                continue
            if standard.labels.get(label, (page,))[0] != page:
                logger.warning("the label %s is taken by %s", label, standard.labels[label][0], location=cell)
            standard.anonlabels[label] = page, label
            standard.labels[label] = page, label, label


def _target_bibliography(app, doctree):
    """Let `bibliography.md#key` reach an entry, as a heading's slug does."""
    for key, bibliography in app.env.get_domain("cite").bibliographies.items():
        if key.docname == app.env.docname:
            entries = bibliography.citation_nodes
            _slugs(app).update({entry: (0, node["ids"][0], entry) for entry, node in entries.items()})


def _target_labels_by_path(app, doctree):
    """Let `page.md#label` reach what `(label)=` names, as a heading's slug does."""
    for label, target in doctree.nametypes.items():
        if target and (identifier := doctree.nameids.get(label)):
            _slugs(app).setdefault(label, (0, identifier, label))


def _slugs(app):
    """The anchors of the page being read that a link with a path can reach."""
    return app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
