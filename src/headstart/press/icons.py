"""The Sphinx extension that cuts the icon font down to what the book shows: 150 kB become a few."""

import re
from pathlib import Path

from fontTools import subset

NAME = re.compile(r"\bfa-([a-z0-9-]+)")
RULE = re.compile(r'([^{}]*)\{content:"([^"]+)"\}')  # .fa-sun:before{content:"\f185"}
VARIABLE = re.compile(r'--pst-icon-[a-z-]+:"([^"]+)"')
FONTS = "vendor/fontawesome/webfonts"


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("build-finished", _cut_fonts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _cut_fonts(app, exception):
    if app.builder.name == "html" and not exception:
        characters = shown(Path(app.outdir))
        for path in Path(app.outdir, "_static", FONTS).glob("*.woff2"):
            cut(path, characters)


def shown(outdir):
    """The characters of every icon that a page or a script of the book names, or a style of the theme shows."""
    static = outdir / "_static"
    pages = [*outdir.glob("*.html"), *outdir.glob("[!_]*/**/*.html"), *static.glob("scripts/*.js")]
    names = {name for path in pages for name in NAME.findall(path.read_text(encoding="utf-8"))}
    style = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    icons = [content for selector, content in RULE.findall(style) if names & set(NAME.findall(selector))]
    return {_character(icon) for icon in icons + VARIABLE.findall(style)}


def _character(content):
    """What a style's `content` shows: the character itself, or its number after a backslash."""
    return chr(int(content[1:], 16)) if content.startswith("\\") else content


def cut(path, characters):
    """Leave only these characters in a font file."""
    options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    font = subset.load_font(path, options)
    cutter = subset.Subsetter(options)
    cutter.populate(text="".join(sorted(characters)))
    cutter.subset(font)
    subset.save_font(font, path, options)
