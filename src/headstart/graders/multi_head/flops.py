"""Counting the operations of a multi-head layer: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise
from headstart.graders.multi_head.counts import compare, refuses_uneven_heads

multi_head_flops = exercise("multi_head_flops", "counts", chapter="multi-head", wings=("in_numpy",))

CASES = ((3, 5, 8, 2), (1, 7, 4, 4), (16, 16, 12, 3), (128, 64, 64, 8))


@multi_head_flops.law
def counts_every_multiply_add(candidate, draw):
    """Each count is two operations for every multiply-add of the matrix products, counted one by one."""
    for T_q, T_k, d_model, H in CASES:
        d_head = d_model // H
        pairs = sum(2 * d_head for _ in range(H) for _ in range(T_q) for _ in range(T_k))
        tokens = sum(2 * 2 * d_model * d_model for _ in range(T_q + T_k))
        got = candidate(T_q, T_k, d_model, H)
        compare(got, {"projections": tokens, "scores": pairs, "mixing": pairs})


@multi_head_flops.law
def heads_cost_nothing(candidate, draw):
    """None of the three counts depends on the number of heads."""
    one = candidate(32, 32, 64, 1)
    for H in (2, 8, 64):
        compare(candidate(32, 32, 64, H), one)


@multi_head_flops.law
def length_is_quadratic(candidate, draw):
    """Twice the tokens: twice the projections, four times the scores and the mixing."""
    short, long = candidate(32, 32, 64, 8), candidate(64, 64, 64, 8)
    compare(
        long, {"projections": 2 * short["projections"], "scores": 4 * short["scores"], "mixing": 4 * short["mixing"]}
    )


@multi_head_flops.law
def uneven_heads_cost_nothing_known(candidate, draw):
    """Where d_model / H is not whole, an exception is raised."""
    refuses_uneven_heads(candidate, 3, 5, 10, 4)


@multi_head_flops.mutant("costs multiplied by the number of heads: each head was counted at full width")
def full_width_heads(T_q, T_k, d_model, num_heads):
    pairs = 2 * num_heads * T_q * T_k * d_model
    return {"projections": num_heads * 4 * (T_q + T_k) * d_model**2, "scores": pairs, "mixing": pairs}


@multi_head_flops.mutant("multiply-adds counted as one operation instead of two")
def multiply_add_as_one(T_q, T_k, d_model, num_heads):
    return {"projections": 2 * (T_q + T_k) * d_model**2, "scores": T_q * T_k * d_model, "mixing": T_q * T_k * d_model}


@multi_head_flops.mutant("projections counted without W_o")
def without_w_o(T_q, T_k, d_model, num_heads):
    pairs = 2 * T_q * T_k * d_model
    return {"projections": 2 * (T_q + 2 * T_k) * d_model**2, "scores": pairs, "mixing": pairs}


@multi_head_flops.mutant("the scores of one head alone")
def scores_of_one_head(T_q, T_k, d_model, num_heads):
    pairs = 2 * T_q * T_k * (d_model // num_heads)
    return {"projections": 4 * (T_q + T_k) * d_model**2, "scores": pairs, "mixing": pairs}


@multi_head_flops.mutant("self-attention assumed: T_q used for T_k as well")
def queries_for_keys(T_q, T_k, d_model, num_heads):
    pairs = 2 * T_q * T_q * d_model
    return {"projections": 8 * T_q * d_model**2, "scores": pairs, "mixing": pairs}


@multi_head_flops.style
def counted_product_by_product(T_q, T_k, d_model, num_heads):
    """A helper for one product, a sum over the products."""

    def product(rows, inner, columns):
        return 2 * rows * inner * columns

    assert d_model % num_heads == 0
    d = d_model // num_heads
    projections = sum(product(T, d_model, d_model) for T in (T_q, T_q, T_k, T_k))
    scores = sum(product(T_q, d, T_k) for _ in range(num_heads))
    return {"projections": projections, "scores": scores, "mixing": sum(product(T_q, T_k, d) for _ in range(num_heads))}
