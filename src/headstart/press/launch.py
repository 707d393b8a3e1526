"""The Sphinx extension for the buttons that take a chapter away: to Colab, to Binder, to JupyterLab, or as files.

Where the repository lies is written nowhere: the environment variable GITHUB_REPOSITORY says it, or else the clone's
origin on github.com. Without either there is no button that would lead nowhere, and the files are still there.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

BRANCH = "main"
COLAB = "https://colab.research.google.com/github"
BINDER = "https://mybinder.org/v2/gh"
NAME = r"[\w.-]+/[\w.-]+"
ORIGIN = re.compile(rf"(?:https://|ssh://git@|git@)github\.com[:/]({NAME}?)(?:\.git)?/?")
ROOMS = {"notebooks": "notebook", "solutions": "answer sheet"}
LOGOS = {"Colab": "png", "Binder": "svg"}  # the theme brings them along
HELP = "book/run"
AFTER_THE_THEME = 600


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("headstart_repository", "", "env", types=(str,))
    app.add_directive("colab-setup", ColabSetup)
    app.connect("config-inited", _find_repository)
    app.connect("html-page-context", add_buttons, priority=AFTER_THE_THEME)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def repository(root, environment=os.environ):
    """The repository on GitHub as owner/name, or "" where none is known."""
    named = environment.get("GITHUB_REPOSITORY", "")
    if re.fullmatch(NAME, named):
        return named
    if not (root / ".git").exists():
        return ""
    git = subprocess.run(["git", "config", "remote.origin.url"], cwd=root, capture_output=True, text=True)
    origin = ORIGIN.fullmatch(git.stdout.strip())
    return origin[1] if origin else ""


def addresses(repository, notebook):
    """Where the notebook opens: {name of the place: address}."""
    return {
        "Colab": f"{COLAB}/{repository}/blob/{BRANCH}/{notebook}",
        "Binder": f"{BINDER}/{repository}/{BRANCH}?labpath={quote(notebook, safe='')}",
    }


def colab_setup(repository):
    """The line that gives a fresh Colab the course's package; PyTorch and matplotlib it has already."""
    return f"%pip install --quiet git+https://github.com/{repository}"


class ColabSetup(SphinxDirective):
    """The first cell of a notebook on Colab: by the repository's address, if it is known."""

    def run(self):
        """Return the cell, or nothing."""
        if not (known := self.config.headstart_repository):
            return []
        lead = nodes.paragraph("", "Run this in a new first cell:")
        return [lead, nodes.literal_block("", colab_setup(known), language="ipython3")]


def _find_repository(app, config):
    config.headstart_repository = repository(Path(app.srcdir))


def add_buttons(app, pagename, templatename, context, doctree):
    """Give a chapter and its answer sheet the same buttons (a handler of `html-page-context`): they open the stubs."""
    room, _, name = pagename.partition("/")
    if room not in ROOMS:
        return
    known, pathto, buttons = app.config.headstart_repository, context["pathto"], context["header_buttons"]
    away = addresses(known, f"notebooks/{name}.ipynb") if known else {}
    places = [_link(place, url, f"_static/images/logo_{place.lower()}.{LOGOS[place]}") for place, url in away.items()]
    places += [_link("Colab’s first cell", f"{pathto(HELP)}#on-colab", "fas fa-terminal")] if known else []
    places.append(_link("JupyterLab", f"{pathto(HELP)}#on-your-machine", "fas fa-laptop-code"))
    buttons.insert(0, _group("Open the notebook", "fas fa-rocket", places))
    files = {word: f"{pathto('_sources', 1)}/{room}/{name}.ipynb" for room, word in ROOMS.items()}
    (downloads,) = (group["buttons"] for group in buttons if group.get("label") == "download-buttons")
    downloads[:-1] = [_link(word, url, "fas fa-file") for word, url in files.items()]  # the last one prints the page


def _link(text, url, icon):
    return {"type": "link", "text": text, "url": url, "icon": icon}


def _group(tooltip, icon, links):
    return {"type": "group", "tooltip": tooltip, "icon": icon, "buttons": links, "label": "launch-buttons"}
