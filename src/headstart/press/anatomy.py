"""Gives the blocks of question pages and errata their form: a line of facts, and one container for each part."""

from itertools import pairwise

from docutils import nodes

from headstart.press import errata, questions

LEADS = {"q": questions.LEADS, "err": errata.LEADS}


def dress(app, doctree):
    """Dress every block of the page that was read (a `doctree-read` handler)."""
    for section in doctree.findall(nodes.section):
        for identifier in section["ids"]:
            leads = LEADS.get(identifier.partition("-")[0])
            if leads and _leads(section, leads):
                section["classes"] += ["block", identifier.partition("-")[0]]
                _show_facts(section)
                _wrap_parts(section, leads)


def _leads(section, leads):
    """Positions, in the section, of the paragraphs that open a part, with the part's name."""
    return [(n, lead) for n, child in enumerate(section) if (lead := _lead(child)) in leads]


def _lead(node):
    """The word in bold and with a full stop that opens a paragraph, if one does."""
    if not isinstance(node, nodes.paragraph):
        return None
    first = next((child for child in node if child.astext()), None)  # MyST may begin with an empty text
    return first.astext().removesuffix(".") if isinstance(first, nodes.strong) else None


def _show_facts(section):
    """Replace the block's comments (`% level: core`) by one line that shows what they say."""
    comments = [child for child in section.children if isinstance(child, nodes.comment)]
    facts = nodes.paragraph(classes=["facts"])
    for comment in comments:
        for note in comment.astext().replace("\n", "%").split("%"):
            key, colon, value = note.strip().partition(":")
            for word in value.split() if colon and key != "frontier" else ():  # a topic stands on the coverage page
                facts += nodes.inline("", word, classes=["fact", key])
                facts += nodes.Text(" ")
    if facts.children:
        comments[0].replace_self(facts)


def _wrap_parts(section, leads):
    """Put each part, from its lead to the next one, into a container with the lead's name as class."""
    starts = _leads(section, leads)
    ends = [n for n, child in enumerate(section) if isinstance(child, nodes.section)] or [len(section)]
    bounds = pairwise([*starts, (ends[0], None)])
    parts = [(first, last, lead) for (first, lead), (last, _) in bounds]
    for first, last, lead in reversed(parts):
        container = nodes.container("", *section.children[first:last], classes=["part", lead.lower()])
        section[first:last] = [container]
