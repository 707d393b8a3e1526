"""Bytes that a rank sends in three schemes: laws that carry every number across, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import compare
from headstart.graders.scale.kv_heads import read_by
from headstart.graders.scale.witness import refuses

bytes_sent = exercise("bytes_sent", "ranks", chapter="scale", wings=("in_numpy",))

CASES = (
    (16, 24, 4, 4, 2),
    (16, 24, 4, 2, 4),
    (12, 8, 4, 1, 4),
    (9, 12, 3, 3, 3),
    (10, 16, 8, 4, 2),
    (16, 16, 8, 2, 4),
    (1, 5, 1, 1, 1),
    (12, 12, 6, 3, 6),
    (8, 16, 8, 8, 1),
    (4096, 4096, 32, 8, 8),
)


def carried(T, d_model, H, G, R, backward=False):
    """Numbers that rank 0 sends, message by message."""
    n, d = T // R, d_model // H
    ring = all_to_all = all_reduce = 0
    for _ in range(R - 1):  # once around to add up, once around to tell everybody: a chunk a step
        all_reduce += 2 * (T * d_model) / R
    for to in range(1, R):
        heads, read = H // R, len(read_by(H, G, to, R))
        all_to_all += sum(n * d * amount for amount in (heads, read, read, heads))  # q, k, v, and out
        ring += n * d * G + n * d * G  # k and v
    if backward:
        for _ in range(R if R > 1 else 0):  # alone, they are at home
            ring += n * d * G + n * d * G  # dk and dv
    return {"tensor_parallel": round(all_reduce), "all_to_all": all_to_all, "ring": ring}


@bytes_sent.law
def every_message_is_counted(candidate, draw):
    """The counts are those of all messages of the forward pass, one by one."""
    for case in CASES:
        want = {scheme: 2 * numbers for scheme, numbers in carried(*case).items()}
        compare(candidate(*case), want)


@bytes_sent.law
def the_way_back_is_counted(candidate, draw):
    """Backward the ring sends its blocks again and R blocks of gradients; the others send as much as forward."""
    for case in CASES:
        want = {scheme: 4 * numbers for scheme, numbers in carried(*case, backward=True).items()}
        compare(candidate(*case, 4, True), want)


@bytes_sent.law
def alone_nothing_is_sent(candidate, draw):
    """A single rank sends nothing, forward or backward: its gradients are at home."""
    for way in (False, True):
        compare(candidate(16, 32, 4, 2, 1, 2, way), {"tensor_parallel": 0, "all_to_all": 0, "ring": 0})


@bytes_sent.law
def what_more_ranks_cost(candidate, draw):
    """From 8 to 16 ranks, 16 heads everywhere: head-parallel and ring hardly change, all-to-all sends about half."""
    few, many = (candidate(4096, 1024, 16, 16, R) for R in (8, 16))
    for scheme, low, high in (("tensor_parallel", 1.0, 1.1), ("ring", 1.0, 1.1), ("all_to_all", 0.5, 0.55)):
        ratio = many[scheme] / few[scheme]
        expect(low < ratio < high, f"{scheme}: 16 ranks send {ratio:.2f} times what 8 send, not {low} to {high}")


@bytes_sent.law
def uneven_sizes_are_refused(candidate, draw):
    """Tokens or heads that cannot be shared out evenly, and sizes below one, raise an exception."""
    for bad in (
        (15, 24, 4, 4, 2),
        (16, 25, 4, 4, 2),
        (15, 24, 4, 4, 3),
        (16, 24, 6, 2, 4),
        (36, 36, 12, 4, 6),
        (12, 24, 4, 0, 2),
        (16, 24, 12, 8, 4),
        (16, 24, 4, 8, 4),
    ):
        refuses(candidate, *bad, why="the sizes are uneven")
    for bad in ((0, 24, 4, 4, 2), (16, 24, 0, 4, 2), (16, 24, 4, 4, 0), (16, 24, 4, 4, -2)):
        refuses(candidate, *bad, why="a size is below one")


def counts(T, d_model, H, G, R, nbytes=2, backward=False, **wrong):
    """The formula with (wrong) parts."""
    if min(T, H, G, R) < 1 or T % R or d_model % H or H % R or H % G or (G % R and R % G):
        raise ValueError("uneven")
    n, d, others = T // R, d_model // H, R - 1
    sent = {
        "tensor_parallel": wrong.get("reduce", 2) * others * n * d_model,
        "all_to_all": others * n * d * (wrong.get("wide", 2) * H // R + 2 * wrong.get("kv", max(1, G // R))),
        "ring": wrong.get("pair", 2)
        * n
        * d
        * wrong.get("heads", G)
        * (wrong.get("steps", others) + wrong.get("home", R) * (backward and R > 1)),
    }
    return {scheme: numbers * nbytes for scheme, numbers in sent.items()}


@bytes_sent.mutant("an all-reduce counted as one pass: it is a reduce-scatter and an all-gather")
def reduce_once(*args):
    return counts(*args, reduce=1)


@bytes_sent.mutant("a ring that sends its keys and forgets the values")
def keys_alone(*args):
    return counts(*args, pair=1)


@bytes_sent.mutant("a ring in which all query heads' worth of keys travels: with grouped heads only G of H do")
def ring_of_query_heads(T, d_model, H, G, R, *args):
    return counts(T, d_model, H, G, R, *args, heads=H)


@bytes_sent.mutant("R moves of the ring in the forward pass: the last is not needed")
def one_move_too_many(T, d_model, H, G, R, *args):
    return counts(T, d_model, H, G, R, *args, steps=R)


@bytes_sent.mutant("a ring whose gradients move R - 1 times: they do not come home")
def gradients_not_home(T, d_model, H, G, R, *args):
    return counts(T, d_model, H, G, R, *args, home=R - 1)


@bytes_sent.mutant("an all-to-all of q, k and v alone: the output has to go back")
def output_not_counted(*args):
    return counts(*args, wide=1)


@bytes_sent.mutant("a backward pass that sends what the forward pass sends, in the ring too")
def back_like_forth(T, d_model, H, G, R, nbytes=2, backward=False):
    return counts(T, d_model, H, G, R, nbytes)


@bytes_sent.mutant("numbers instead of bytes")
def numbers_not_bytes(T, d_model, H, G, R, nbytes=2, backward=False):
    return {scheme: n // max(nbytes, 1) for scheme, n in counts(T, d_model, H, G, R, nbytes, backward).items()}


@bytes_sent.style
def from_messages(T, d_model, num_heads, num_kv_heads, num_ranks, bytes_per_number=2, backward=False):
    """Message by message."""
    counts(T, d_model, num_heads, num_kv_heads, num_ranks, bytes_per_number)
    numbers = carried(T, d_model, num_heads, num_kv_heads, num_ranks, backward)
    return {scheme: bytes_per_number * n for scheme, n in numbers.items()}
