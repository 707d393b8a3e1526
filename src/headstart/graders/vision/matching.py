"""The cheapest matching of queries with targets: laws, known mistakes, accepted styles."""

import itertools

import numpy as np

from headstart.graders.kit import agree, exercise, expect

match_queries = exercise("match_queries", "detection", chapter="vision", wings=("in_numpy",))

SHAPES = ((4, 3), (5, 2), (3, 3), (6, 1), (5, 4), (1, 1))
THREE_MOVE = np.array([[2.0, 6.0, 2.0], [2.0, 1.0, 1.0], [5.0, 2.0, 5.0], [4.0, 6.0, 4.0]])  # exchanging two won't do
IN_A_RING = np.array([[1.0, 0.0, 9.0], [9.0, 1.0, 0.0], [0.0, 9.0, 1.0]])  # exchanging two of the first three won't do
GREEDY_LOSES = np.array([[1.0, 2.0], [2.0, 9.0], [8.0, 8.5]])  # the cheapest pair first: 1 + 8.5; best: 2 + 2


def cheapest(cost):
    """The lowest total over every choice of distinct queries."""
    choices = itertools.permutations(range(cost.shape[0]), cost.shape[1])
    return min(sum(cost[i, j] for j, i in enumerate(chosen)) for chosen in choices)


def total_of(matched, cost):
    """The total cost of a matching, after its form was checked."""
    matched = np.asarray(matched)
    num_queries, num_targets = cost.shape
    expect(matched.shape == (num_targets,), f"the matching has shape {matched.shape}, it should be ({num_targets},)")
    expect(matched.dtype.kind in "iu", f"the matching is an array of {matched.dtype}, it should hold whole numbers")
    expect(((matched >= 0) & (matched < num_queries)).all(), f"it names the queries {matched}, there are {num_queries}")
    expect(len(set(matched.tolist())) == num_targets, f"it gives one query to two targets: {matched}")
    return cost[matched, np.arange(num_targets)].sum()


@match_queries.law
def the_lowest_total(candidate, draw):
    """Every target gets a query of its own, and no other choice is cheaper in total."""
    for shape in SHAPES:
        for _ in range(3):
            cost = draw(*shape)
            agree(
                total_of(candidate(cost), cost), cheapest(cost), f"the total of {shape[0]} queries, {shape[1]} targets"
            )


@match_queries.law
def the_first_is_not_always_the_best(candidate, draw):
    """Where the cheapest pair leaves a dear one, it is not taken."""
    for cost in (GREEDY_LOSES, GREEDY_LOSES[:, ::-1].copy(), GREEDY_LOSES[:2]):
        agree(total_of(candidate(cost), cost), 4.0, "the total where the cheapest pair misleads")
    for cost, total in ((THREE_MOVE, 5.0), (1e6 * THREE_MOVE, 5e6), (IN_A_RING, 0.0)):
        agree(total_of(candidate(cost), cost), total, "the total where exchanging two queries is not enough")


@match_queries.law
def a_wish_for_all_is_no_wish(candidate, draw):
    """Adding a number to a column changes the total by this number and the choice not at all; equal costs are fine."""
    cost = draw(5, 3)
    moved = np.asarray(candidate(cost + np.array([3.0, -2.0, 0.5])))
    agree(moved, np.asarray(candidate(cost)), "the choice")
    agree(total_of(candidate(np.ones((4, 3))), np.ones((4, 3))), 3.0, "the total of equal costs")


@match_queries.law
def images_without_targets(candidate, draw):
    """No target: an empty matching. More targets than queries: an exception."""
    expect(np.shape(candidate(draw(3, 0))) == (0,), "without targets the matching should be empty, of shape (0,)")
    expect(candidate.refuses(draw(2, 3)), "it matched three targets with two queries, it should raise")


@match_queries.mutant("for each target the query that is cheapest for it: two targets may share one")
def each_its_best(cost):
    return cost.argmin(axis=0)


@match_queries.mutant("a greedy matching: each target in turn takes the cheapest query that is left")
def in_turn(cost):
    left, taken = cost.copy(), []
    for j in range(cost.shape[1]):
        taken.append(int(left[:, j].argmin()))
        left[taken[-1]] = np.inf
    return np.array(taken, dtype=int)


@match_queries.mutant("a greedy matching: the cheapest pair of all first, then the next")
def cheapest_pair_first(cost):
    left, matched = cost.copy(), np.zeros(cost.shape[1], dtype=int)
    for _ in range(cost.shape[1]):
        i, j = np.unravel_index(left.argmin(), left.shape)
        matched[j] = i
        left[i], left[:, j] = np.inf, np.inf
    return matched


@match_queries.mutant("the dearest matching: the sign is wrong")
def dearest(cost):
    return best_of(-cost)


@match_queries.mutant("the target of each query instead of the query of each target")
def the_other_way(cost):
    owner = np.full(cost.shape[0], -1)
    owner[best_of(cost)] = np.arange(cost.shape[1])
    return owner


@match_queries.mutant("the first queries in the order that is cheapest: the others are never tried")
def first_queries(cost):
    return best_of(cost[: cost.shape[1]])


def best_of(cost):
    """The cheapest choice of all."""
    choices = itertools.permutations(range(cost.shape[0]), cost.shape[1])
    best = min(choices, key=lambda chosen: sum(cost[i, j] for j, i in enumerate(chosen)))
    return np.array(best, dtype=int)


@match_queries.style
def target_by_target(cost):
    """Recursion over targets with what is left."""
    if cost.shape[1] > cost.shape[0]:
        raise ValueError("too few queries")

    def best(j, free):
        if j == cost.shape[1]:
            return 0.0, []
        options = []
        for i in free:
            rest, chosen = best(j + 1, free - {i})
            options.append((cost[i, j] + rest, [i, *chosen]))
        return min(options)

    return np.array(best(0, frozenset(range(len(cost))))[1], dtype=int)


@match_queries.style
def by_augmenting_paths(cost):
    """The Hungarian method: shortest augmenting paths with a price for every query and target."""
    n, m = cost.shape[1], cost.shape[0]
    assert n <= m
    u, v, owner, way = np.zeros(n + 1), np.zeros(m + 1), np.zeros(m + 1, int), np.zeros(m + 1, int)
    for i in range(1, n + 1):
        owner[0], j0 = i, 0
        least, used = np.full(m + 1, np.inf), np.zeros(m + 1, bool)
        while owner[j0] != 0:
            used[j0] = True
            open_ = [j for j in range(1, m + 1) if not used[j]]
            for j in open_:
                slack = cost[j - 1, owner[j0] - 1] - u[owner[j0]] - v[j]
                if slack < least[j]:
                    least[j], way[j] = slack, j0
            nearest = min(open_, key=lambda j: least[j])
            delta = least[nearest]
            u[owner[used]] += delta
            v[used] -= delta
            least[~used] -= delta
            j0 = nearest
        while j0:
            owner[j0], j0 = owner[way[j0]], way[j0]
    matched = np.zeros(n, dtype=int)
    matched[owner[1:][owner[1:] > 0] - 1] = np.flatnonzero(owner[1:])
    return matched
