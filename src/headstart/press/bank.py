"""The directives {question-bank} and {question-cards}: all questions on one page, made from the question blocks."""

import re
from pathlib import Path

from docutils import nodes

from headstart.press import coverage, questions
from headstart.press.directives import Made

MADE_FROM = (coverage.SEED_MAP, "book/questions/*.md")


class QuestionBank(Made):
    """Every question as an entry that links to its answer; a script filters entries by their classes."""

    made_from = MADE_FROM

    def entries(self, root):
        """Make one container a question."""
        items = coverage.seed_map(root)
        return [self._entry(question, documents(question, items)) for question in questions.bank(root)]

    def _entry(self, question, sources):
        target = f"{question.page.removeprefix('book/')}#{question.id}"
        facts = (question.level, *question.asks, " ".join(chapter(question)), *sources)
        tags = " ".join(f"[{fact}]{{.fact}}" for fact in facts)
        text = f"**[{question.title}]({target})**\n\n{question.zh}\n\n{tags}"
        return nodes.container("", *self.parse_text_to_nodes(text), classes=["entry", *classes(question, sources)])


class QuestionCards(Made):
    """Every question with its answer, in a template: a browser keeps it to itself until the script asks for a card."""

    made_from = MADE_FROM

    def entries(self, root):
        """Make one container a question, between the ends of the template."""
        items = coverage.seed_map(root)
        cards = [self._card(question, documents(question, items)) for question in questions.bank(root)]
        return [_raw('<template id="cards">'), *cards, _raw("</template>")]

    def _card(self, question, sources):
        card = nodes.container(ids=[f"card-{question.id}"], classes=["flashcard", *classes(question, sources)])
        head = {"chapter": " ".join(chapter(question)), "title": question.title, "wording": question.zh}
        for name, text in head.items():
            card += nodes.container("", *self.parse_text_to_nodes(text), classes=[name])
        for lead, text in parts(question):
            made = self.parse_text_to_nodes(f"**{lead}.** {_moved(text)}")
            card += nodes.container("", *made, classes=["part", lead.lower()])
        return card


def parts(question):
    """The parts of an answer as Markdown: (lead, text)."""
    yield "Say", question.say
    yield "Show", question.show
    yield "Trap", question.trap
    yield "Next", "\n\n" + "\n".join(f"- {point}" for point in question.next)
    yield "Rubric", "\n\n" + "\n".join(f"- {point}" for point in question.rubric)


def chapter(question):
    """Number and name of the chapter that a question belongs to: ("03", "multi head")."""
    number, _, name = Path(question.page).stem.partition("_")
    return number, name.replace("_", " ")


def documents(question, items):
    """The source documents that ask the question; frontier questions have none."""
    return sorted(
        {items[seed].source[:3] for seed in question.seeds if seed in items and items[seed].source[:3].isdigit()}
    )


def classes(question, sources):
    """What the scripts tell questions apart by."""
    kinds = [f"asks-{kind}" for kind in question.asks]
    return [f"level-{question.level}", *kinds, f"chapter-{chapter(question)[0]}", *(f"from-{each}" for each in sources)]


def _moved(text):
    """The text with its relative links as they must be one folder further up."""
    return re.sub(r"\]\(\.\./", "](", text)


def _raw(html):
    return nodes.raw("", html, format="html")
