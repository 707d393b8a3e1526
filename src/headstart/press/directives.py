"""The directives {coverage}, {errata}, {seen-mistakes} and {kill-matrix}: tables that are made, never typed."""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from headstart.press import PressError, coverage, errata, kills

DOCUMENTS = {
    "000": "thirty questions on multi-head attention",
    "001": "an article with an appendix of questions",
    "002": "a short introduction with a PyTorch layer",
    "003": "a lecture outline with figures and tables",
    "004": "thirty-two questions on attention",
}


class Made(SphinxDirective):
    """A directive whose content is made from the whole book: from `lines` of Markdown, or by `entries`."""

    css_class = ""

    def run(self):
        """Make the content in place."""
        self.watch()
        try:
            return self.entries(Path(self.env.srcdir))
        except PressError as error:
            raise self.error(f"{error}.") from None

    def entries(self, root):
        """Parse the made Markdown."""
        made = self.parse_text_to_nodes("\n".join(self.lines(root)))
        for node in made:
            for table in node.findall(nodes.table):
                table["classes"].append(self.css_class)
        return made

    def watch(self):
        """Say when the page must be made again: in every build."""
        self.env.note_reread()


class Coverage(Made):
    """Every item of the seed map and the places that answer it, document by document."""

    css_class = "coverage"

    def lines(self, root):
        """Yield the Markdown: a count, then one table a document."""
        items, answers = coverage.seed_map(root), coverage.answers(root)
        answered = sum(coverage.is_answered(item, answers) for item in items.values())
        owed = [item for item in items.values() if item.is_false]
        refuted = sum(coverage.is_refuted(item, answers) for item in owed)
        yield f"**{answered} of {len(items)}** items are answered, **{len(items) - answered}** are open. "
        yield f"Of {len(owed)} false claims, **{refuted}** are refuted on the [errata page](errata.md).\n"
        for document, name in DOCUMENTS.items():
            yield f"**Document {document}** – {name}\n"
            yield "| item | place | asks | answered by |\n| --- | --- | --- | --- |"
            yield from (_row(i, answers) for i in items.values() if i.source.startswith(document))
            yield ""
        yield "**Beyond the documents** – what interviewers ask now\n"
        yield "| topic | answered by |\n| --- | --- |"
        yield from (f"| {_cell(topic)} | {_links(found)} |" for topic, found in coverage.frontier(root).items())


class Errata(Made):
    """The false claims that the errata page refutes, and how many of them it still owes."""

    css_class = "errata"

    def lines(self, root):
        """Yield the Markdown: a count, then one line for each erratum."""
        items, rows = coverage.seed_map(root), errata.rows(root)
        named = {seed for row in rows for seed in row.seeds}
        owed = [item for item in items.values() if item.is_false]
        yield f"**{sum(item.id in named for item in owed)} of {len(owed)}** false claims are refuted so far.\n"
        yield "| document | the claim fails because |\n| --- | --- |"
        for row in rows:
            places = ", ".join(dict.fromkeys(items[seed].source for seed in row.seeds if seed in items))
            yield f"| {places} | [{_cell(row.title)}](#{row.id}) |"


class SeenMistakes(Made):
    """The mistakes seen in public code and the exercises whose known mistakes they are."""

    def lines(self, root):
        """Yield the Markdown: one table a class."""
        return kills.seen_table(root)

    def watch(self):
        """When the list has changed; when the code has, every page is made again."""
        self.env.note_dependency(str(Path(self.env.srcdir, kills.SEEN)))


class KillMatrix(Made):
    """Every known mistake of every exercise against every law."""

    css_class = "kills"

    def lines(self, root):
        """Yield the Markdown: one table an exercise."""
        return kills.matrices()

    def watch(self):
        """Only when the code has changed, and then every page is made again: hundreds of trials take seconds."""


def _row(item, answers):
    """One line of the coverage table."""
    links = [_link(answer) for answer in answers.get(item.id, [])]
    if not coverage.is_answered(item, answers):
        links.append("*open*")
    if item.is_false and not coverage.is_refuted(item, answers):
        links.append("*erratum owed*")
    asks = "<br>".join(_cell(text) for text in (item.en, item.zh) if text)
    return f"| {item.id} | {_cell(item.source)} | {asks} | {'<br>'.join(links)} |"


def _links(answers):
    return "<br>".join(_link(answer) for answer in answers) or "*open*"


def _link(answer):
    mark = "" if answer.kind == "question" else f"{answer.kind}: "
    return f"{mark}[{_cell(answer.title)}]({answer.target})"


def _cell(text):
    """A text as it may stand in a table's cell."""
    return text.replace("|", "\\|")
