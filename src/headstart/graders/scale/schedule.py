"""Who works on which block when: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.scale.witness import refuses, whole_numbers

ring_schedule = exercise("ring_schedule", "ranks", chapter="scale", wings=("in_numpy",))


def passed_on(R):
    """The blocks of all ranks at all steps, by passing them on."""
    held, rows = list(range(R)), []
    for _ in range(R):
        rows.append(list(held))
        held = [held[rank - 1] for rank in range(R)]
    return np.array(rows)


@ring_schedule.law
def blocks_are_passed_on(candidate, draw):
    """Rank r starts with block r; after each step rank r + 1 holds what rank r held, the first what the last held."""
    for R in (1, 2, 3, 4, 7):
        whole_numbers(candidate(R), passed_on(R), f"the schedule of {R} ranks")


@ring_schedule.law
def the_future_is_skipped(candidate, draw):
    """Under a causal mask a block later than the rank's own is -1, at the step at which the rank holds it."""
    for R in (1, 2, 4, 5):
        want = passed_on(R)
        want[want > np.arange(R)] = -1
        whole_numbers(candidate(R, True), want, f"the causal schedule of {R} ranks")


@ring_schedule.law
def everybody_meets_everything(candidate, draw):
    """Each rank works on each block once; under a causal mask rank r works on r + 1 of them."""
    for R in (3, 6):
        full, causal = np.asarray(candidate(R)), np.asarray(candidate(R, True))
        expect((np.sort(full, axis=0) == np.arange(R)[:, None]).all(), f"a rank of {R} misses a block: {full.tolist()}")
        work = (causal >= 0).sum(axis=0).tolist()
        expect(work == list(range(1, R + 1)), f"the ranks of {R} work on {work} blocks, it should be 1, 2, …, {R}")


@ring_schedule.law
def there_is_a_rank(candidate, draw):
    """No ranks at all are refused by an exception."""
    for R in (0, -1):
        refuses(candidate, R, why="there is no such ring")


def schedule(rule, skip=lambda block, rank: block > rank):
    """An answer by a (wrong) rule for the block and for what is skipped."""

    def table(num_ranks, causal=False):
        if num_ranks < 1:
            raise ValueError("no ranks")
        steps, ranks = np.mgrid[:num_ranks, :num_ranks]
        block = rule(steps, ranks, num_ranks)
        return np.where(skip(block, ranks), -1, block) if causal else block

    return table


@ring_schedule.mutant("a ring that turns the other way: rank r gets what rank r + 1 held")
def other_way(*args):
    return schedule(lambda step, rank, R: (rank + step) % R)(*args)


@ring_schedule.mutant("a schedule by one step too many: rank r starts with block r - 1, its own comes last")
def own_block_last(*args):
    return schedule(lambda step, rank, R: (rank - step - 1) % R)(*args)


@ring_schedule.mutant("block s for everybody at step s: all would need the same block at once")
def same_block_for_all(*args):
    return schedule(lambda step, rank, R: step)(*args)


@ring_schedule.mutant("a schedule that skips the rank's own block as well, in which half the pairs are allowed")
def own_block_skipped(*args):
    return schedule(lambda step, rank, R: (rank - step) % R, lambda block, rank: block >= rank)(*args)


@ring_schedule.mutant("a schedule that skips the past instead of the future")
def past_skipped(*args):
    return schedule(lambda step, rank, R: (rank - step) % R, lambda block, rank: block < rank)(*args)


@ring_schedule.mutant("ranks as rows and steps as columns")
def ranks_as_rows(num_ranks, causal=False):
    return schedule(lambda step, rank, R: (rank - step) % R)(num_ranks, causal).T


@ring_schedule.mutant("a schedule in which nothing is skipped")
def nothing_skipped(num_ranks, causal=False):
    return schedule(lambda step, rank, R: (rank - step) % R)(num_ranks)


@ring_schedule.style
def by_rolling(num_ranks, causal=False):
    """Rows rolled one by one, in a list."""
    rows = [np.roll(np.arange(num_ranks), step) for step in range(num_ranks)]
    assert rows, "no ranks"
    return [[int(b) if b <= rank or not causal else -1 for rank, b in enumerate(row)] for row in rows]
