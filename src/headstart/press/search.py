"""The Sphinx extension for searching in English and Chinese, question titles first.

Chinese is written without spaces. So a run of Han characters is indexed as its characters and its pairs of
neighbours: 注意力 as 注, 意, 力, 注意, 意力. A question is found by its Chinese wording as by its title.
"""

import re
from itertools import pairwise

from docutils import nodes
from sphinx import addnodes
from sphinx.search import SearchEnglish

HAN = re.compile(r"([\u3400-\u9fff\uf900-\ufaff]+)")

# The same for a query: its pairs suffice, and where there is one character alone, that.
SPLIT_QUERY = r"""
var splitQuery = (query) =>
  query.split(/([\u3400-\u9fff\uf900-\ufaff]+)/).flatMap((run, n) => {
    if (n % 2 === 0) return run.split(/[^\p{Letter}\p{Number}_]+/u).filter((word) => word);
    return run.length === 1 ? [run] : Array.from({ length: run.length - 1 }, (_, i) => run.slice(i, i + 2));
  });
"""


class SearchEnglishAndChinese(SearchEnglish):
    """Sphinx's English search, in which Han characters count as words alone and in pairs."""

    js_splitter_code = SPLIT_QUERY

    def split(self, text):
        """The words of a text, as they go into the index."""
        words = []
        for n, run in enumerate(HAN.split(text)):
            words += [*run, *map("".join, pairwise(run))] if n % 2 else super().split(run)
        return words


def setup(app):
    """Register the extension with Sphinx."""
    app.add_search_language(SearchEnglishAndChinese)  # its language is English's, whose place it takes
    app.add_js_file("search.js")
    app.connect("doctree-read", _index_wordings)
    app.connect("html-collect-pages", _index_again)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _index_wordings(app, doctree):
    """Enter the Chinese wording below a question's title into the index, from where search.js takes it."""
    for section in doctree.findall(nodes.section):
        wording = section[1] if len(section) > 1 else None
        if "q" in section["classes"] and isinstance(wording, nodes.paragraph) and HAN.search(wording.astext()):
            entry = wording.astext().replace(";", "；")  # a semicolon would divide the entry
            section.insert(1, addnodes.index(entries=[("single", entry, section["ids"][0], "", None)]))


def _index_again(app):
    """Put the wordings of pages that were not written this time back: Sphinx loads its former index without them."""
    for page in app.env.found_docs:
        if page.startswith("book/questions/"):
            title = app.builder.render_partial(app.env.longtitles[page])["title"]
            app.builder.index_page(page, app.env.get_doctree(page), title)
    return []
