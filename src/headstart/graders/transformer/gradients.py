"""Gradients of a whole block or model: all arrays it was given are moved at once, along one random direction."""

import numpy as np

from headstart.graders.kit import Broken, agree


def gradients_agree(candidate, draw, function, g, *args):
    """Raise Broken unless every float array among the arguments, however deep, gets its gradient.

    function  the same computation in NumPy, of which central differences are taken
    g         array like the output: the gradients are those of sum(g · output)
    """
    floats = []
    on_floats(floats.append, args)
    directions, gradients = [draw(*array.shape) for array in floats], candidate.gradients(g, *args)

    def check(chosen, what):
        got = sum(np.sum(gradients[i] * directions[i]) for i in chosen)
        moves = {id(floats[i]): directions[i] for i in chosen}
        agree(got, slope_along(moves, function, g, args), f"{what}, along a random direction,", atol=1e-4)

    try:
        check(range(len(floats)), "the gradient of everything")
    except Broken:  # which one is it?
        for i, array in enumerate(floats):
            check([i], f"the gradient of input array {i + 1} of {len(floats)}, of shape {array.shape}")
        raise


def slope_along(moves, function, g, args, step=1e-7):
    """The central difference of sum(g · function(*args)) as arrays, known by their ids, move along directions."""

    def moved(by):
        return on_floats(lambda array: array + by * moves[id(array)] if id(array) in moves else array, args)

    high, low = function(*moved(step)), function(*moved(-step))  # a short step seldom crosses the kink of a ReLU
    return np.sum(g * (high - low)) / (2 * step)


def on_floats(function, tree):
    """Nested dicts, lists and tuples with the function applied to every float array; all else is kept."""
    if isinstance(tree, dict):
        return {name: on_floats(function, part) for name, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(on_floats(function, part) for part in tree)
    return function(tree) if isinstance(tree, np.ndarray) and tree.dtype.kind == "f" else tree
