"""Counting parameters and operations of a multi-head layer: laws, known mistakes, accepted styles."""

from headstart.graders.kit import agree, exercise, expect

multi_head_parameters = exercise("multi_head_parameters", "counts", chapter="multi-head", wings=("in_numpy",))
multi_head_flops = exercise("multi_head_flops", "counts", chapter="multi-head", wings=("in_numpy",))


@multi_head_parameters.law
def counts_every_entry(candidate, draw):
    """The count is the size of W_q, W_k, W_v and W_o, entry by entry, and of the biases if there are any."""
    for d_model, H, d_head in ((512, 8, 64), (12, 3, 4), (768, 12, 64), (10, 2, 16), (16, 4, 1)):
        one = sum(1 for _ in range(d_model) for _ in range(H * d_head))
        agree(candidate(d_model, H, d_head), 4 * one, f"the count for ({d_model}, {H}, d_head={d_head})")
        agree(candidate(d_model, H, d_head, True), 4 * one + 3 * H * d_head + d_model, "the count with biases")


@multi_head_parameters.law
def heads_are_free(candidate, draw):
    """With d_head left to be d_model / H, the count does not depend on the number of heads."""
    for H in (1, 2, 4, 8):
        agree(candidate(64, H), 4 * 64 * 64, f"the count with {H} heads")
        agree(candidate(64, H, bias=True), 4 * 64 * 64 + 4 * 64, f"the count with {H} heads and biases")


@multi_head_parameters.mutant("a count multiplied by the number of heads: every head was given full-width matrices")
def heads_multiply(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model * d_model * num_heads + (4 * d_model if bias else 0)


@multi_head_parameters.mutant("a count without the output projection W_o")
def three_matrices(d_model, num_heads, d_head=None, bias=False):
    d_all = num_heads * (d_head or d_model // num_heads)
    return 3 * d_model * d_all + (3 * d_all if bias else 0)


@multi_head_parameters.mutant("a count of 4·d_model² whatever d_head is")
def ignores_d_head(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model**2 + (4 * d_model if bias else 0)


@multi_head_parameters.mutant("a count that forgets the biases")
def ignores_bias(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model * num_heads * (d_head or d_model // num_heads)


@multi_head_parameters.mutant("a count of one head alone")
def one_head_alone(d_model, num_heads, d_head=None, bias=False):
    d = d_head or d_model // num_heads
    return 4 * d_model * d + (3 * d + d_model if bias else 0)


@multi_head_parameters.style
def counted_by_shapes(d_model, num_heads, d_head=None, bias=False):
    """A sum over the list of shapes."""
    d_all = num_heads * (d_model // num_heads if d_head is None else d_head)
    shapes = [(d_model, d_all)] * 3 + [(d_all, d_model)] + ([(d_all, 1)] * 3 + [(d_model, 1)] if bias else [])
    return sum(rows * columns for rows, columns in shapes)


CASES = ((3, 5, 8, 2), (1, 7, 4, 4), (16, 16, 12, 3), (128, 64, 64, 8))


def compare(got, want):
    """Compare two dicts of counts key by key."""
    expect(isinstance(got, dict), f"the result is a {type(got).__name__}, it should be a dict of three counts")
    for key, value in want.items():
        expect(key in got, f"the result has no entry {key!r}")
        agree(got[key], value, f"the count of {key!r}", rtol=0, atol=0)


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

    d = d_model // num_heads
    projections = sum(product(T, d_model, d_model) for T in (T_q, T_q, T_k, T_k))
    scores = sum(product(T_q, d, T_k) for _ in range(num_heads))
    return {"projections": projections, "scores": scores, "mixing": sum(product(T_q, T_k, d) for _ in range(num_heads))}
