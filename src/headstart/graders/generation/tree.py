"""The mask of a tree of drafts: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.stability.witness import same_mask

tree_mask = exercise("tree_mask", "speculative", chapter="generation", wings=("in_numpy",))

TREES = ([-1], [-1, 0, 1, 2], [-1, 0, 0, 1, 1, 2], [-1, -1, 0, 1, 2, 0], [-1, -1, -1])


def ancestors(parents, i):
    """The token and everything above it."""
    line = []
    while i >= 0 and i not in line:  # a circle ends, too
        line.append(i)
        i = int(parents[i])
    return line


def tree_by_loops(parents):
    """One token and one key at a time."""
    return np.array([[j in ancestors(parents, i) for j in range(len(parents))] for i in range(len(parents))])


def draw_tree(draw, T):
    """A random tree."""
    return np.array([draw.rng.integers(-1, max(i, 1)) if i else -1 for i in range(T)])


@tree_mask.law
def sees_itself_and_its_ancestors(candidate, draw):
    """A token sees itself, its parent, its parent's parent and so on up to the root, and nothing else."""
    for parents in (*map(np.array, TREES), draw_tree(draw, 7), draw_tree(draw, 9)):
        same_mask(candidate(parents), tree_by_loops(parents), f"the mask of {parents.tolist()}")


@tree_mask.law
def a_chain_is_causal(candidate, draw):
    """A tree without branches gives the causal mask, a forest of roots the identity."""
    T = int(draw.rng.integers(7, 10))
    same_mask(candidate(np.arange(T) - 1), np.tri(T, dtype=bool), "the mask of a chain")
    same_mask(candidate(np.full(T, -1)), np.eye(T, dtype=bool), "the mask of roots alone")


@tree_mask.law
def parents_come_first(candidate, draw):
    """A parent that is no earlier token is refused by an exception."""
    for parents in ([-1, 1], [-1, 2, 0], [-2, 0], [0, 0]):
        expect(candidate.refuses(np.array(parents)), f"it took {parents}, it should raise ValueError")


@tree_mask.mutant("parents alone: grandparents and what stands above them are not seen")
def parents_alone(parents):
    mask = np.eye(len(parents), dtype=bool)
    for i, parent in enumerate(parents):
        mask[i, parent] |= parent >= 0
    return mask


@tree_mask.mutant("a token does not see itself")
def without_itself(parents):
    return tree_by_loops(parents) & ~np.eye(len(parents), dtype=bool)


@tree_mask.mutant("the plain causal mask: branches see each other")
def plain_causal(parents):
    return np.tri(len(parents), dtype=bool)


@tree_mask.mutant("descendants instead of ancestors: the mask transposed")
def descendants(parents):
    return tree_by_loops(parents).T


@tree_mask.mutant("a root's -1 taken as an index: roots see the last token")
def root_sees_the_last(parents):
    mask = np.eye(len(parents), dtype=bool)
    for i, parent in enumerate(parents):
        mask[i] |= mask[parent]
        mask[i, parent] = True
    return mask


@tree_mask.style
def tree_by_powers(parents):
    """Powers of the matrix "is my parent"."""
    T = len(parents)
    assert all(-1 <= parent < i for i, parent in enumerate(parents)), "parents must come first"
    step = np.zeros((T, T), dtype=int)
    step[parents >= 0, parents[parents >= 0]] = 1
    return np.linalg.matrix_power(np.eye(T, dtype=int) + step, T) > 0


@tree_mask.style
def tree_by_walking(parents):
    """A walk to the root from every token."""
    if any(parent >= i or parent < -1 for i, parent in enumerate(parents.tolist())):
        raise ValueError("no tree")
    return tree_by_loops(parents)
