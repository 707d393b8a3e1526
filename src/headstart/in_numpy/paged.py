"""A paged cache: rows live in blocks of one pool, sequences in tables of block numbers, equal beginnings are shared."""

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(pool="n_blocks block_size d", block_table="m")
def gather_blocks(pool, block_table, length):
    """Read a sequence's rows out of the pool, in order.

    pool         (n_blocks, block_size, d)   every sequence's keys (or values)
    block_table  (m,)                        whole numbers: the sequence's blocks, first to last
    length       int                         rows in use, at most m · block_size, else ShapeError (a ValueError)
    return       (length, d)                 row t is row t mod block_size of block block_table[t div block_size]

    Law: where the blocks lie in the pool makes no difference.
    Source: Kwon et al. 2023, section 4.1.
    """
    block_size, d = pool.shape[1:]
    if length > len(block_table) * block_size:
        raise ShapeError(f"gather_blocks: {len(block_table)} blocks of {block_size} rows do not hold {length}")
    return pool[block_table].reshape(-1, d)[:length]


@shapes(pool="n_blocks block_size d", owners="n_blocks", block_table="m", row="d")
def append_paged(pool, owners, block_table, length, row):
    """Append one row to a sequence; a block that others read too is copied before it is written.

    pool         (n_blocks, block_size, d)
    owners       (n_blocks,)                 whole numbers: how many sequences use each block, 0: it is free
    block_table  (m,)                        whole numbers: the sequence's blocks, m = length / block_size rounded up
    length       int                         rows of the sequence so far; else ShapeError (a ValueError)
    row          (d,)                        the new row, for position length
    return       pool, owners, block_table   with the row written; the arrays given stay as they are

    A full last block (or none): the first free block is taken. A shared last block that is not full: it is copied to
    the first free block, its owners lose one, and the table names the copy. No free block: ValueError.
    Law: what any other sequence reads stays as it was.
    Source: Kwon et al. 2023, sections 4.3 and 4.4.
    """
    block_size = pool.shape[1]
    if len(block_table) != -(-length // block_size):
        raise ShapeError(f"append_paged: {len(block_table)} blocks of {block_size} rows do not fit length {length}")
    pool, owners, table = pool.copy(), owners.copy(), list(block_table)
    slot = length % block_size
    if slot == 0:
        table.append(take_free(owners))
    elif owners[table[-1]] > 1:
        shared, table[-1] = table[-1], take_free(owners)
        owners[shared] -= 1
        pool[table[-1]] = pool[shared]
    pool[table[-1], slot] = row
    return pool, owners, np.array(table)


def take_free(owners):
    """Give the first free block an owner and return its number."""
    free = np.flatnonzero(owners == 0)
    if len(free) == 0:
        raise ValueError("append_paged: no block is free")
    owners[free[0]] = 1
    return free[0]


@shapes(cached="T_k", tokens="T_q")
def reusable_prefix(cached, tokens, block_size=1):
    """Count the tokens of a new prompt whose keys and values can be taken from a cached sequence.

    cached      (T_k,)   whole numbers: the tokens behind the cache
    tokens      (T_q,)   whole numbers: the new prompt
    block_size  int      at least 1 (else ValueError): only whole blocks are shared
    return      int      the common beginning, at most T_q - 1, rounded down to whole blocks

    The last token is always computed: the scores of the next one are made from its row.
    Law: an equal token counts only if every token before it is equal too.
    Source: Kwon et al. 2023, section 4.4 (shared prefix); Zheng et al. 2024, section 3.
    """
    if block_size < 1:
        raise ValueError(f"reusable_prefix: block_size must be at least 1, got {block_size}")
    most = min(len(cached), len(tokens) - 1)
    same = np.cumprod(cached[:most] == tokens[:most]).sum()
    return int(same) // block_size * block_size
