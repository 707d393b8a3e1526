"""Rows read through a block table: laws, known mistakes, accepted styles; and what the paged exercises share."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

gather_blocks = exercise("gather_blocks", "paged", chapter="generation", wings=("in_numpy",))


def draw_pool(draw, n_blocks=6, block_size=3, d=2):
    """A pool, and all its block numbers in random order."""
    return draw(n_blocks, block_size, d), draw.rng.permutation(n_blocks)


def rows_by_loops(pool, table, length):
    """Row t of a sequence, one at a time."""
    size = pool.shape[1]
    rows = [pool[table[t // size], t % size] for t in range(length)]
    return np.array(rows).reshape(length, pool.shape[-1])


@gather_blocks.law
def rows_stand_in_the_tables_order(candidate, draw):
    """Row t is row t mod block_size of the table's block t div block_size; rows behind `length` are not returned."""
    for n_blocks, block_size, d in ((6, 3, 2), (4, 1, 5), (5, 4, 1), (1, 2, 3)):
        pool, order = draw_pool(draw, n_blocks, block_size, d)
        for m in range(1, n_blocks + 1):
            length = m * block_size - int(draw.rng.integers(block_size))
            agree(candidate(pool, order[:m], length), rows_by_loops(pool, order[:m], length), f"{m} blocks: the rows")


@gather_blocks.law
def the_place_in_the_pool_is_free(candidate, draw):
    """Blocks moved to other places of the pool, with the table, change nothing; a block may be read twice."""
    pool, table = draw_pool(draw)
    moved = draw.rng.permutation(len(pool))
    other = np.empty_like(pool)
    other[moved] = pool
    agree(candidate(other, moved[table], 17), rows_by_loops(pool, table, 17), "the rows after the blocks were moved")
    agree(candidate(pool, table[[0, 0, 1]], 8), rows_by_loops(pool, table[[0, 0, 1]], 8), "the rows of a table 0, 0, 1")


@gather_blocks.law
def more_rows_than_blocks_are_refused(candidate, draw):
    """A length beyond the table's blocks is refused by an exception: there is nothing to read there."""
    pool, table = draw_pool(draw)
    agree(candidate(pool, table[:2], 6), rows_by_loops(pool, table[:2], 6), "the rows of two full blocks")
    expect(candidate.refuses(pool, table[:2], 7), "it read 7 rows from two blocks of 3, it should raise ValueError")


@gather_blocks.law
def blocks_to_spare_are_not_read(candidate, draw):
    """A table may hold more blocks than the rows need, none of them in use at the beginning."""
    pool, table = draw_pool(draw)
    for length in (5, 3, 1, 0):
        agree(candidate(pool, table[:4], length), rows_by_loops(pool, table, length), f"{length} rows of 4 blocks of 3")


@gather_blocks.mutant("the pool read in its own order: the table was not used")
def table_ignored(pool, table, length):
    return pool[: len(table)].reshape(-1, pool.shape[-1])[:length]


@gather_blocks.mutant("the table's blocks in sorted order instead of the sequence's")
def sorted_table(pool, table, length):
    return pool[np.sort(table)].reshape(-1, pool.shape[-1])[:length]


@gather_blocks.mutant("whole blocks: unused rows of the last block are returned too")
def whole_blocks(pool, table, length):
    return pool[table].reshape(-1, pool.shape[-1])


@gather_blocks.mutant("block and row exchanged: row t was looked up in block t mod m")
def striped(pool, table, length):
    return pool[table].swapaxes(0, 1).reshape(-1, pool.shape[-1])[:length]


@gather_blocks.mutant("the last block dropped when it is not full")
def full_blocks_only(pool, table, length):
    return pool[table].reshape(-1, pool.shape[-1])[: length // pool.shape[1] * pool.shape[1]]


@gather_blocks.mutant("every block but the table's last read whole: blocks to spare come with it")
def last_block_cut(pool, table, length):
    part = length % pool.shape[1] or pool.shape[1]
    return np.concatenate([*(pool[number] for number in table[:-1]), pool[table[-1]][:part]])


@gather_blocks.style
def by_flat_row_numbers(pool, table, length):
    """Row numbers in the flattened pool."""
    t, size = np.arange(length), pool.shape[1]
    return pool.reshape(-1, pool.shape[-1])[np.asarray(table)[t // size] * size + t % size]


@gather_blocks.style
def block_after_block(pool, table, length):
    """Blocks joined one after another."""
    assert length <= len(table) * pool.shape[1], "not enough blocks"
    return np.concatenate([pool[number] for number in table])[:length]
