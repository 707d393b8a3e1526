"""Counting the tokens of an image: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

image_tokens = exercise("image_tokens", "multimodal_tokens", chapter="multimodal", wings=("in_numpy",))

IMAGES = (  # height, width, patch, merge: wide ones, squares, ones that need padding, ones smaller than a patch
    (480, 640, 14, 2), (224, 224, 14, 2), (336, 336, 14, 1), (480, 640, 16, 1), (5, 9, 2, 3), (3, 4, 16, 1),
    (100, 29, 14, 2), (7, 7, 1, 1), (1, 50, 7, 2), (896, 896, 14, 4),
)  # fmt: skip


def covered(height, width, patch, merge=1):
    """Walk over the image in steps of one group of patches."""
    return len(range(0, height, patch * merge)) * len(range(0, width, patch * merge))


@image_tokens.law
def every_group_of_patches_is_a_token(candidate, draw):
    """The count is that of the squares of patch · merge pixels that cover the image: a whole number."""
    for image in IMAGES:
        whole(candidate(*image), covered(*image), f"the count for {image}")


@image_tokens.law
def nothing_is_merged_by_default(candidate, draw):
    """Without `merge` every patch is a token."""
    for height, width, patch, _ in IMAGES:
        what = f"the count for {(height, width, patch)}"
        whole(candidate(height, width, patch), covered(height, width, patch), what)


@image_tokens.law
def doubling_the_sides_takes_four_times_the_tokens(candidate, draw):
    """Twice the height and the width: four times the tokens. Merging two by two: a quarter."""
    for side in (2, 5, 8):
        one = candidate(14 * side, 28 * side, 14)
        whole(candidate(28 * side, 56 * side, 14), 4 * one, "the count for twice the sides")
        whole(candidate(28 * side, 56 * side, 14, 2), one, "the count for twice the sides, merged two by two")


@image_tokens.law
def refuses_sizes_of_nothing(candidate, draw):
    """A size below one is refused by an exception."""
    for sizes in ((0, 5, 2, 1), (5, 0, 2, 1), (5, 5, 0, 1), (5, 5, 2, 0), (-5, 5, 2, 1), (5, 5, -2, -1)):
        expect(candidate.refuses(*sizes), f"it counted an image of {sizes}, it should raise ValueError")


@image_tokens.mutant("a count that drops the pixels at the edges: // rounds down where padding rounds up")
def edges_dropped(height, width, patch, merge=1):
    return (height // (patch * merge)) * (width // (patch * merge))


@image_tokens.mutant("a count from the area: pixels divided by pixels a token, rounded up once")
def from_the_area(height, width, patch, merge=1):
    return -(-height * width // (patch * merge) ** 2)


@image_tokens.mutant("a count divided by merge instead of merge²: joined in one direction alone")
def merged_in_one_direction(height, width, patch, merge=1):
    return -(-height // patch) * -(-width // (patch * merge))


@image_tokens.mutant("a count before merging: every patch is a token")
def not_merged(height, width, patch, merge=1):
    return covered(height, width, patch)


@image_tokens.mutant("a count along one side of the image, not over its area")
def one_side(height, width, patch, merge=1):
    return -(-height // (patch * merge))


@image_tokens.mutant("a count with one token more: a class token")
def with_a_class_token(height, width, patch, merge=1):
    return covered(height, width, patch, merge) + 1


@image_tokens.mutant("a count for a square image of this height")
def square_image(height, width, patch, merge=1):
    return covered(height, height, patch, merge)


@image_tokens.style
def patches_then_groups(height, width, patch, merge=1):
    """Patches first, then groups of them, by whole division with a remainder."""
    if min(height, width, patch, merge) < 1:
        raise ValueError("nothing to count")
    rows, columns = (side // patch + (side % patch > 0) for side in (height, width))
    return -(-rows // merge) * -(-columns // merge)
