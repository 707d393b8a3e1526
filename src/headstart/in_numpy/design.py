"""Sizes of a decoder for a given memory: whole numbers, in plain Python. They belong to no array library."""


def decoder_parameters(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    """Count the trainable numbers of a decoder of today: grouped queries, gated feed-forward, RMS norms, no biases.

    num_layers    int   at least 1
    d_model       int   at least 1
    num_heads     int   at least 1
    num_kv_heads  int   at least 1; must divide num_heads
    d_head        int   at least 1; width of a query, a key and a value in one head, free of d_model
    d_ff          int   at least 1; hidden width of the feed-forward network, which has three matrices
    n_vocab       int   at least 1; else ValueError
    tied          bool  the embedding scores the output too: counted once
    return        int   rotary positions have no parameters; two norms a layer and one at the end

    Law: with 32, 4096, 32, 8, 128, 14336, 128256 it is Llama 3 8B's 8 030 261 248.
    Source: Llama Team 2024, section 3.2 and table 3 (which rounds the vocabulary).
    """
    if min({num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab}) < 1 or num_heads % num_kv_heads:
        raise ValueError("decoder_parameters: every size must be at least 1, and num_kv_heads must divide num_heads")
    attention = 2 * d_model * (num_heads + num_kv_heads) * d_head  # W_q and W_o, W_k and W_v
    layer = attention + 3 * d_model * d_ff + 2 * d_model
    return num_layers * layer + (1 if tied else 2) * n_vocab * d_model + d_model


def longest_context(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    """Find how many tokens a cache of `budget` bytes holds, where local layers keep the last `window` tokens alone.

    budget            int   at least 1; bytes for one sequence
    num_layers        int   at least 1
    num_kv_heads      int   at least 1
    d_head            int   at least 1
    window            int   at least 1: how many tokens a local layer keeps, the current one included
    global_every      int   at least 1: layers g, 2g, … (counted from 1) keep all; above num_layers: ValueError, no end
    bytes_per_number  int   at least 1; else ValueError
    return            int   the largest T whose cache fits; 0 if one token is too much

    Law: windowed_cache_bytes of T tokens is within the budget, of T + 1 tokens it is not.
    Source: Gemma Team 2025, section 2 (local and global layers).
    """
    if min({budget, num_kv_heads, d_head, window, global_every, bytes_per_number}) < 1 or global_every > num_layers:
        raise ValueError("longest_context: every size must be at least 1, and one layer at least must be global")
    num_global = num_layers // global_every
    tokens = budget // (2 * num_kv_heads * d_head * bytes_per_number)  # summed over the layers
    open_windows = tokens // num_layers
    return max(open_windows, (tokens - (num_layers - num_global) * window) // num_global)


def most_kv_heads(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    """Choose the largest number of key and value heads whose cache fits into `budget` bytes of every rank.

    budget            int   at least 1; bytes for the cache on one rank
    B                 int   at least 1; sequences at once
    T                 int   at least 1; tokens of each
    num_layers        int   at least 1
    num_heads         int   at least 1; query heads
    d_head            int   at least 1
    num_ranks         int   at least 1; the heads are divided among so many ranks: must divide num_heads
    bytes_per_number  int   at least 1; else ValueError
    return            int   a divisor of num_heads that is a multiple of num_ranks, or divides it; 0 if none fits

    The ranks divide heads, not sequences; fewer key and value heads than ranks are copied, so each rank holds one.
    Law: below num_ranks fewer heads make no rank's cache smaller, so the result is 0 or at least num_ranks.
    Source: Pope et al. 2023, section 3.3; Ainslie et al. 2023, section 2.2 (grouped heads and sharding).
    """
    if min({budget, B, T, num_layers, num_heads, d_head, num_ranks, bytes_per_number}) < 1 or num_heads % num_ranks:
        raise ValueError("most_kv_heads: every size must be at least 1, and num_ranks must divide num_heads")
    one_head = 2 * B * T * num_layers * d_head * bytes_per_number
    share = num_heads // num_ranks  # query heads of a rank
    for heads in range(share, 0, -1):
        if share % heads == 0 and heads * one_head <= budget:
            return heads * num_ranks
    return 0
