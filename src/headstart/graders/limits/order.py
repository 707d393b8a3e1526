"""Sums in a fixed order: laws, known mistakes, accepted styles. What is right here is right to the last bit."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

fixed_order_sum = exercise("fixed_order_sum", "limits", wings=("in_numpy",))

EXACT = {"rtol": 0.0, "atol": 0.0}
CASES = ((12, 4), (13, 4), (7, 3), (5, 8), (9, 1), (6, 6), (40, 16))  # n, block_size


def rough(draw, *shape):
    """float32 rows of small whole numbers, two thirds lifted or lowered by 2²⁶: what is left tells the order."""
    n = shape[-1]
    lift = np.resize([1.0, -1.0, 0.0], n)
    lift[-1] -= lift.sum()  # what is lifted and what is lowered cancel
    lifts = draw.rng.permuted(np.broadcast_to(lift, shape), axis=-1)
    return (2.0**26 * lifts + draw.rng.integers(-99, 100, size=shape)).astype(np.float32)


def by_loops(x, block_size):
    """Number by number, each partial sum rounded to the type of x."""
    out = np.zeros(x.shape[:-1], x.dtype)
    for at in np.ndindex(out.shape):
        total = x.dtype.type(0)
        for start in range(0, x.shape[-1], block_size):
            block = x.dtype.type(0)
            for number in x[at][start : start + block_size]:
                block = block + number
            total = total + block
        out[at] = total
    return out


@fixed_order_sum.law
def left_to_right_in_blocks(candidate, draw):
    """In float32 the sum has the very bits of the prescribed order, also where the last block is shorter."""
    for n, block_size in again(*CASES):
        x = rough(draw, 6, n)
        got, want = candidate(x, block_size), by_loops(x, block_size)
        agree(got, want, f"the sums of {n} numbers, {block_size} a block", **EXACT)
        expect(got.dtype == x.dtype, f"the sums are of {got.dtype}, they should be of x's {x.dtype}")


@fixed_order_sum.law
def alone_or_in_a_batch(candidate, draw):
    """A row alone has the bits that it has in a batch, whatever the batch and its layout in memory."""
    x = rough(draw, 5, 13)
    want = by_loops(x, 4)
    agree(candidate(x[2], 4), want[2], "the sum of a row alone", **EXACT)
    agree(candidate(x[2:3], 4), want[2:3], "the sum of a row in a batch of one", **EXACT)
    agree(candidate(np.tile(x, (9, 1)), 4), np.tile(want, 9), "the sums in a batch of 45", **EXACT)
    agree(candidate(np.asfortranarray(x), 4), want, "the sums of rows that lie across in memory", **EXACT)
    agree(candidate(x.reshape(1, 5, 13), 4), want[None], "the sums with another leading axis", **EXACT)


@fixed_order_sum.law
def the_size_of_the_blocks_is_kept(candidate, draw):
    """A longer row begins with the same blocks: zeros appended to it change no bit."""
    x = rough(draw, 6, 8)
    longer = np.concatenate([x, np.zeros((6, 16), np.float32)], axis=-1)
    agree(candidate(longer, 4), by_loops(x, 4), "the sums of rows with zeros appended", **EXACT)


@fixed_order_sum.law
def halves_stay_halves(candidate, draw):
    """In half precision every partial sum, the running total too, is rounded to half precision."""
    x = np.round(draw(8, 12) * 300).astype(np.float16)
    agree(candidate(x, 3), by_loops(x, 3), "the sums in half precision", **EXACT)


@fixed_order_sum.law
def doubles_stay_doubles(candidate, draw):
    """In float64 it is a sum, and a precise one."""
    x = draw(3, 11)
    agree(candidate(x, 3), [sum(row) for row in x.tolist()], "the sums", rtol=1e-12, atol=1e-12)


@fixed_order_sum.law
def empty_blocks_are_refused(candidate, draw):
    """Blocks of less than one number are refused."""
    for block_size in (0, -2):
        expect(
            candidate.refuses(draw(2, 4), block_size), f"it took block_size={block_size}, it should raise ValueError"
        )


def added(parts, x):
    """Sums of blocks, added from the left in the type of x."""
    total = np.zeros(x.shape[:-1], x.dtype)
    for part in parts:
        total = total + part
    return total


def runs(x, block_size):
    if block_size < 1:
        raise ValueError("blocks must have a size")
    return [x[..., start : start + block_size] for start in range(0, x.shape[-1], block_size)]


def along(run):
    """A sum from left to right."""
    return np.cumsum(run, axis=-1)[..., -1]


@fixed_order_sum.mutant("a sum from left to right without blocks")
def one_run(x, block_size):
    runs(x, block_size)
    return along(x)


@fixed_order_sum.mutant("a fixed number of blocks instead of a fixed size: the order depends on the length")
def fixed_number(x, block_size):
    runs(x, block_size)
    return added([along(run) for run in np.array_split(x, min(block_size, x.shape[-1]), axis=-1)], x)


@fixed_order_sum.mutant("blocks whose number depends on how many rows there are, to keep all cores at work")
def by_batch(x, block_size):
    runs(x, block_size)
    rows = max(1, x.size // x.shape[-1])
    return added([along(run) for run in runs(x, block_size * (1 if rows < 4 else 2))], x)


@fixed_order_sum.mutant("blocks added from right to left")
def from_the_right(x, block_size):
    return added([along(run) for run in runs(x, block_size)][::-1], x)


@fixed_order_sum.mutant("every block summed from right to left")
def backward_in_blocks(x, block_size):
    return added([along(run[..., ::-1]) for run in runs(x, block_size)], x)


@fixed_order_sum.mutant("the sum without the last, shorter block")
def last_block_dropped(x, block_size):
    return added([along(run) for run in runs(x, block_size) if run.shape[-1] == block_size], x)


@fixed_order_sum.mutant("a sum made in float64 and rounded at the end: more precise, and not the order asked for")
def in_double(x, block_size):
    runs(x, block_size)
    return x.astype(np.float64).sum(-1).astype(x.dtype)


@fixed_order_sum.mutant("blocks added to a running total in float32, whatever the type of x")
def total_in_single(x, block_size):
    total = np.zeros(x.shape[:-1], np.float32)
    for run in runs(x, block_size):
        total = total + along(run)
    return total


@fixed_order_sum.mutant("blocks of every block_size-th number instead of neighbours")
def interleaved(x, block_size):
    runs(x, block_size)
    return added([along(x[..., start::block_size]) for start in range(min(block_size, x.shape[-1]))], x)


@fixed_order_sum.style
def two_loops(x, block_size):
    """Number by number, all rows at once."""
    if block_size < 1:
        raise ValueError("blocks must have a size")
    total = 0 * x[..., 0]
    for start in range(0, x.shape[-1], block_size):
        block = x[..., start].copy()
        for i in range(start + 1, min(start + block_size, x.shape[-1])):
            block = block + x[..., i]
        total = total + block
    return total


@fixed_order_sum.style
def padded_and_reshaped(x, block_size):
    """Zeros to fill the last block, blocks as an axis, two running sums."""
    assert block_size >= 1
    n = x.shape[-1]
    padded = np.concatenate([x, np.zeros((*x.shape[:-1], -n % block_size), x.dtype)], axis=-1)
    blocks = padded.reshape(*x.shape[:-1], -1, block_size)
    return np.add.accumulate(np.add.accumulate(blocks, axis=-1)[..., -1], axis=-1)[..., -1]
