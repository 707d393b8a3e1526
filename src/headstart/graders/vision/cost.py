"""The cost of matching queries with targets: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import agree, exercise

matching_cost = exercise("matching_cost", "detection", chapter="vision", wings=("in_numpy",))

SHAPES = ((5, 4, 3), (3, 2, 3), (1, 3, 1), (6, 5, 1))  # queries, classes, targets


def draw_image(draw, queries, classes, targets):
    """Probabilities, boxes, labels (one class twice where there are targets enough) and target boxes."""
    labels = draw.rng.integers(classes, size=targets)
    labels[-1] = labels[0]
    return plain_softmax(draw(queries, classes)), draw(queries, 4), labels, draw(targets, 4)


def cost_by_loops(probabilities, boxes, labels, targets, box_weight=5.0):
    """Pair by pair."""
    cost = np.zeros((len(boxes), len(targets)))
    for i, j in np.ndindex(cost.shape):
        distance = sum(abs(boxes[i, n] - targets[j, n]) for n in range(4))
        cost[i, j] = box_weight * distance - probabilities[i, labels[j]]
    return cost


@matching_cost.law
def every_pair_has_its_cost(candidate, draw):
    """Cost [i, j] is box_weight times the distance of box i and target j, less query i's probability of j's class."""
    for shape in SHAPES:
        image = draw_image(draw, *shape)
        agree(candidate(*image, 2.0), cost_by_loops(*image, 2.0), f"the cost of {shape[0]} queries, {shape[2]} targets")


@matching_cost.law
def five_by_default(candidate, draw):
    """A unit of distance counts 5 unless said otherwise; with weight 0 the class alone counts."""
    probabilities, boxes, labels, targets = draw_image(draw, 4, 3, 2)
    image = probabilities, boxes, labels, targets
    agree(candidate(*image), cost_by_loops(*image), "the cost with the default weight")
    agree(candidate(*image, 0.0), -probabilities[:, labels], "the cost of boxes that do not count")


@matching_cost.law
def nothing_beats_a_perfect_query(candidate, draw):
    """A query that is sure of the class and has the box exactly costs -1."""
    targets = draw(3, 4)
    got = candidate(np.eye(4)[[2, 0, 1]], targets, np.array([2, 0, 1]), targets)
    agree(np.diag(got), -np.ones(3), "the cost of perfect queries")


@matching_cost.law
def order_follows_order(candidate, draw):
    """Shuffling queries shuffles rows, shuffling targets shuffles columns."""
    probabilities, boxes, labels, targets = draw_image(draw, 4, 3, 3)
    rows, columns = draw.rng.permutation(4), draw.rng.permutation(3)
    got = candidate(probabilities[rows], boxes[rows], labels[columns], targets[columns])
    want = np.asarray(candidate(probabilities, boxes, labels, targets))[rows][:, columns]
    agree(got, want, "the cost of shuffled queries and targets")


def parts(probabilities, boxes, labels, targets):
    """Signed differences of boxes (num_queries, num_targets, 4) and probabilities of the targets' classes."""
    return boxes[:, None] - targets, probabilities[:, labels]


@matching_cost.mutant("a cost that grows with the probability: the minus sign is missing")
def plus_probability(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, p = parts(probabilities, boxes, labels, targets)
    return box_weight * np.abs(steps).sum(axis=-1) + p


@matching_cost.mutant("the cost with the logarithm of the probability, as in the loss")
def minus_log(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, p = parts(probabilities, boxes, labels, targets)
    return box_weight * np.abs(steps).sum(axis=-1) - np.log(p)


@matching_cost.mutant("the cost with squared distances")
def squared(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, p = parts(probabilities, boxes, labels, targets)
    return box_weight * (steps**2).sum(axis=-1) - p


@matching_cost.mutant("the cost with the mean over the four numbers of a box instead of their sum")
def mean_distance(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, p = parts(probabilities, boxes, labels, targets)
    return box_weight * np.abs(steps).mean(axis=-1) - p


@matching_cost.mutant("the cost with the query's best class instead of the target's")
def own_best_class(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, _ = parts(probabilities, boxes, labels, targets)
    return box_weight * np.abs(steps).sum(axis=-1) - probabilities.max(axis=-1, keepdims=True)


@matching_cost.mutant("the cost with box_weight on the class and 1 on the boxes")
def weight_on_the_class(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, p = parts(probabilities, boxes, labels, targets)
    return np.abs(steps).sum(axis=-1) - box_weight * p


@matching_cost.mutant("the cost without absolute values: distances to the left and to the right cancel")
def signed(probabilities, boxes, labels, targets, box_weight=5.0):
    steps, p = parts(probabilities, boxes, labels, targets)
    return box_weight * steps.sum(axis=-1) - p


@matching_cost.style
def one_hot_classes(probabilities, boxes, labels, targets, box_weight=5.0):
    """Classes by a product with one-hot rows, distances target by target; float32 inside."""
    chosen = probabilities @ np.eye(probabilities.shape[1])[labels].T
    distances = [np.linalg.norm(boxes - target, ord=1, axis=-1) for target in targets.astype(np.float32)]
    return box_weight * np.stack(distances, axis=-1) - chosen


@matching_cost.style
def pair_after_pair(probabilities, boxes, labels, targets, box_weight=5.0):
    """Two loops."""
    return cost_by_loops(probabilities, boxes, labels, targets, box_weight)
