"""Tokens dealt out so that all ranks have as much to do: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.scale.witness import refuses, whole_numbers

zigzag_positions = exercise("zigzag_positions", "ranks", chapter="scale", wings=("in_numpy",))

CASES = ((8, 2), (8, 4), (12, 2), (12, 3), (2, 1), (48, 4))


@zigzag_positions.law
def an_early_and_a_late_run(candidate, draw):
    """Of 2R runs of tokens rank r gets the runs r and 2R - 1 - r, in this order."""
    for T, R in CASES:
        run = T // (2 * R)
        want = [[*range(r * run, (r + 1) * run), *range(T - (r + 1) * run, T - r * run)] for r in range(R)]
        whole_numbers(candidate(T, R), want, f"the places of {T} tokens on {R} ranks")


@zigzag_positions.law
def the_work_is_even(candidate, draw):
    """Every rank's queries together have the same number of keys at their places and before."""
    for T, R in CASES:
        work = (np.asarray(candidate(T, R)) + 1).sum(axis=1).tolist()
        expect(len(set(work)) == 1 and len(work) == R, f"{T} tokens on {R} ranks: pairs of each rank {work}")


@zigzag_positions.law
def nobody_is_lost(candidate, draw):
    """Every token is on one rank, once."""
    for T, R in CASES:
        places = np.sort(np.ravel(candidate(T, R)))
        whole_numbers(places, np.arange(T), f"the places of {T} tokens on {R} ranks, sorted,")


@zigzag_positions.law
def uneven_sequences_are_refused(candidate, draw):
    """Tokens that do not divide into 2R runs, and sizes below one, raise an exception."""
    for T, R in ((9, 3), (6, 2), (0, 1), (0, 2), (8, 0), (8, -1), (-8, 2)):
        refuses(candidate, T, R, why="there are no 2R even runs")


def with_runs(order):
    """An answer that gives rank r the runs order(r, R), with the right refusals."""

    def places(T, num_ranks):
        if min(T, num_ranks) < 1 or T % (2 * num_ranks):
            raise ValueError("uneven")
        runs = np.arange(T).reshape(2 * num_ranks, -1)
        return np.stack([np.concatenate([runs[i] for i in order(r, num_ranks)]) for r in range(num_ranks)])

    return places


@zigzag_positions.mutant("consecutive runs: the last rank has the most keys before it")
def consecutive_runs(*args):
    return with_runs(lambda r, R: (2 * r, 2 * r + 1))(*args)


@zigzag_positions.mutant("runs r and r + R: the late runs are dealt out in the same order, so the last rank works most")
def dealt_forward_twice(*args):
    return with_runs(lambda r, R: (r, r + R))(*args)


@zigzag_positions.mutant("the late run first: places that do not rise")
def late_run_first(*args):
    return with_runs(lambda r, R: (2 * R - 1 - r, r))(*args)


@zigzag_positions.mutant("runs r and 2R - r: off by one, rank 0's second run does not exist and wraps around")
def off_by_one(*args):
    return with_runs(lambda r, R: (r, (2 * R - r) % (2 * R)))(*args)


@zigzag_positions.mutant("every R-th token to a rank (striped): nearly even, but the last rank still works most")
def striped(T, num_ranks):
    with_runs(lambda r, R: (r,))(T, num_ranks)
    return np.arange(T).reshape(-1, num_ranks).T


@zigzag_positions.style
def token_by_token(T, num_ranks):
    """A list for each rank, token by token."""
    assert T > 0 < num_ranks, "sizes"
    assert T % (2 * num_ranks) == 0, "uneven"
    run, places = T // (2 * num_ranks), [[] for _ in range(num_ranks)]
    for t in range(T):
        places[min(t // run, 2 * num_ranks - 1 - t // run)].append(t)
    return places
