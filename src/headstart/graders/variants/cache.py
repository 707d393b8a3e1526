"""Bytes that one token adds to a cache: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

kv_bytes_per_token = exercise("kv_bytes_per_token", "cache_counts", chapter="variants", wings=("in_numpy",))

MODELS = ((32, 32, 128, 2), (80, 8, 128, 2), (3, 2, 5, 4), (1, 1, 1, 1), (32, 1, 64, 1))  # layers, heads, width, bytes


@kv_bytes_per_token.law
def every_key_and_value_is_counted(candidate, draw):
    """The count is the size of the keys and the values of one token, array by array, in every layer."""
    for layers, heads, width, size in MODELS:
        token = np.zeros((heads, width), dtype=f"V{size}")  # so many bytes an entry
        want = sum(token.nbytes for _ in range(layers) for _ in ("keys", "values"))
        whole(candidate(layers, heads, width, size), want, f"the count for {(layers, heads, width, size)}")


@kv_bytes_per_token.law
def two_bytes_by_default(candidate, draw):
    """Without a size of numbers they have 16 bits: Llama-2-7B caches half a MiB a token."""
    whole(candidate(32, 32, 128), 2**19, "the count for 32 layers, 32 heads of width 128")


@kv_bytes_per_token.law
def shared_heads_are_counted_once(candidate, draw):
    """A quarter of the key and value heads, a quarter of the bytes."""
    whole(candidate(24, 8, 64) * 4, candidate(24, 32, 64), "four times the count with a quarter of the heads")


@kv_bytes_per_token.law
def sizes_of_a_cache_start_at_one(candidate, draw):
    """A size below one is refused by an exception, whichever of the four it is."""
    for place in range(4):
        for bad in (0, -1):
            sizes = [2] * place + [bad] + [2] * (3 - place)
            expect(candidate.refuses(*sizes), f"it counted {tuple(sizes)}, it should raise ValueError")


@kv_bytes_per_token.mutant("a count of the keys alone: the values are cached too")
def keys_alone(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    return num_layers * num_kv_heads * d_head * bytes_per_number


@kv_bytes_per_token.mutant("a count for one layer: each layer has a cache of its own")
def one_layer(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    return 2 * num_kv_heads * d_head * bytes_per_number


@kv_bytes_per_token.mutant("a count of numbers, not of bytes")
def numbers_for_bytes(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * d_head


@kv_bytes_per_token.mutant("a count of queries, keys and values: queries are used once and not kept")
def queries_too(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    return 3 * num_layers * num_kv_heads * d_head * bytes_per_number


@kv_bytes_per_token.mutant("a count in float32 whatever the size of the numbers is")
def always_float32(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * d_head * 4


@kv_bytes_per_token.mutant("the number of bits instead of bytes")
def bits(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    return 16 * num_layers * num_kv_heads * d_head * bytes_per_number


@kv_bytes_per_token.style
def added_up(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    """Sums instead of a product."""
    sizes = (num_layers, num_kv_heads, d_head, bytes_per_number)
    if any(size < 1 for size in sizes):
        raise ValueError("a size below one")
    keys = values = num_kv_heads * d_head * bytes_per_number
    return sum(keys + values for _ in range(num_layers))
