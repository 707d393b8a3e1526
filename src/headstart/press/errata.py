"""The errata: the blocks of book/errata.md, one for each false claim of a source document."""

from headstart.press import PressError, blocks
from headstart.press.evidence import anchors

LEADS = ("Claim", "Truth", "Evidence")
PAGE = "book/errata.md"
CHECKED_REFERENCE = "bibliography.md#"


def rows(root):
    """Read the errata in page order. Raises PressError, one sentence with file and line."""
    found = {}
    for block in blocks.read(root / PAGE, root, "err", LEADS):
        if block.id in found:
            raise PressError(f"{block.place} {block.id} is the id of another erratum as well ({found[block.id].place})")
        if not block.seeds:
            raise PressError(f"{block.place} {block.id} needs `% seeds:` with the item that makes the claim")
        found[block.id] = block
    return list(found.values())


def faults(row, seed_ids, cells):
    """Sentences on what an erratum lacks, with the ids of the seed map and the labelled cells of the course.

    A claim about a publication is refuted by the checked bibliography, every other claim by a cell that asserts.
    """
    labels = anchors(row.parts["Evidence"])
    cited = any(target.startswith(CHECKED_REFERENCE) for target in row.links("Evidence"))
    idle = [label for label in labels if label not in cells or not cells[label].asserts]
    strange = [seed for seed in row.seeds if seed not in seed_ids]
    complaints = [
        (not labels and not cited, "its Evidence links to no cell (#ev-…)"),
        (idle, f"no asserting cell has the label {', '.join(idle)}"),
        (strange, f"the seed map has no item {', '.join(strange)}"),
    ]
    return [f"{row.place} {row.id}: {sentence}" for wrong, sentence in complaints if wrong]
