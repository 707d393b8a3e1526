"""The map of a mask's blocks: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.scale.witness import whole_numbers

block_kinds = exercise("block_kinds", "variants", chapter="variants", wings=("in_numpy",))


def kinds_by_loops(mask, b):
    """Block by block: 2 if all are allowed, else 1 if any is, else 0."""
    rows, columns = (range(0, T, b) for T in mask.shape)
    cut = [[mask[i : i + b, j : j + b] for j in columns] for i in rows]
    return np.array([[2 if block.all() else int(block.any()) for block in row] for row in cut])


def draw_masks(draw):
    """Causal, windowed, packed and random masks, square and not."""
    random = draw.rng.random((9, 5)) < 0.5
    random[:3, :3], random[3:6, :3] = True, False
    ids = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    place = np.arange(8)[:, None] - np.arange(8)
    window = (place >= 0) & (place < 3)
    return np.tri(8, dtype=bool), window, ids[:, None] == ids, random, np.tri(3, 7, 4, dtype=bool), random[:1, :1]


@block_kinds.law
def every_block_has_its_kind(candidate, draw):
    """A block is 2 where all pairs are allowed, 0 where none is, 1 otherwise; the last ones may be smaller."""
    for mask in draw_masks(draw):
        for b in (1, 2, 3, 4, 10):
            whole_numbers(
                candidate(mask, b), kinds_by_loops(mask, b), f"the kinds of blocks of {b} of a mask {mask.shape}"
            )


@block_kinds.law
def causal_blocks(candidate, draw):
    """A causal mask has partial blocks on the diagonal, full ones below and empty ones above."""
    want = 2 * np.tri(4, 4, -1, dtype=int) + np.eye(4, dtype=int)
    agree(candidate(np.tri(12, dtype=bool), 3), want, "the kinds of a causal mask")


@block_kinds.law
def blocks_of_one_are_the_mask(candidate, draw):
    """Blocks of one pair are 2 or 0, as the mask says: nothing is partial."""
    mask = draw.rng.random((5, 7)) < 0.5
    agree(candidate(mask, 1), 2 * mask, "the kinds of blocks of one")


@block_kinds.law
def refuses_blocks_of_nothing(candidate, draw):
    """A block size below one is refused by an exception."""
    for b in (0, -1):
        expect(candidate.refuses(np.tri(4, dtype=bool), b), f"it took blocks of {b}, it should raise ValueError")


@block_kinds.mutant("kinds without the full blocks: the kernel would apply the mask everywhere")
def never_full(mask, block_size):
    return np.minimum(kinds_by_loops(mask, block_size), 1)


@block_kinds.mutant("kinds with the last, smaller blocks left out")
def last_blocks_missing(mask, block_size):
    T_q, T_k = (T // block_size * block_size for T in mask.shape)
    return kinds_by_loops(mask[:T_q, :T_k], block_size).reshape(T_q // block_size, T_k // block_size)


@block_kinds.mutant("kinds in which the padding of the last blocks counts as forbidden: none of them is ever full")
def padding_forbids(mask, block_size):
    more = [(0, -T % block_size) for T in mask.shape]
    return kinds_by_loops(np.pad(mask, more), block_size)


@block_kinds.mutant("kinds transposed: queries and keys exchanged")
def kinds_transposed(mask, block_size):
    return kinds_by_loops(mask, block_size).T


@block_kinds.mutant("kinds told from the corner of each block alone")
def corner_alone(mask, block_size):
    return 2 * mask[::block_size, ::block_size].astype(int)


@block_kinds.mutant("kinds with empty and full exchanged")
def kinds_inverted(mask, block_size):
    return 2 - kinds_by_loops(mask, block_size)


@block_kinds.style
def kinds_from_counts(mask, block_size):
    """Counts of allowed pairs against the sizes of the blocks."""
    if block_size < 1:
        raise ValueError("blocks of nothing")
    T_q, T_k = mask.shape
    owner_q, owner_k = (np.eye(-(-T // block_size))[np.arange(T) // block_size] for T in (T_q, T_k))
    allowed, size = owner_q.T @ mask @ owner_k, np.outer(owner_q.sum(axis=0), owner_k.sum(axis=0))
    return (allowed > 0).astype(int) + (allowed == size)
