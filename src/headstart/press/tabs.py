"""The Sphinx extension for NumPy | PyTorch: an exercise that stands in both wings becomes one set of tabs on its page.

The notebooks stay plain: the twin of the exercise `softmax` is the one called `softmax_torch`. A twin that follows at
once moves into the tabs; one that stands further down is shown in a copy, which says where. All sets of the book are
in step, and the browser remembers which wing was chosen.
"""

from docutils import nodes
from sphinx_design.shared import create_component

SYNC = {"sync_group": "wing"}
AFTER_LABELS = 600  # the priority of a handler that finds the cells with their targets


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", pair, priority=AFTER_LABELS)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def pair(app, doctree):
    """Put every exercise that has a twin on the page into tabs with it (a `doctree-read` handler)."""
    cells = [cell for cell in doctree.findall(nodes.container) if "tag_exercise" in cell["classes"]]
    exercises = {_name(cell): cell for cell in cells}
    for name, cell in exercises.items():
        if twin := exercises.get(f"{name}_torch"):
            _join(cell, twin)


def _join(cell, twin):
    """Replace the exercise by its tabs."""
    ours, theirs = _with_hints(cell), _with_hints(twin)
    parent, place = cell.parent, cell.parent.index(cell)
    if ours[-1].next_node(descend=False, siblings=True) is twin:
        last, shown = place + len(ours) + len(theirs), _tab("PyTorch", "torch", theirs)
    else:
        last, shown = place + len(ours), _tab("PyTorch", "torch", [_way(twin), *map(_copy, theirs)], "copy")
    tabs = create_component("tab-set", ["sd-tab-set", "wings"], children=[_tab("NumPy", "numpy", ours), shown])
    tabs.source, tabs.line = cell.source, cell.line
    parent[place:last] = [tabs]


def _tab(title, sync, content, *classes):
    label = nodes.rubric(title, title, classes=["sd-tab-label"], sync_id=sync, **SYNC)
    panel = create_component("tab-content", ["sd-tab-content", *classes], children=content)
    return create_component("tab-item", ["sd-tab-item"], children=[label, panel])


def _with_hints(cell):
    """The exercise, its check, the line for who is stuck, and the hints, as they follow one another."""
    found, parent = [], cell.parent
    is_open = False
    for node in parent.children[parent.index(cell) :]:
        is_open = is_open or _opens(node)
        if not (is_open or _name(node) == _name(cell) or _is_way_out(node)):
            break
        found.append(node)
        is_open = is_open and not _closes(node)
    return found


def _name(node):
    """The exercise that a cell belongs to, or None."""
    return node.get("cell_metadata", {}).get("headstart", {}).get("exercise") if hasattr(node, "get") else None


def _is_way_out(node):
    return isinstance(node, nodes.paragraph) and node.astext().startswith("Stuck?")


def _opens(node):
    return isinstance(node, nodes.raw) and node.astext().startswith("<details")


def _closes(node):
    """Whether the last hint ends here: what closes one may open the next."""
    return isinstance(node, nodes.raw) and node.astext().rstrip().endswith("</details>")


def _copy(node):
    """The node once more, without what makes it unique."""
    twin = node.deepcopy()
    for part in twin.findall(nodes.Element):
        part["ids"], part["names"] = [], []
        part.attributes.pop("cell_metadata", None)
    return twin


def _way(twin):
    """Where the reader writes it: a link to its section, with the name of the movement that it is in."""
    section = movement = twin.parent
    while movement.parent.parent is not twin.document and isinstance(movement.parent, nodes.section):
        movement = movement.parent
    link = nodes.reference("", movement.next_node(nodes.title).astext(), refid=section["ids"][0], internal=True)
    return nodes.paragraph("", "", nodes.Text("Written and checked below, in "), link, nodes.Text("."))
