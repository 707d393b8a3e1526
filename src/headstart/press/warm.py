"""The Sphinx extension for building again: only pages that changed are read and written, and none is left stale.

A page shows other pages' titles, and links to their labels and headings. As long as all of these stay what they were,
a page that has not changed itself need not be written again.
"""

from pathlib import Path


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("env-updated", _write_what_is_stale)
    app.connect("build-finished", _remove_what_is_gone)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _write_what_is_stale(app, env):
    """All pages, if what they can see of one another has changed; else none but those that were read."""
    if app.builder.name != "html":
        return []
    before, env.headstart_seen = getattr(env, "headstart_seen", None), _seen(env)
    return [] if before == env.headstart_seen else sorted(env.found_docs)


def _seen(env):
    """Titles, labels and anchors of all pages, in the order of the table of contents."""
    standard = env.get_domain("std")
    slugs = {page: data.get("myst_slugs", {}) for page, data in env.metadata.items()}
    return {
        "titles": {page: title.astext() for page, title in env.titles.items()},
        "tree": dict(env.toctree_includes),
        "labels": dict(standard.labels) | dict(standard.anonlabels),
        "anchors": {page: {(slug, *rest[1:]) for slug, rest in found.items()} for page, found in slugs.items()},
    }


def _remove_what_is_gone(app, exception):
    """Delete pages that a former build has written and that have no source any more."""
    if app.builder.name != "html" or exception:
        return
    for room in {page.partition("/")[0] for page in app.env.found_docs if "/" in page}:
        for path in Path(app.outdir, room).rglob("*.html"):
            if path.relative_to(app.outdir).with_suffix("").as_posix() not in app.env.found_docs:
                path.unlink()
