"""The bound on tokens per second: laws, known mistakes, accepted styles."""

from headstart.graders.kit import agree, exercise, expect

decode_tokens_per_second = exercise("decode_tokens_per_second", "efficiency", wings=("in_numpy",))

SLOW = (10**9, 0.5)  # peak_flops and bandwidth: memory decides
DULL = (1.0, 10**9)  # arithmetic decides


@decode_tokens_per_second.law
def weights_are_read_once(candidate, draw):
    """Where memory decides, a step takes the bytes of the weights, once, and of every sequence's cache."""
    for B, T_k, n, c, itemsize in ((1, 5, 100, 2, 2), (8, 5, 100, 2, 2), (3, 40, 100, 7, 1), (2, 3, 50, 11, 4)):
        seconds = 2.0 * (itemsize * n + sum(itemsize * T_k * c for _ in range(B)))  # half a byte a second
        agree(candidate(B, T_k, n, c, *SLOW, itemsize), B / seconds, f"tokens per second of {B}, memory-bound")


@decode_tokens_per_second.law
def every_sequence_computes(candidate, draw):
    """Where arithmetic decides, each sequence costs two operations a parameter and two a cached number."""
    for B, T_k, n, c, itemsize in ((1, 5, 100, 2, 2), (8, 5, 100, 2, 1), (3, 40, 100, 7, 4)):
        seconds = sum(2 * n + 2 * T_k * c for _ in range(B))
        agree(candidate(B, T_k, n, c, *DULL, itemsize), B / seconds, f"tokens per second of {B}, compute-bound")


@decode_tokens_per_second.law
def the_longer_time_alone(candidate, draw):
    """Loading and computing go on at once: a step takes the longer of the two times, not their sum."""
    for loading, computing in ((10.0, 8.0), (8.0, 10.0), (10.0, 10.0)):  # seconds
        peak_flops, bandwidth = 4 * 2 * (100 + 5 * 2) / computing, 2 * (100 + 4 * 5 * 2) / loading
        agree(candidate(4, 5, 100, 2, peak_flops, bandwidth), 0.4, "tokens per second where both times are alike")


@decode_tokens_per_second.law
def more_sequences_share_the_weights(candidate, draw):
    """A batch gains nearly its size while the cache is small, and never more than one read of a cache allows."""
    one, many = candidate(1, 1, 10**6, 1, *SLOW), candidate(64, 1, 10**6, 1, *SLOW)
    agree(many / one, 64.0, "the gain of 64 short sequences", rtol=1e-3)
    crowd = candidate(10**6, 100, 10, 10, *SLOW)
    agree(crowd, 0.5 / (2 * 100 * 10), "tokens per second of a crowd with long caches", rtol=1e-3)


@decode_tokens_per_second.law
def nothing_to_decode(candidate, draw):
    """A count below 1, or a speed that is not above 0, is refused."""
    good = (1, 5, 100, 2, 3.0, 2.0)
    for i in range(len(good)):
        for nothing in (0, -1):
            bad = [nothing if i == n else value for n, value in enumerate(good)]
            expect(candidate.refuses(*bad), f"it took {tuple(bad)}, it should raise ValueError")


def bound(B, T_k, n, c, peak_flops, bandwidth, itemsize=2, *, copies=1, read=1, worked=2, joined=max, made=None):
    """The bound, with (wrong) numbers of times that things are read or counted."""
    if min(B, T_k, n, c) < 1 or min(peak_flops, bandwidth) <= 0:
        raise ValueError("nothing to decode")
    copies = B if copies == "B" else copies
    caches = B if read == 1 else read
    loading = itemsize * (copies * n + caches * T_k * c) / bandwidth
    return (B if made is None else made) / joined(loading, worked * B * (n + T_k * c) / peak_flops)


@decode_tokens_per_second.mutant("a bound with the weights read again for every sequence: a batch would gain nothing")
def weights_for_each(*args):
    return bound(*args, copies="B")


@decode_tokens_per_second.mutant("a bound without the bytes of the cache")
def cache_for_free(*args):
    return bound(*args, read=0)


@decode_tokens_per_second.mutant("a bound with one cache for all sequences: each reads its own")
def one_cache(B, T_k, n, c, peak_flops, bandwidth, itemsize=2):
    if B < 1:
        raise ValueError("no sequence")
    seconds = max(itemsize * (n + T_k * c) / bandwidth, 2 * B * (n + T_k * c) / peak_flops)
    return B / seconds if bound(B, T_k, n, c, peak_flops, bandwidth) else 0.0


@decode_tokens_per_second.mutant("the steps per second: each step writes a token for every sequence")
def steps_per_second(*args):
    return bound(*args, made=1)


@decode_tokens_per_second.mutant("a bound with one operation a parameter: a multiply-add is two")
def one_operation_each(*args):
    return bound(*args, worked=1)


@decode_tokens_per_second.mutant("a bound with the shorter of the two times: the longer one decides")
def shorter_time(*args):
    return bound(*args, joined=min)


@decode_tokens_per_second.mutant("a bound with the two times added up: loading and computing go on at once")
def times_added(*args):
    return bound(*args, joined=lambda loading, computing: loading + computing)


@decode_tokens_per_second.style
def slower_of_two_rates(B, T_k, num_parameters, cache_numbers, peak_flops, bandwidth, itemsize=2):
    """Two rates, and the smaller one."""
    for value in (B, T_k, num_parameters, cache_numbers, peak_flops, bandwidth):
        if not value > 0:
            raise ValueError(f"{value} is not above 0")
    per_byte = B / (itemsize * num_parameters + itemsize * B * T_k * cache_numbers)
    per_operation = 1 / (2 * num_parameters + 2 * T_k * cache_numbers)
    return min(per_byte * bandwidth, per_operation * peak_flops)
