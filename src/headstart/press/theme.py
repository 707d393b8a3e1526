"""The Sphinx extension for what a page loads: nothing from outside the book, and nothing that it does not need."""

from html import escape
from pathlib import Path
from textwrap import shorten

from docutils import nodes

# Set here and not in _config.yml, where html_theme_options would replace all of Jupyter Book's own.
OPTIONS = {
    "navbar_persistent": [],  # the theme's sidebar has the search button already
    "show_toc_level": 1,  # below that, chapters list their exercises, which are all called so
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
THEBE = "sphinx_thebe"  # Jupyter Book always loads it; it runs cells on somebody else's server
ICONS = ("fontawesome.js", "fontawesome.js.map")  # 3 MB that draw what the web font shows as well


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("config-inited", _set_options)
    app.connect("config-inited", _forget_thebe)
    app.connect("html-page-context", _spare_mathjax, priority=900)  # after MathJax has been added
    app.connect("html-page-context", _load_scripts_late, priority=900)
    app.connect("html-page-context", _describe)
    app.connect("doctree-resolved", _load_figures_late)
    app.connect("build-finished", _blank_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _set_options(app, config):
    config.html_theme_options = {**config.html_theme_options, **OPTIONS}


def _forget_thebe(app, config):
    """Undo the registration of thebe: its scripts, its style and what it writes into pages."""
    for listeners in app.events.listeners.values():
        listeners[:] = [each for each in listeners if getattr(each.handler, "__module__", "") != THEBE]
    app.registry.css_files[:] = [each for each in app.registry.css_files if each[0] != "sphinx-thebe.css"]


def _spare_mathjax(app, pagename, templatename, context, doctree):
    """Let pages without maths do without its megabyte."""
    if not (doctree and next(doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block)), None)):
        context["script_files"] = [each for each in context["script_files"] if "mathjax" not in str(each).lower()]


def _load_scripts_late(app, pagename, templatename, context, doctree):
    """Let a page be shown before its scripts have come, but for those that scripts in the page need at once."""
    for script in context["script_files"]:  # the pages share them
        name = getattr(script, "filename", None)
        if name and "documentation_options" not in name:
            script.attributes["defer"] = "defer"
            if pagename == "search":
                del script.attributes["defer"]


def _describe(app, pagename, templatename, context, doctree):
    """Tell search engines what a page promises: its first paragraph."""
    paragraph = doctree and next(doctree.findall(nodes.paragraph), None)
    promise = shorten(paragraph.astext(), 160, placeholder=" …") if paragraph else "Attention, for your interview."
    context["metatags"] = f'{context.get("metatags", "")}<meta name="description" content="{escape(promise)}">'


def _load_figures_late(app, doctree, pagename):
    """Let a page be read before its lower figures have come; what is printed waits for none."""
    if app.builder.name == "html":
        for image in doctree.findall(nodes.image):
            image["loading"] = "lazy"


def _blank_icons(app, exception):
    scripts = Path(app.outdir, "_static", "scripts")
    for path in (scripts / name for name in ICONS):
        if path.is_file():
            path.write_text("")
