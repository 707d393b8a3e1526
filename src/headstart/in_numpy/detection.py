"""Detection as set prediction: how well boxes overlap, what a match costs, and the cheapest one-to-one matching."""

import itertools

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(boxes="... num_queries 4", targets="... num_targets 4")
def box_iou(boxes, targets):
    """Compare every box with every target: the area they share, divided by the area they cover together.

    boxes    (..., num_queries, 4)            left, top, right, bottom, with left <= right and top <= bottom
    targets  (..., num_targets, 4)            likewise
    return   (..., num_queries, num_targets)  from 0 (apart) to 1 (equal); 0 where neither has an area

    Law: moving or stretching all boxes alike changes nothing.
    Source: Everingham et al. 2010 (the overlap criterion of the detection task).
    """
    a = boxes[..., :, None, :]  # (..., num_queries, 1, 4)
    b = targets[..., None, :, :]  # (..., 1, num_targets, 4)
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clip(min=0).prod(axis=-1)  # (..., num_queries, num_targets)
    covered = area(a) + area(b) - shared
    return shared / np.where(covered == 0, 1, covered)


def area(boxes):
    """Width times height."""
    left, top, right, bottom = np.moveaxis(boxes, -1, 0)
    return (right - left) * (bottom - top)


@shapes(probabilities="num_queries num_classes", boxes="num_queries 4", labels="num_targets", targets="num_targets 4")
def matching_cost(probabilities, boxes, labels, targets, box_weight=5.0):
    """Say how badly each query's prediction fits each target of one image.

    probabilities  (num_queries, num_classes)   of each class, "no object" among them
    boxes          (num_queries, 4)             predicted
    labels         (num_targets,)               whole numbers: the target's class
    targets        (num_targets, 4)             the target's box
    box_weight     float                        what a unit of distance between boxes counts
    return         (num_queries, num_targets)   - probability of the target's class
                                                + box_weight · sum of |box - target| over the four numbers

    The probability, not its logarithm, so that both parts are of one size.
    Law: it is lowest, -1, where a query is sure of the class and has the box exactly.
    Source: Carion et al. 2020, section 3.1, whose box loss has a generalised IoU besides.
    """
    distance = np.abs(boxes[:, None] - targets).sum(axis=-1)  # (num_queries, num_targets)
    return box_weight * distance - probabilities[:, labels]


@shapes(cost="num_queries num_targets")
def match_queries(cost):
    """Give every target a query of its own so that the total cost is the lowest possible.

    cost    (num_queries, num_targets)   at most 8 queries, so that trying every choice will do; at least as many
                                         queries as targets, else ShapeError (a ValueError)
    return  (num_targets,)               whole numbers: the query of each target, no query twice

    Taking the cheapest pair first is not enough: it may leave a dear one. Of equally cheap choices any will do.
    Law: adding a number to a whole column changes nothing (each target takes exactly one query).
    Source: Carion et al. 2020, section 3.1, equation 1; Kuhn 1955 for the method that stays fast with more queries.
    """
    num_queries, num_targets = cost.shape
    if num_targets > num_queries:
        raise ShapeError(f"match_queries: {num_queries} queries are too few for {num_targets} targets")
    choices = np.array(list(itertools.permutations(range(num_queries), num_targets)), dtype=int)
    totals = cost[choices, np.arange(num_targets)].sum(axis=1)  # one for each choice
    return choices[totals.argmin()]
