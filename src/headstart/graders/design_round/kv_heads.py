"""Key and value heads for a memory: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

most_kv_heads = exercise("most_kv_heads", "design", chapter="design-round", wings=("in_numpy",))

CASES = (  # sequences, tokens, layers, query heads, width, ranks, bytes
    (2, 5, 3, 12, 4, 1, 2),
    (1, 7, 2, 12, 3, 2, 2),
    (3, 4, 2, 12, 2, 4, 1),
    (2, 3, 1, 8, 5, 8, 4),
    (1, 2, 2, 6, 1, 3, 2),
)


def bytes_of_a_rank(G, B, T, layers, H, width, ranks, size):
    """The cache of rank 0: the heads that its query heads read, counted one by one; each rank has as many."""
    read = {h // (H // G) for h in range(H // ranks)}
    return sum(2 * B * T * layers * width * size for _ in read)


def by_trying(budget, *case):
    """Every number of heads that is a multiple of the ranks or divides them, from the largest down."""
    H, ranks = case[3], case[5]
    for G in range(H, 0, -1):
        if H % G == 0 and (G % ranks == 0 or ranks % G == 0) and bytes_of_a_rank(G, *case) <= budget:
            return G
    return 0


@most_kv_heads.law
def the_largest_that_fits(candidate, draw):
    """The result is the largest allowed number of heads whose cache is within the budget of a rank."""
    for case in CASES:
        one = bytes_of_a_rank(1, *case)
        for budget in (5 * one, one - 1, one, one + 1, 2 * one - 1, 2 * one, 3 * one, 4 * one, 13 * one):
            whole(candidate(budget, *case), by_trying(budget, *case), f"the choice for {budget} bytes and {case}")


@most_kv_heads.law
def one_rank_and_two_bytes_by_default(candidate, draw):
    """Without ranks all heads lie together; numbers have 16 bits unless said otherwise."""
    for heads in (1, 2, 3, 4, 6, 12):
        whole(candidate(heads * 2 * 3 * 50 * 4 * 8 * 2, 3, 50, 4, 12, 8), heads, f"the choice for just {heads} heads")


@most_kv_heads.law
def copies_cost_every_rank(candidate, draw):
    """Fewer heads than ranks save a rank nothing: what does not fit with one head a rank fits with no number."""
    for case in CASES[1:]:
        whole(candidate(bytes_of_a_rank(1, *case), *case), case[5], f"the choice for one head a rank and {case}")
        whole(candidate(bytes_of_a_rank(1, *case) - 1, *case), 0, f"the choice for too few bytes and {case}")


@most_kv_heads.law
def sizes_of_a_choice_start_at_one(candidate, draw):
    """A size below one, or query heads that do not divide among the ranks, is refused by an exception."""
    for place in range(8):
        sizes = [2] * place + [0] + [2] * (7 - place)
        expect(candidate.refuses(*sizes), f"it chose for {tuple(sizes)}, it should raise ValueError")
    expect(candidate.refuses(1000, 1, 1, 1, 6, 1, 4), "it divided 6 heads among 4 ranks, it should raise ValueError")


def choose(budget, one_head, num_heads, num_ranks):
    """The choice for so many bytes a head."""
    fitting = [
        n for n in range(1, num_heads // num_ranks + 1) if num_heads // num_ranks % n == 0 and n * one_head <= budget
    ]
    return max(fitting, default=0) * num_ranks


@most_kv_heads.mutant("the number of heads that fit, though the query heads do not divide among them")
def any_number(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    one_head = 2 * B * T * num_layers * d_head * bytes_per_number
    return min(budget // one_head, num_heads // num_ranks) * num_ranks


@most_kv_heads.mutant("a choice for one sequence: every sequence has a cache of its own")
def one_sequence(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    return choose(budget, 2 * T * num_layers * d_head * bytes_per_number, num_heads, num_ranks)


@most_kv_heads.mutant("a choice for keys alone: the values are cached too")
def keys_alone(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    return choose(budget, B * T * num_layers * d_head * bytes_per_number, num_heads, num_ranks)


@most_kv_heads.mutant("a choice with the ranks' memory added up, though a head that is copied takes room on each")
def added_up(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    one_head = 2 * B * T * num_layers * d_head * bytes_per_number
    fitting = [G for G in range(1, num_heads + 1) if num_heads % G == 0 and G * one_head <= budget * num_ranks]
    return max(fitting, default=0)


@most_kv_heads.mutant("the heads of one rank: all ranks together have num_ranks times as many")
def of_one_rank(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    one_head = 2 * B * T * num_layers * d_head * bytes_per_number
    return choose(budget, one_head, num_heads, num_ranks) // num_ranks


@most_kv_heads.style
def from_the_largest_down(budget, B, T, num_layers, num_heads, d_head, num_ranks=1, bytes_per_number=2):
    """Every divisor is tried."""
    if min(budget, B, T, num_layers, num_heads, d_head, num_ranks, bytes_per_number) < 1 or num_heads % num_ranks:
        raise ValueError("sizes")
    one_head = 2 * B * T * num_layers * d_head * bytes_per_number
    for G in range(num_heads, 0, -num_ranks):
        if num_heads % G == 0 and G // num_ranks * one_head <= budget:
            return G
    return 0
