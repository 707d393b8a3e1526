"""Intersection over union of boxes: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise

box_iou = exercise("box_iou", "detection", chapter="vision", wings=("in_numpy",))


def draw_boxes(draw, *shape):
    """Boxes of sizes between 0.3 and 1.8 around places of moderate spread: some overlap, some do not."""
    corners = draw(*shape, 2)
    return np.concatenate([corners, corners + 0.3 + 1.5 * draw.rng.random((*shape, 2))], axis=-1)


def iou_by_loops(boxes, targets):
    """Pair by pair, side by side."""
    out = np.zeros((len(boxes), len(targets)))
    for i, (left, top, right, bottom) in enumerate(boxes):
        for j, (l2, t2, r2, b2) in enumerate(targets):
            width = max(0.0, min(right, r2) - max(left, l2))
            height = max(0.0, min(bottom, b2) - max(top, t2))
            union = (right - left) * (bottom - top) + (r2 - l2) * (b2 - t2) - width * height
            out[i, j] = width * height / union if union > 0 else 0.0
    return out


@box_iou.law
def pair_by_pair(candidate, draw):
    """The shared area divided by the area covered by either, for every pair."""
    for n, m in again((5, 4), (1, 6), (4, 1)):
        boxes, targets = draw_boxes(draw, n), draw_boxes(draw, m)
        agree(candidate(boxes, targets), iou_by_loops(boxes, targets), f"the overlap of {n} boxes with {m}")


@box_iou.law
def boxes_that_are_apart(candidate, draw):
    """Boxes that do not meet overlap by 0: beside, above, both (two negative lengths are no area), or edge to edge."""
    box = np.array([[0.0, 0.0, 2.0, 1.0]])
    others = np.array([[5.0, 0, 6, 1], [0.0, 4, 2, 5], [5.0, 4, 6, 6], [-4.0, -3, -3, -2], [2.0, 0, 3, 1]])
    agree(candidate(box, others), np.zeros((1, 5)), "the overlap of boxes that are apart")
    agree(candidate(others, box), np.zeros((5, 1)), "the overlap of boxes that are apart")


@box_iou.law
def the_same_and_inside(candidate, draw):
    """A box overlaps itself by 1, and a box inside it by the part that this fills."""
    outer, inner = np.array([[0.0, 0.0, 4.0, 5.0]]), np.array([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 4.0, 5.0]])
    agree(candidate(outer, inner), [[0.2, 1.0]], "the overlap with a box inside, and with itself")


@box_iou.law
def units_do_not_matter(candidate, draw):
    """Moving and stretching all boxes alike changes nothing."""
    boxes = draw_boxes(draw, 4)
    targets = np.concatenate([boxes[:1], draw_boxes(draw, 2)])
    for scale, move in ((10.0, 3.0), (0.01, -0.02)):
        got = candidate(scale * boxes + move, scale * targets + move)
        agree(got, iou_by_loops(boxes, targets), f"the overlap after stretching by {scale}", rtol=1e-3)


@box_iou.law
def boxes_without_area(candidate, draw):
    """A box without area overlaps nothing, not even itself: 0, not NaN."""
    flat = np.array([[1.0, 1.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    agree(candidate(flat, flat), iou_by_loops(flat, flat), "the overlap with boxes without area")


@box_iou.law
def images_are_apart(candidate, draw):
    """Leading axes are images: the boxes of each are compared with its own targets."""
    boxes, targets = draw_boxes(draw, 2, 3, 4), draw_boxes(draw, 2, 3, 2)
    want = np.array([[iou_by_loops(boxes[i, j], targets[i, j]) for j in range(3)] for i in range(2)])
    agree(candidate(boxes, targets), want, "the overlap in a batch")


def pieces(boxes, targets):
    """Corners of the shared rectangle's width and height (maybe negative), and both areas."""
    a, b = boxes[..., :, None, :], targets[..., None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    areas = [(each[..., 2:] - each[..., :2]).prod(axis=-1) for each in (a, b)]
    return sides, *areas


def ratio(shared, covered):
    """Shared over covered, 0 where nothing is covered."""
    return np.divide(
        shared, covered, out=np.zeros(np.broadcast_shapes(shared.shape, covered.shape)), where=covered != 0
    )


@box_iou.mutant("an overlap in which two negative lengths make a positive area: boxes apart overlap")
def negative_sides(boxes, targets):
    sides, a, b = pieces(boxes, targets)
    shared = sides.prod(axis=-1)
    return ratio(shared, a + b - shared)


@box_iou.mutant("the shared area divided by the sum of both areas: what is shared was counted twice")
def counted_twice(boxes, targets):
    sides, a, b = pieces(boxes, targets)
    return ratio(sides.clip(0).prod(axis=-1), a + b)


@box_iou.mutant("the shared area divided by the smaller box's area")
def by_the_smaller(boxes, targets):
    sides, a, b = pieces(boxes, targets)
    return ratio(sides.clip(0).prod(axis=-1), np.minimum(a, b))


@box_iou.mutant("the shared area divided by the target's area alone")
def by_the_target(boxes, targets):
    sides, _, b = pieces(boxes, targets)
    return ratio(sides.clip(0).prod(axis=-1), b)


@box_iou.mutant("the overlap of boxes read as (left, top, width, height)")
def read_as_sizes(boxes, targets):
    boxes, targets = (np.concatenate([x[..., :2], x[..., :2] + x[..., 2:]], axis=-1) for x in (boxes, targets))
    sides, a, b = pieces(boxes, targets)
    shared = sides.clip(0).prod(axis=-1)
    return ratio(shared, a + b - shared)


@box_iou.mutant("the overlap of boxes in whole pixels: one was added to every side")
def one_pixel_more(boxes, targets):
    boxes, targets = (x + np.array([0.0, 0.0, 1.0, 1.0]) for x in (boxes, targets))
    sides, a, b = pieces(boxes, targets)
    shared = sides.clip(0).prod(axis=-1)
    return ratio(shared, a + b - shared)


@box_iou.mutant("NaN where neither box has an area")
def nothing_by_nothing(boxes, targets):
    sides, a, b = pieces(boxes, targets)
    shared = sides.clip(0).prod(axis=-1)
    return shared / (a + b - shared)


@box_iou.style
def column_by_column(boxes, targets):
    """Four broadcast coordinates, float32 inside."""
    a, b = boxes.astype(np.float32)[..., :, None, :], targets.astype(np.float32)[..., None, :, :]
    width = np.maximum(np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]), 0)
    height = np.maximum(np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]), 0)
    shared = width * height
    union = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1]) + (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return ratio(shared, union - shared)


@box_iou.style
def with_a_tiny_number(boxes, targets):
    """A tiny number in the denominator instead of a case."""
    sides, a, b = pieces(boxes, targets)
    shared = sides.clip(0).prod(axis=-1)
    return shared / (a + b - shared + 1e-9)
