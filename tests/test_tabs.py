"""NumPy | PyTorch: an exercise and its twin are one set of tabs on the page, whether they are neighbours or not."""

from docutils import nodes
from docutils.utils import new_document

from headstart.press import tabs


def _cell(name, tag):
    mark = {"headstart": {"exercise": name}, "tags": [tag]}
    return nodes.container(
        "", nodes.literal_block("", f"{tag} {name}"), classes=["cell", f"tag_{tag}"], cell_metadata=mark
    )


def _set(name, *hints):
    """What the press prints for an exercise, and its hints."""
    stuck = nodes.paragraph("", "Stuck? There is an answer sheet.")
    raw = [nodes.raw("", "<details><summary>Hint</summary>", format="html"), nodes.raw("", "</details>", format="html")]
    said = [raw[0], *(nodes.paragraph("", hint) for hint in hints), raw[1]] if hints else []
    return [_cell(name, "exercise"), _cell(name, "check"), stuck, *said]


def _page(*sections):
    document = new_document("page")
    chapter = nodes.section("", nodes.title("", "Chapter"), ids=["chapter"])
    document += chapter
    for n, content in enumerate(sections):
        chapter += nodes.section("", nodes.title("", f"Movement {n}"), *content, ids=[f"movement-{n}"])
    tabs.pair(None, document)
    return document


def _sets(document):
    """The texts of both panels of every set of tabs."""
    found = document.findall(lambda node: node.get("design_component") == "tab-set" if hasattr(node, "get") else False)
    return [[item[1].astext() for item in each] for each in found]


def test_neighbours_move_into_tabs_with_their_hints():
    page = _page([*_set("softmax", "shift"), *_set("softmax_torch", "amax"), nodes.paragraph("", "And on.")])
    ((numpy, torch),) = _sets(page)
    assert [word in numpy for word in ("check softmax", "shift", "torch")] == [True, True, False]
    assert [word in torch for word in ("check softmax_torch", "amax", "shift")] == [True, True, False]
    assert page.astext().count("exercise softmax_torch") == 1
    assert "And on." not in numpy + torch


def test_a_twin_further_down_is_copied_and_stays():
    page = _page([*_set("softmax", "shift"), nodes.paragraph("", "And on.")], _set("softmax_torch"))
    ((numpy, torch),) = _sets(page)
    assert "shift" in numpy
    assert "Movement 1" in torch
    assert page.astext().count("exercise softmax_torch") == 2
    (link,) = page.findall(nodes.reference)
    assert link["refid"] == "movement-1"
    marked = [cell for cell in page.findall(nodes.container) if "cell_metadata" in cell]
    assert len(marked) == 4  # a copy is not an exercise


def test_an_exercise_without_a_twin_is_left_alone():
    page = _page([*_set("softmax"), *_set("MultiHeadAttention")])
    assert _sets(page) == []


def test_all_sets_are_in_step():
    page = _page([*_set("softmax"), *_set("softmax_torch"), *_set("look_up"), *_set("look_up_torch")])
    labels = [(label["sync_group"], label["sync_id"]) for label in page.findall(nodes.rubric)]
    assert labels == [("wing", "numpy"), ("wing", "torch")] * 2
