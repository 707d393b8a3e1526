"""Which key and value heads a rank needs: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.scale.witness import refuses, whole_numbers

kv_heads_of_rank = exercise("kv_heads_of_rank", "ranks", chapter="scale", wings=("in_numpy",))

LAYERS = ((1, 1, 1), (8, 8, 4), (8, 2, 4), (8, 1, 4), (32, 8, 2), (12, 6, 4), (12, 4, 6), (6, 6, 1))  # H, G, R


def read_by(H, G, rank, R):
    """The heads that the rank's query heads read, one query head at a time."""
    return sorted({h // (H // G) for h in range(H) if h // (H // R) == rank})


@kv_heads_of_rank.law
def reads_what_its_queries_need(candidate, draw):
    """A rank gets the key and value heads that its query heads read: all of them, no others, in order."""
    for H, G, R in LAYERS:
        for rank in range(R):
            what = f"the list for {H} query heads, {G} key and value heads, rank {rank} of {R}"
            whole_numbers(candidate(H, G, rank, R), read_by(H, G, rank, R), what)


@kv_heads_of_rank.law
def every_head_lives_somewhere(candidate, draw):
    """All key and value heads are on some rank; with as many as query heads, on exactly one."""
    for H, G, R in LAYERS:
        lists = [list(candidate(H, G, rank, R)) for rank in range(R)]
        held = [head for heads in lists for head in heads]
        expect(sorted(set(held)) == list(range(G)), f"with H={H}, G={G}, R={R} the ranks hold {lists}")
        expect(H != G or len(held) == G, f"with H=G={H}, R={R} a head lives on more than one rank: {lists}")


@kv_heads_of_rank.law
def uneven_shares_are_refused(candidate, draw):
    """Sizes below one, query heads that do not divide, and ranks that do not exist raise an exception."""
    for bad in ((8, 8, 0, 3), (8, 3, 0, 2), (0, 1, 0, 1), (8, 0, 0, 2), (8, 2, 0, 0)):
        refuses(candidate, *bad, why="the heads cannot be shared out")
    for rank in (-1, 4):
        refuses(candidate, 8, 2, rank, 4, why="there are the ranks 0 to 3")


def checked(H, G, rank, R):
    """Raise ValueError for what the contract refuses."""
    if min(H, G, R) < 1 or H % R or H % G or not 0 <= rank < R:
        raise ValueError("uneven")


def with_heads(rule):
    """An answer by a (wrong) rule, with the right refusals."""

    def heads(num_heads, num_kv_heads, rank, num_ranks):
        checked(num_heads, num_kv_heads, rank, num_ranks)
        return rule(num_heads, num_kv_heads, rank, num_ranks)

    return heads


@kv_heads_of_rank.mutant("heads counted as G // R to a rank: nothing is left where there are fewer heads than ranks")
def floor_of_the_share(*sizes):
    return with_heads(lambda H, G, rank, R: list(range(rank * (G // R), (rank + 1) * (G // R))))(*sizes)


@kv_heads_of_rank.mutant("one head a rank, rank modulo G: the ranks of a group get different heads")
def dealt_in_turn(*sizes):
    def turn(H, G, rank, R):
        return read_by(H, G, rank, R) if G >= R else [rank % G]

    return with_heads(turn)(*sizes)


@kv_heads_of_rank.mutant("heads for query head h taken as h % G (tiled) instead of h // (H / G) (repeated)")
def tiled_groups(*sizes):
    return with_heads(lambda H, G, rank, R: sorted({h % G for h in range(H) if h // (H // R) == rank}))(*sizes)


@kv_heads_of_rank.mutant("every key and value head on every rank")
def all_heads_everywhere(*sizes):
    return with_heads(lambda H, G, rank, R: list(range(G)))(*sizes)


@kv_heads_of_rank.mutant("the rank's query heads, not the heads that they read")
def query_heads_themselves(*sizes):
    return with_heads(lambda H, G, rank, R: list(range(rank * H // R, (rank + 1) * H // R)))(*sizes)


@kv_heads_of_rank.mutant("one head too few where a rank's query heads begin or end in the middle of a group")
def rounded_down(*sizes):
    def rounded(H, G, rank, R):
        first = rank * G // R
        return list(range(first, max(first + 1, (rank + 1) * G // R)))

    return with_heads(rounded)(*sizes)


@kv_heads_of_rank.mutant("a head for each query head, the shared ones several times")
def once_for_each_query(*sizes):
    return with_heads(lambda H, G, rank, R: [h // (H // G) for h in range(H) if h // (H // R) == rank])(*sizes)


@kv_heads_of_rank.style
def by_a_set(num_heads, num_kv_heads, rank, num_ranks):
    """Every query head asked, duplicates dropped, an assertion for a refusal."""
    assert min(num_heads, num_kv_heads, num_ranks) > 0, "sizes"
    assert num_heads % num_ranks == num_heads % num_kv_heads == 0, "uneven"
    assert rank in range(num_ranks), "rank"
    return read_by(num_heads, num_kv_heads, rank, num_ranks)
