"""Bytes of a key-value cache: whole numbers, in plain Python. They belong to no array library."""


def kv_bytes_per_token(num_layers, num_kv_heads, d_head, bytes_per_number=2):
    """Count the bytes that one token adds to the cache of a model: its keys and its values, in every layer.

    num_layers        int   at least 1 (else ValueError), as all four
    num_kv_heads      int   at least 1: H for multi-head, G for grouped-query, 1 for multi-query attention
    d_head            int   at least 1: width of a key and of a value in one head
    bytes_per_number  int   2 for bfloat16 and float16, 1 for 8 bits
    return            int   the number of query heads has no part in it

    Law: it is proportional to each of the four arguments.
    Source: Shazeer 2019, section 2.4; DeepSeek-AI 2024, table 1 (in numbers, not in bytes).
    """
    if min({num_layers, num_kv_heads, d_head, bytes_per_number}) < 1:
        raise ValueError("kv_bytes_per_token: the number of layers and every other size must be at least 1")
    return 2 * num_layers * num_kv_heads * d_head * bytes_per_number


def windowed_cache_bytes(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    """Count the bytes of the cache after T tokens, where local layers keep the last `window` tokens alone.

    T                 int   at least 1 (else ValueError), as all others: tokens so far
    num_layers        int   at least 1
    num_kv_heads      int   at least 1
    d_head            int   at least 1
    window            int   at least 1: how many tokens a local layer keeps, the current one included
    global_every      int   at least 1: layers g, 2g, 3g, … (counted from 1) are global and keep all T tokens
    bytes_per_number  int   2 for bfloat16 and float16
    return            int   the sum over the layers; with g above num_layers no layer is global

    Law: while T <= window it is T times kv_bytes_per_token; after that only the global layers grow.
    Source: Jiang et al. 2023, section 2 (rolling buffer); Gemma Team 2025, section 2 (five local layers to one global).
    """
    if min({T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number}) < 1:
        raise ValueError("windowed_cache_bytes: the number of tokens and every other size must be at least 1")
    num_global = num_layers // global_every
    tokens = num_global * T + (num_layers - num_global) * min(T, window)  # summed over the layers
    return 2 * tokens * num_kv_heads * d_head * bytes_per_number
