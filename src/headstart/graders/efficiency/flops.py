"""Counting the operations of attention: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

attention_flops = exercise("attention_flops", "efficiency", wings=("in_numpy",))


def pairs(T_q, T_k):
    """The pairs that a causal mask allows, one by one; the last query sees every key."""
    return sum(j <= i + T_k - T_q for i in range(T_q) for j in range(T_k))


@attention_flops.law
def two_products(candidate, draw):
    """Every pair of query and key costs d_head multiply-adds for its score and d_head for its value, in every head."""
    whole(candidate(3, 5, 4), 4 * 4 * 3 * 5, "the count for 3 queries, 5 keys and one head of 4")
    for T_q, T_k, d_head, H in ((3, 5, 4, 1), (1, 7, 8, 3), (6, 6, 2, 4), (9, 4, 5, 2)):
        want = sum(2 * 2 * d_head for _ in range(H * T_q * T_k))
        whole(candidate(T_q, T_k, d_head, H), want, f"the count for {T_q} queries, {T_k} keys, {H} heads of {d_head}")
    whole(candidate(3000, 5000, 128, 32), 4 * 3000 * 5000 * 128 * 32, "a count that does not fit into 32 bits")


@attention_flops.law
def causal_pairs_are_counted(candidate, draw):
    """Under a causal mask only the allowed pairs count, the diagonal included, and the last query sees every key."""
    for T_q, T_k in ((5, 5), (1, 1), (2, 6), (6, 2), (1, 9), (9, 1)):
        got = candidate(T_q, T_k, 4, 2, causal=True)
        whole(got, 4 * 2 * 4 * pairs(T_q, T_k), f"the causal count for {T_q} queries and {T_k} keys")


@attention_flops.law
def prefill_equals_decoding(candidate, draw):
    """T causal tokens at once cost as many operations as T single steps over a growing cache."""
    T = int(draw.rng.integers(5, 12))
    steps = sum(candidate(1, t, 8, 2, causal=True) for t in range(1, T + 1))
    whole(candidate(T, T, 8, 2, causal=True), steps, f"the causal count for {T} tokens at once")


@attention_flops.law
def nothing_is_not_counted(candidate, draw):
    """A size below 1 is refused."""
    for sizes in ((0, 4, 4, 1), (4, 0, 4, 1), (4, 4, 0, 1), (4, 4, 4, 0)):
        expect(candidate.refuses(*sizes), f"it counted {sizes}, it should raise ValueError: every size is at least 1")


def counted(T_q, T_k, d_head, num_heads=1, causal=False, *, triangle=pairs, factor=4):
    """The count, with a (wrong) rule for the pairs and a (wrong) factor."""
    if min(T_q, T_k, d_head, num_heads) < 1:
        raise ValueError("sizes are at least 1")
    return factor * num_heads * d_head * (triangle(T_q, T_k) if causal else T_q * T_k)


@attention_flops.mutant("attention's multiply-adds counted as one operation instead of two")
def one_operation(*args, **kwargs):
    return counted(*args, **kwargs, factor=2)


@attention_flops.mutant("a causal count equal to the full one: the mask saves nothing unless tiles are skipped")
def mask_saves_nothing(*args, **kwargs):
    return counted(*args, **kwargs, triangle=lambda T_q, T_k: T_q * T_k)


@attention_flops.mutant("a causal count of half the pairs: half the diagonal is lost, a cache taken for a square")
def exactly_half(*args, **kwargs):
    return counted(*args, **kwargs, triangle=lambda T_q, T_k: T_q * T_k // 2)


@attention_flops.mutant("a causal count of the pairs below the diagonal: a token's own key is left out")
def diagonal_left_out(*args, **kwargs):
    return counted(*args, **kwargs, triangle=lambda T_q, T_k: sum(min(max(i + T_k - T_q, 0), T_k) for i in range(T_q)))


@attention_flops.mutant("a causal count aligned at the top left: with a cache the newest query sees the oldest keys")
def top_left(*args, **kwargs):
    return counted(*args, **kwargs, triangle=lambda T_q, T_k: sum(min(i + 1, T_k) for i in range(T_q)))


@attention_flops.mutant("the operations of one head alone")
def one_head(T_q, T_k, d_head, num_heads=1, causal=False):
    return counted(T_q, T_k, d_head, min(num_heads, 1), causal)


@attention_flops.style
def added_up_query_by_query(T_q, T_k, d_head, num_heads=1, causal=False):
    """A sum over the queries."""
    assert min(T_q, T_k, d_head, num_heads) > 0
    first = T_k - T_q
    return num_heads * sum(4 * d_head * (max(0, first + i + 1) if causal else T_k) for i in range(T_q))
