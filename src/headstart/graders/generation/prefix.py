"""How much of a cached prefix can be used again: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

reusable_prefix = exercise("reusable_prefix", "paged", chapter="generation", wings=("in_numpy",))


def prefix_by_loops(cached, tokens, block_size=1):
    """Walk along while both agree, leave the last token, and keep whole blocks."""
    same = 0
    while same < len(cached) and same < len(tokens) - 1 and cached[same] == tokens[same]:
        same += 1
    return same - same % block_size


def draw_pair(draw, common, behind_cached, behind):
    """Two sequences with a common beginning of exactly this many tokens."""
    base = draw.rng.integers(5, size=common)
    first, second = draw.rng.integers(5, size=behind_cached), draw.rng.integers(5, size=behind)
    if len(first) and len(second):
        second[0] = (first[0] + 1) % 5
    return np.append(base, first), np.append(base, second)


@reusable_prefix.law
def counts_the_common_beginning(candidate, draw):
    """Tokens count from the first on, as long as all are equal; equal ones behind the first difference do not."""
    for common, first, second in ((4, 3, 2), (2, 5, 4), (0, 5, 5), (1, 1, 6), (9, 2, 4)):
        cached, tokens = draw_pair(draw, common, first, second)
        whole(candidate(cached, tokens), common, f"the prefix of {cached.tolist()} and {tokens.tolist()}")
    whole(candidate(tokens[:0], tokens), 0, "the prefix of an empty cache and a prompt")
    one_apart = np.arange(8)
    moved = one_apart.copy()
    moved[3] = 9
    whole(candidate(one_apart, moved), 3, "the prefix of two sequences that differ at token 3 alone")


@reusable_prefix.law
def the_last_token_is_always_computed(candidate, draw):
    """At most T_q - 1 tokens are reused: the next token's scores are made from the last row."""
    tokens = draw.rng.integers(5, size=6)
    whole(candidate(tokens, tokens), 5, "the prefix of a prompt that is cached entirely")
    whole(candidate(np.append(tokens, [1, 2]), tokens), 5, "the prefix of a prompt inside a longer cached text")
    whole(candidate(tokens[:4], tokens), 4, "the prefix of a prompt that goes on behind a cached text")
    whole(candidate(tokens[:1], tokens[:1]), 0, "the prefix of a prompt of one token")


@reusable_prefix.law
def whole_blocks_alone(candidate, draw):
    """With blocks the count is rounded down to whole blocks, after the last token was left out."""
    for common, block_size in ((7, 4), (8, 4), (3, 4), (9, 2), (11, 5)):
        cached, tokens = draw_pair(draw, common, 3, 3)
        want = prefix_by_loops(cached, tokens, block_size)
        whole(candidate(cached, tokens, block_size), want, f"{common} equal tokens in blocks of {block_size}")
    swapped = np.array([0, 1, 2, 3, 4, 6, 5, 7, 8])
    whole(candidate(np.arange(9), swapped, 4), 4, "the prefix in blocks of 4 where tokens 5 and 6 changed places")
    tokens = draw.rng.integers(5, size=8)
    whole(candidate(tokens, tokens, 4), 4, "8 tokens, all cached, in blocks of 4: the last must be computed")


@reusable_prefix.law
def no_block_size_below_one(candidate, draw):
    """A block size below one is refused by an exception."""
    for size in (0, -2):
        expect(candidate.refuses(np.arange(4), np.arange(4), size), f"it took block_size={size}")


@reusable_prefix.mutant("equal tokens counted wherever they stand: one behind a difference has another past")
def counts_all_equal(cached, tokens, block_size=1):
    most = min(len(cached), len(tokens) - 1)
    return int((cached[:most] == tokens[:most]).sum()) // block_size * block_size


@reusable_prefix.mutant("the whole prompt reused when it is cached: no row is left to score the next token from")
def nothing_left(cached, tokens, block_size=1):
    return prefix_by_loops(cached, np.append(tokens, -1), block_size)


@reusable_prefix.mutant("the count not rounded down to whole blocks")
def parts_of_blocks(cached, tokens, block_size=1):
    return prefix_by_loops(cached, tokens)


@reusable_prefix.mutant("the number of blocks instead of the number of tokens")
def counts_blocks(cached, tokens, block_size=1):
    return prefix_by_loops(cached, tokens) // block_size


@reusable_prefix.mutant("the count rounded up: part of a block that differs is reused")
def rounded_up(cached, tokens, block_size=1):
    return -(-prefix_by_loops(cached, tokens) // block_size) * block_size


@reusable_prefix.style
def block_by_block(cached, tokens, block_size=1):
    """Blocks compared one after another."""
    assert block_size > 0
    end = 0
    while end + block_size <= min(len(cached), len(tokens) - 1):
        if not np.array_equal(cached[end : end + block_size], tokens[end : end + block_size]):
            break
        end += block_size
    return end
