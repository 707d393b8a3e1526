"""Counting the bytes that attention moves: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

attention_bytes = exercise("attention_bytes", "efficiency", wings=("in_numpy",))


def listed(T_q, T_k, d_head, H=1, KV=None, block=None, itemsize=2):
    """The traffic as a list of arrays, each entry the shape of what is moved once."""
    KV = H if KV is None else KV
    moved = [(H, T_q, d_head), (H, T_q, d_head)]  # queries in, output out
    if block is None:
        moved += [(KV, T_k, d_head)] * 2 + [(H, T_q, T_k)] * 4
    else:
        moved += [(KV, T_k, d_head)] * 2 * len(range(0, T_q, block))
    return sum(itemsize * np.empty(shape, np.uint8).size for shape in moved)


@attention_bytes.law
def three_steps(candidate, draw):
    """In three steps q, k, v and the output are moved once and an array of all scores four times, in every head."""
    for sizes in ((3, 5, 4), (1, 7, 8, 3), (6, 6, 2, 4), (9, 4, 5, 2)):
        whole(candidate(*sizes), listed(*sizes), f"the count for {sizes} in three steps")
        whole(candidate(*sizes, itemsize=4), listed(*sizes, itemsize=4), f"the count for {sizes} in float32")


@attention_bytes.law
def tiles(candidate, draw):
    """In tiles no score is moved, and keys and values are read once for every block of queries, partial or not."""
    for T_q, block in ((6, 3), (7, 3), (1, 4), (5, 5), (4, 9), (5, 1)):
        for itemsize in (2, 4):
            got = candidate(T_q, 8, 4, 2, block_size=block, itemsize=itemsize)
            what = f"the count for {T_q} queries in blocks of {block}, {itemsize} bytes a number"
            whole(got, listed(T_q, 8, 4, 2, block=block, itemsize=itemsize), what)


@attention_bytes.law
def groups_share(candidate, draw):
    """Heads that share keys and values read them once for the group."""
    for KV in (1, 2, 3, 6):
        whole(candidate(5, 9, 4, 6, KV, 2), listed(5, 9, 4, 6, KV, 2), f"the count of 6 heads over {KV} in tiles")
        whole(candidate(5, 9, 4, 6, KV), listed(5, 9, 4, 6, KV), f"the count of 6 heads over {KV} in three steps")


@attention_bytes.law
def nonsense_is_not_counted(candidate, draw):
    """Heads that do not divide into groups are refused, and so is a size below 1."""
    for KV in (4, 12):
        expect(candidate.refuses(4, 4, 4, 6, KV), f"it counted 6 heads over {KV} groups, it should raise ValueError")
    for sizes in ((0, 4, 4), (4, 0, 4), (4, 4, 0), (4, 4, 4, 0), (4, 4, 4, 2, 0), (4, 4, 4, 2, 2, 0)):
        expect(candidate.refuses(*sizes), f"it counted {sizes}, it should raise ValueError: every size is at least 1")


def summed(
    T_q, T_k, d_head, num_heads=1, num_kv_heads=None, block_size=None, itemsize=2, *, passes=4, out=2, rounds=None
):  # fmt: skip
    """The count, with a (wrong) number of passes over scores and rows, and a (wrong) number of rounds over the keys."""
    KV = num_heads if num_kv_heads is None else num_kv_heads
    if min(T_q, T_k, d_head, num_heads, KV, block_size or 1) < 1 or num_heads % KV or block_size == 0:
        raise ValueError("sizes are at least 1, and groups are equal")
    times = 1 if block_size is None else math.ceil(T_q / block_size) if rounds is None else rounds(T_q, block_size)
    scores = passes * num_heads * T_q * T_k if block_size is None else 0
    return itemsize * (out * num_heads * T_q * d_head + 2 * times * KV * T_k * d_head + scores)


@attention_bytes.mutant("scores moved once: written, but not read, nor the weights written and read again")
def scores_once(*args, **kwargs):
    return summed(*args, **kwargs, passes=1)


@attention_bytes.mutant("the traffic of attention without its scores: those of three steps go to main memory and back")
def scores_never(*args, **kwargs):
    return summed(*args, **kwargs, passes=0)


@attention_bytes.mutant("the traffic of attention without its output")
def output_forgotten(*args, **kwargs):
    return summed(*args, **kwargs, out=1)


@attention_bytes.mutant("keys and values read once in tiles: every block of queries reads them again")
def keys_read_once(*args, **kwargs):
    return summed(*args, **kwargs, rounds=lambda T_q, block: 1)


@attention_bytes.mutant("the last, partial block of queries dropped from the traffic")
def partial_block_dropped(*args, **kwargs):
    return summed(*args, **kwargs, rounds=lambda T_q, block: T_q // block)


@attention_bytes.mutant("keys and values read once for every head: a group's heads share them")
def groups_not_shared(T_q, T_k, d_head, num_heads=1, num_kv_heads=None, block_size=None, itemsize=2):
    if num_kv_heads is not None:
        summed(T_q, T_k, d_head, num_heads, num_kv_heads, block_size)  # refuses what does not fit
    return summed(T_q, T_k, d_head, num_heads, None, block_size, itemsize)


@attention_bytes.mutant("numbers counted instead of bytes")
def numbers_for_bytes(*args, itemsize=2, **kwargs):
    return summed(*args, **kwargs, itemsize=1)


@attention_bytes.style
def array_by_array(T_q, T_k, d_head, num_heads=1, num_kv_heads=None, block_size=None, itemsize=2):
    """A dict of arrays, and a loop over the blocks of queries."""
    groups = num_kv_heads if num_kv_heads is not None else num_heads
    if any(n < 1 for n in (T_q, T_k, d_head, num_heads, groups)) or num_heads % groups:
        raise ValueError("nothing to count")
    sizes = {"q": num_heads * T_q * d_head, "out": num_heads * T_q * d_head, "scores": 0, "kv": 0}
    for _ in range(0, T_q, block_size if block_size is not None else T_q):  # a step of 0 raises by itself
        sizes["kv"] += groups * T_k * d_head * 2
    if block_size is None:
        sizes["scores"] = num_heads * T_q * T_k * 4
    return sum(sizes.values()) * itemsize
