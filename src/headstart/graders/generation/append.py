"""Appending to a paged cache with copy-on-write: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.generation.pages import rows_by_loops
from headstart.graders.kit import agree, exercise, expect

append_paged = exercise("append_paged", "paged", chapter="generation", wings=("in_numpy",))


def draw_sequences(draw, lengths=(4,), shared=0, block_size=3, n_blocks=8, d=2):
    """A pool, its owners and a table for each sequence; the first `shared` blocks of the first are in all tables."""
    order, tables, owners = list(draw.rng.permutation(n_blocks)), [], np.zeros(n_blocks, dtype=int)
    for length in lengths:
        m = -(-length // block_size)
        common = list(tables[0][:shared]) if tables else []
        tables.append(np.array(common + [order.pop() for _ in range(m - len(common))], dtype=int))
        owners[tables[-1]] += 1
    return draw(n_blocks, block_size, d), owners, tables


def appended(candidate, pool, owners, table, length, row):
    """The candidate's three arrays, checked as far as every append allows."""
    got = candidate(pool, owners, table, length, row)
    expect(isinstance(got, tuple | list) and len(got) == 3, "the result should be three arrays: pool, owners, table")
    expect(all(isinstance(array, np.ndarray) for array in got), "pool, owners and table should all be arrays")
    new_pool, new_owners, new_table = got
    expect(new_pool.shape == pool.shape, f"the pool has shape {new_pool.shape}, it had {pool.shape}")
    expect(new_owners.shape == owners.shape, f"owners has shape {new_owners.shape}, it had {owners.shape}")
    expect(new_table.dtype.kind in "iu", f"the table is of {new_table.dtype}, it should be whole numbers")
    m = -(-(length + 1) // pool.shape[1])
    expect(new_table.shape == (m,), f"the table has shape {new_table.shape}, {length + 1} rows need ({m},)")
    want = np.vstack([rows_by_loops(pool, table, length), row])
    agree(rows_by_loops(new_pool, new_table, length + 1), want, "the sequence read back")
    return new_pool, new_owners, new_table


@append_paged.law
def the_row_is_read_back(candidate, draw):
    """The sequence read through its table is what it was, with the new row behind it, across block borders."""
    pool, owners, (table,) = draw_sequences(draw, (2,))
    for length in range(2, 11):
        pool, owners, table = appended(candidate, pool, owners, table, length, draw(2))


@append_paged.law
def new_blocks_come_from_the_free(candidate, draw):
    """A full last block, or none at all, takes the first free block and gives it one owner."""
    for lengths in ((3, 5), (0, 7)):
        pool, owners, tables = draw_sequences(draw, lengths)
        _, new_owners, table = appended(candidate, pool, owners, tables[0], lengths[0], draw(2))
        free = int(np.flatnonzero(owners == 0)[0])
        expect(table[-1] == free, f"the table ends with block {table[-1]}, the first free one is {free}")
        agree(new_owners, owners + (np.arange(8) == free), "owners")


@append_paged.law
def a_shared_block_is_copied(candidate, draw):
    """A last block with another owner is copied to the first free block; what the other reads stays as it was."""
    for owner_count in (2, 3):
        lengths = (5,) * owner_count
        pool, owners, tables = draw_sequences(draw, lengths, shared=2)
        new_pool, new_owners, table = appended(candidate, pool, owners, tables[0], 5, draw(2))
        agree(rows_by_loops(new_pool, tables[1], 5), rows_by_loops(pool, tables[1], 5), "what the other one reads")
        free, shared = int(np.flatnonzero(owners == 0)[0]), tables[0][-1]
        want = owners + (np.arange(8) == free) - (np.arange(8) == shared)
        agree(new_owners, want, "owners after the copy")
        agree(table, [tables[0][0], free], "the table after the copy")


@append_paged.law
def nothing_is_copied_without_need(candidate, draw):
    """A block of one's own is written in place, even if none is free; a shared full one is left as it is."""
    pool, owners, tables = draw_sequences(draw, (5, 4))
    appended(candidate, pool, np.maximum(owners, 1), tables[0], 5, draw(2))
    _, new_owners, table = appended(candidate, pool, owners, tables[0], 5, draw(2))
    agree(table, tables[0], "the table of a sequence with room in a block of its own")
    agree(new_owners, owners, "owners")
    pool, owners, tables = draw_sequences(draw, (5, 5), shared=1)
    _, _, table = appended(candidate, pool, owners, tables[0], 5, draw(2))
    agree(table, tables[0], "the table of a sequence whose first block is shared and whose last is its own")
    pool, owners, tables = draw_sequences(draw, (6, 6), shared=2)
    new_pool, new_owners, table = appended(candidate, pool, owners, tables[0], 6, draw(2))
    agree(table[:2], tables[0], "the shared full blocks in the table")
    agree(new_owners[table[:2]], [2, 2], "the owners of the shared full blocks")
    agree(new_pool[tables[1]], pool[tables[1]], "the shared full blocks")


@append_paged.law
def an_exhausted_pool_refuses(candidate, draw):
    """The last free block is taken; no free block, or a table that does not fit, is refused by an exception."""
    pool, owners, tables = draw_sequences(draw, (3, 5))
    one_free = np.where(np.arange(8) == np.flatnonzero(owners == 0)[-1], 0, np.maximum(owners, 1))
    appended(candidate, pool, one_free, tables[0], 3, draw(2))
    for table, length, full in ((tables[0], 3, True), (tables[1], 2, False), (tables[1], 7, False)):
        refused = candidate.refuses(pool, owners + full, table, length, draw(2))
        expect(refused, "it appended without a free block" if full else f"it took 2 blocks of 3 for length {length}")
    pool, owners, tables = draw_sequences(draw, (5, 5), shared=2)
    refused = candidate.refuses(pool, np.maximum(owners, 1), tables[0], 5, draw(2))
    expect(refused, "it appended to a shared block without a free one to copy it to")


def append_with(copy=True, give_up=True, rows=True, own=True):
    """A right append, or one that does not copy, counts wrongly or copies no rows."""

    def append(pool, owners, table, length, row):
        pool, owners, table = pool.copy(), owners.copy(), list(table)
        assert len(table) == -(-length // pool.shape[1]), "table and length"
        slot, free = length % pool.shape[1], np.flatnonzero(owners == 0)
        if slot == 0 or (copy and owners[table[-1]] > 1):
            fresh = free[0]
            owners[fresh] += own
            if slot == 0:
                table.append(fresh)
            else:
                owners[table[-1]] -= give_up
                if rows:
                    pool[fresh] = pool[table[-1]]
                table[-1] = fresh
        pool[table[-1], slot] = row
        return pool, owners, np.array(table)

    return append


@append_paged.mutant("no copy on write: the row is written into a block that others read")
def written_into_shared(*args):
    return append_with(copy=False)(*args)


@append_paged.mutant("a copy whose old block keeps its count: it can never become free")
def owner_never_leaves(*args):
    return append_with(give_up=False)(*args)


@append_paged.mutant("an empty copy: the rows before the new one were left in the shared block")
def empty_copy(*args):
    return append_with(rows=False)(*args)


@append_paged.mutant("a new block without an owner: it still counts as free and will be given out again")
def nobody_owns_it(*args):
    return append_with(own=False)(*args)


@append_paged.mutant("the position not advanced: the new row is written over the newest one")
def over_the_newest(pool, owners, table, length, row):
    pool = pool.copy()
    pool[table[-1], (length - 1) % pool.shape[1]] = row
    return pool, owners.copy(), np.array(table)


@append_paged.mutant("a copy whenever the block before is shared, even when it is full and only read")
def copies_full_blocks(pool, owners, table, length, row):
    right = append_with()
    if len(table) and length % pool.shape[1] == 0 and owners[table[-1]] > 1:
        pool, owners, table = pool.copy(), owners.copy(), np.array(table)
        fresh = np.flatnonzero(owners == 0)[0]
        pool[fresh], table[-1] = pool[table[-1]], fresh
        owners[fresh] += 1
    return right(pool, owners, table, length, row)


@append_paged.style
def append_by_cases(pool, owners, table, length, row):
    """Three cases written out, one after another."""
    if -(-length // pool.shape[1]) != len(table):
        raise IndexError("the table does not fit")
    pool, owners, table = np.array(pool), np.array(owners), np.array(table, dtype=int)
    block, slot = divmod(length, pool.shape[1])
    needs_new = slot == 0
    needs_copy = not needs_new and owners[table[block]] != 1
    if needs_new or needs_copy:
        fresh = int(np.argmin(owners))
        if owners[fresh] != 0:
            raise RuntimeError("out of blocks")
        if needs_copy:
            pool[fresh] = pool[table[block]]
            owners[table[block]] -= 1
            table = np.append(table[:block], fresh)
        else:
            table = np.append(table, fresh)
        owners[fresh] = 1
    pool[table[block], slot] = row
    return pool, owners, table
