"""The directives {coverage}, {errata}, {seen-mistakes} and {kill-matrix}: tables that are made, never typed."""

import hashlib
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
    made_from = ()  # patterns of files below the course's folder; when the code changes, every page is made again

    def run(self):
        """Make the content in place, and note what it was made from."""
        root = Path(self.env.srcdir)
        noted = self.env.metadata[self.env.docname].setdefault("made_from", {})
        noted.update({pattern: digest(root, pattern) for pattern in self.made_from})
        try:
            return self.entries(root)
        except PressError as error:
            raise self.error(f"{error}.") from None

    def entries(self, root):
        """Parse the made Markdown."""
        made = self.parse_text_to_nodes("\n".join(self.lines(root)))
        for node in made:
            for table in node.findall(nodes.table):
                table["classes"].append(self.css_class)
        return made


def digest(root, pattern):
    """A hash over the names and contents of the files that match a pattern."""
    files = [(path.name, path.read_bytes()) for path in sorted(root.glob(pattern))]
    return hashlib.sha256(repr(files).encode()).hexdigest()


def outdated(app, env, added, changed, removed):
    """The pages that were made from other files than lie there now (an `env-get-outdated` handler)."""
    root = Path(app.srcdir)
    noted = {page: data.get("made_from", {}) for page, data in env.metadata.items()}
    now = {pattern: digest(root, pattern) for each in noted.values() for pattern in each}
    return [page for page, each in noted.items() if any(now[pattern] != was for pattern, was in each.items())]


class Coverage(Made):
    """Every item of the seed map and the places that answer it, document by document."""

    css_class = "coverage"
    made_from = ("book/*.yml", errata.PAGE, "book/questions/*.md", "book/chapters/*.md")

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
    made_from = (coverage.SEED_MAP, errata.PAGE)

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

    made_from = (kills.SEEN,)

    def lines(self, root):
        """Yield the Markdown: one table a class."""
        return kills.seen_table(root)


class KillMatrix(Made):
    """Every known mistake of every exercise against every law."""

    css_class = "kills"

    def lines(self, root):
        """Yield the Markdown: one table an exercise. Its hundreds of trials take seconds."""
        return kills.matrices()


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
