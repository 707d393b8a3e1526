"""The questions as flashcards: a deck for Anki and a table (CSV), printed with the book."""

import csv
import re
from pathlib import Path

import genanki
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from headstart.press import questions

# Fixed for ever: Anki tells by these ids what to renew when a deck is imported again.
MODEL, DECK = 1_704_212_017, 1_704_212_018
FIELDS = ("English", "Chinese", "Say", "Trap", "Rubric", "Where")
BACK = "<hr><p>{{Say}}</p><p><b>Trap.</b> {{Trap}}</p>{{Rubric}}<p><small>{{Where}}</small></p>"
TEMPLATES = [
    {"name": "English", "qfmt": "{{English}}", "afmt": "{{FrontSide}}" + BACK},
    {
        "name": "Chinese",
        "qfmt": "{{#Chinese}}{{Chinese}}{{/Chinese}}",
        "afmt": "{{FrontSide}}<p>{{English}}</p>" + BACK,
    },
]
STYLE = ".card { font: 18px sans-serif; text-align: left; } p { line-height: 1.4; }"
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def fields(question):
    """The texts of one note as HTML, in the order of FIELDS."""
    rubric = "\n".join(f"- {point}" for point in question.rubric)
    texts = (question.title, question.zh, question.say, question.trap, rubric)
    return [*map(html, texts), f"{Path(question.page).stem}, {question.id}"]


def html(text):
    """Markdown as HTML, with formulas as Anki's MathJax reads them; links, which lead into the book, become text."""
    markdown = MarkdownIt().use(dollarmath_plugin, renderer=_formula)
    return markdown.render(LINK.sub(r"\1", text)).strip()


def _formula(content, options):
    return rf"\[{content}\]" if options["display_mode"] else rf"\({content}\)"


def write(root, folder):
    """Write headstart.apkg and headstart.csv into a folder. Raises PressError."""
    bank = questions.bank(root)
    model = genanki.Model(
        MODEL, "Head Start", fields=[{"name": name} for name in FIELDS], templates=TEMPLATES, css=STYLE
    )
    deck = genanki.Deck(DECK, "Head Start: attention")
    with open(folder / "headstart.csv", "w", encoding="utf-8-sig", newline="") as file:  # Excel asks for the mark
        table = csv.writer(file)
        table.writerow(("id", *FIELDS))
        for question in bank:
            note, tags = fields(question), [question.level, *question.asks]
            table.writerow((question.id, *note))
            deck.add_note(genanki.Note(model, note, guid=genanki.guid_for(question.id), tags=tags))
    genanki.Package(deck).write_to_file(folder / "headstart.apkg", timestamp=0)


def print_with_the_book(app, exception):
    """Put both files beside the pages (a `build-finished` handler)."""
    if exception is None and app.builder.format == "html":
        write(Path(app.srcdir), Path(app.outdir, "_static"))
