"""Who holds what when, and what it costs to send: whole numbers about R ranks."""

import numpy as np


def kv_heads_of_rank(num_heads, num_kv_heads, rank, num_ranks):
    """List the key and value heads that a rank's query heads read, where query heads are shared out in order.

    num_heads     int    at least 1; H, of which rank r gets the query heads r·H/R … (r+1)·H/R - 1
    num_kv_heads  int    at least 1; query head h reads key and value head h // (H / num_kv_heads)
    rank          int    0 … num_ranks - 1, else ValueError
    num_ranks     int    at least 1; R must divide H, as num_kv_heads must, else ValueError
    return        list   whole numbers, rising

    Law: with num_kv_heads = H a rank's own heads and no others; where num_ranks is a multiple of num_kv_heads exactly
    one, which num_ranks / num_kv_heads ranks hold.
    Source: Shoeybi et al. 2019, section 3 (heads shared out); Ainslie et al. 2023, section 2.2 (groups; copies when
    sharded).
    """
    some = num_heads >= 1 and num_kv_heads >= 1 and rank in range(num_ranks)
    if not some or num_heads % num_kv_heads != 0 or num_heads % num_ranks != 0:
        sizes = f"num_heads={num_heads}, num_kv_heads={num_kv_heads}, rank={rank}, num_ranks={num_ranks}"
        raise ValueError(f"kv_heads_of_rank: sizes must be at least 1 and share the heads evenly, got {sizes}")
    heads, group = num_heads // num_ranks, num_heads // num_kv_heads
    first, last = rank * heads, (rank + 1) * heads - 1  # the rank's query heads
    return list(range(first // group, last // group + 1))


def ring_schedule(num_ranks, causal=False):
    """Tell which block of keys every rank works on at every step of ring attention.

    num_ranks  int    at least 1 (else ValueError); R; rank r starts with block r and passes its block on to rank r + 1
                      after each step
    causal     bool   blocks are consecutive runs of tokens: a block after the rank's own lies in its queries' future
    return     (R, R) whole numbers, row s for step s, column r for rank r; -1 where there is nothing to compute

    Law: every column (and every row) holds each block once; with causal, rank r has r + 1 blocks to work on.
    Source: Liu, Zaharia and Abbeel 2023, section 3; Brandon et al. 2023 (idle ranks under a causal mask).
    """
    if num_ranks < 1:
        raise ValueError(f"ring_schedule: num_ranks must be at least 1, got {num_ranks}")
    steps, ranks = np.ogrid[:num_ranks, :num_ranks]
    block = (ranks - steps) % num_ranks
    return np.where(block > ranks, -1, block) if causal else block


def zigzag_positions(T, num_ranks):
    """Share T tokens out so that every rank has as much to do under a causal mask: an early and a late run each.

    T          int      at least 1; the length of the sequence, a multiple of 2·num_ranks, else ValueError
    num_ranks  int      at least 1; R; the sequence is cut into 2R runs, and rank r gets the runs r and 2R - 1 - r
    return     (R, T/R) whole numbers: the places of each rank's tokens in the sequence, rising

    Law: each token is somewhere, once, and every rank's queries have the same number of keys before them.
    Source: Llama Team 2024, section 3.3.2 (context parallelism).
    """
    if T < 1 or num_ranks < 1 or T % (2 * num_ranks) != 0:
        raise ValueError(f"zigzag_positions: T={T}, num_ranks={num_ranks}: at least 1, T a multiple of 2·num_ranks")
    run, ranks = T // (2 * num_ranks), np.arange(num_ranks)[:, None]
    inside = np.arange(run)  # a run's own tokens
    return np.concatenate([ranks * run + inside, T - (ranks + 1) * run + inside], axis=1)


def bytes_sent(T, d_model, num_heads, num_kv_heads, num_ranks, bytes_per_number=2, backward=False):
    """Count the bytes that one rank sends for one attention layer and one sequence, in three schemes.

    T                 int    at least 1; tokens in the sequence, num_ranks must divide it
    d_model           int    width of the tokens, H·d_head
    num_heads         int    H query heads; num_ranks must divide it
    num_kv_heads      int    at least 1; G key and value heads: a multiple of num_ranks, or a divisor; it divides H
    num_ranks         int    at least 1; R
    bytes_per_number  int    2 for bfloat16, 4 for float32
    backward          bool   the backward pass instead of the forward pass
    return            dict   {"tensor_parallel": int, "all_to_all": int, "ring": int}

    tensor_parallel: one all-reduce of the output (T·d_model numbers) by a ring, 2·(R - 1)/R of them; as much backward
    for the input's gradient. all_to_all: to each other rank T/R tokens of its heads, in q, k, v and out, a copy of a
    key or value head for each rank that reads it; as much backward. ring: one block of keys and values (T/R tokens, G
    heads), R - 1 times; backward the same and the gradients of the block R times, for they have to come home.
    Uneven sizes raise ValueError. Law: a single rank sends nothing, forward or backward.
    Source: Shoeybi et al. 2019, section 3; Jacobs et al. 2023, section 3; Liu, Zaharia and Abbeel 2023, section 3.
    """
    if T < 1 or num_kv_heads < 1 or num_ranks < 1:
        raise ValueError(f"bytes_sent: T {T}, num_kv_heads {num_kv_heads} and num_ranks {num_ranks} must be at least 1")
    even = num_kv_heads % num_ranks == 0 or num_ranks % num_kv_heads == 0
    whole = num_heads >= 1 and d_model % num_heads == 0 and num_heads % num_kv_heads == 0 and num_heads % num_ranks == 0
    if not whole or T % num_ranks != 0 or not even:
        heads = f"{num_heads} heads, or these, {num_kv_heads} or {T} tokens not evenly among {num_ranks} ranks"
        raise ValueError(f"bytes_sent: width {d_model} does not divide into {heads}")
    others, n, d_head = num_ranks - 1, T // num_ranks, d_model // num_heads
    read = -(-num_kv_heads // num_ranks)  # key and value heads that a rank's query heads read: rounded up
    block = 2 * n * num_kv_heads * d_head
    sent = {
        "tensor_parallel": 2 * others * n * d_model,
        "all_to_all": 2 * others * n * d_head * (num_heads // num_ranks + read),  # q and out, k and v
        "ring": block * (others + num_ranks) if backward and others else block * others,
    }
    return {scheme: numbers * bytes_per_number for scheme, numbers in sent.items()}
