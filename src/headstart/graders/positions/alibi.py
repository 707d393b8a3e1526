"""ALiBi's slopes and biases: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

alibi_slopes = exercise("alibi_slopes", "positions", wings=("in_numpy",))
alibi_bias = exercise("alibi_bias", "positions", wings=("in_numpy",))


def geometric(H):
    """The paper's slopes: start and ratio 2^(-8/H)."""
    return [2 ** (-8 / H) * (2 ** (-8 / H)) ** h for h in range(H)]


def published(H):
    """The authors' rule for any number of heads."""
    if math.log2(H).is_integer():
        return geometric(H)
    power = 2 ** math.floor(math.log2(H))
    return geometric(power) + geometric(2 * power)[0::2][: H - power]


@alibi_slopes.law
def geometric_for_powers_of_two(candidate, draw):
    """For a power of two, head h of H (counted from 1) gets 2^(-8h/H): steep heads first, 2^-8 last."""
    for H in (1, 2, 4, 8, 16, 32):
        agree(candidate(H), [math.pow(2, -8 * h / H) for h in range(1, H + 1)], f"alibi_slopes({H})", atol=1e-7)


@alibi_slopes.law
def other_numbers_of_heads(candidate, draw):
    """Otherwise the next lower power of two comes first, then every second slope of the next higher one."""
    for H in (3, 5, 6, 7, 12, 20, 25):
        agree(candidate(H), published(H), f"alibi_slopes({H})", atol=1e-7)


@alibi_slopes.law
def eight_heads_are_halves(candidate, draw):
    """Eight heads get 1/2, 1/4, … 1/256."""
    agree(candidate(8), [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256], "alibi_slopes(8)", atol=1e-7)


@alibi_slopes.law
def refuses_no_heads(candidate, draw):
    """No heads at all raise an exception."""
    expect(candidate.refuses(0), "it made slopes for 0 heads, it should raise ValueError")


@alibi_slopes.mutant("the slopes in reverse head order: flat heads first")
def slopes_reversed(num_heads):
    return np.array(published(num_heads))[::-1]


@alibi_slopes.mutant("the slopes 2^-1, 2^-2, … whatever the number of heads: right for eight heads alone")
def always_halving(num_heads):
    return 2.0 ** -np.arange(1, num_heads + 1)


@alibi_slopes.mutant("the paper's formula used for every number of heads: the published code interleaves instead")
def formula_everywhere(num_heads):
    return np.array(geometric(num_heads))


@alibi_slopes.mutant("the sequence started at 1 (exponent 0) instead of at its ratio")
def started_at_one(num_heads):
    return np.array(published(num_heads)) * 2 ** (8 / 2 ** math.floor(math.log2(num_heads)))


@alibi_slopes.mutant("equally spaced slopes instead of a geometric sequence")
def linear_slopes(num_heads):
    return np.arange(num_heads, 0, -1) / num_heads


@alibi_slopes.mutant("the published slopes sorted by size where the code appends the extra heads at the end")
def sorted_slopes(num_heads):
    return np.sort(published(num_heads))[::-1].copy()


@alibi_slopes.style
def slopes_by_recursion(num_heads):
    """The published code's shape: a list from a recursive helper."""
    return np.array(published(num_heads), dtype=np.float32)


@alibi_slopes.style
def slopes_by_exponents(num_heads):
    """A list of exponents, powers at the end."""
    if num_heads < 1:
        raise ValueError("no heads")
    power = 1
    while 2 * power <= num_heads:
        power *= 2
    exponents = [8 * h / power for h in range(1, power + 1)]
    exponents += [4 * h / power for h in range(1, 2 * power, 2)][: num_heads - power]
    return np.exp2(-np.array(exponents))


def bias_by_loops(slopes, T_q, T_k):
    """One number at a time."""
    bias = np.zeros((len(slopes), T_q, T_k))
    for h, i, j in np.ndindex(bias.shape):
        bias[h, i, j] = -slopes[h] * abs(i + T_k - T_q - j)
    return bias


@alibi_bias.law
def slope_times_distance(candidate, draw):
    """Head h subtracts slope h times the distance of query and key, and nothing at the query's own position."""
    for H, T in again((3, 5), (1, 4), (4, 1), (5, 5)):
        slopes = np.abs(draw(H)) + 0.1
        agree(candidate(slopes, T, T), bias_by_loops(slopes, T, T), "the bias")


@alibi_bias.law
def cached_queries_are_the_last(candidate, draw):
    """With T_q < T_k the queries are the newest positions: the rows are the last rows of the square."""
    slopes = np.abs(draw(4)) + 0.1
    for T_q, T_k in ((1, 6), (3, 7), (2, 3)):
        agree(
            candidate(slopes, T_q, T_k), bias_by_loops(slopes, T_k, T_k)[:, T_k - T_q :], f"the bias for {T_q} of {T_k}"
        )


@alibi_bias.law
def only_the_distance_counts(candidate, draw):
    """Moving query and key together changes nothing, and the penalty is the same in both directions."""
    bias = np.asarray(candidate(np.abs(draw(2)) + 0.1, 6, 6))
    agree(bias[:, 1:, 1:], bias[:, :-1, :-1], "the bias one position later")
    agree(bias, bias.mT, "the bias with query and key exchanged")


@alibi_bias.mutant("ALiBi with the sign flipped: far keys are rewarded instead of penalised")
def sign_flipped(slopes, T_q, T_k):
    return -bias_by_loops(slopes, T_q, T_k)


@alibi_bias.mutant("ALiBi with the slopes in reverse head order")
def heads_reversed(slopes, T_q, T_k):
    return bias_by_loops(slopes, T_q, T_k)[::-1]


@alibi_bias.mutant("ALiBi that aligns the queries with the first keys: the length of the cache was forgotten")
def cache_length_forgotten(slopes, T_q, T_k):
    return -slopes[:, None, None] * np.abs(np.arange(T_q)[:, None] - np.arange(T_k))


@alibi_bias.mutant("ALiBi with the key's own position instead of its distance from the query")
def key_position(slopes, T_q, T_k):
    return np.broadcast_to(-slopes[:, None, None] * np.arange(T_k), (len(slopes), T_q, T_k))


@alibi_bias.mutant("ALiBi with a signed distance: keys to the right are rewarded")
def signed_distance(slopes, T_q, T_k):
    return slopes[:, None, None] * (np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None])


@alibi_bias.mutant("ALiBi with the square of the distance: the L stands for linear")
def squared_distance(slopes, T_q, T_k):
    return -slopes[:, None, None] * (np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None]) ** 2


@alibi_bias.style
def bias_by_outer_product(slopes, T_q, T_k):
    """einsum; the last rows of the square table; float32."""
    square = np.abs(np.subtract.outer(np.arange(T_k), np.arange(T_k)))
    return np.einsum("h,ij->hij", -slopes.astype(np.float32), square[T_k - T_q :])


@alibi_bias.style
def bias_one_head_at_a_time(slopes, T_q, T_k):
    """A list over heads."""
    rows = [[[-s * abs(T_k - T_q + i - j) for j in range(T_k)] for i in range(T_q)] for s in slopes]
    return np.array(rows)
