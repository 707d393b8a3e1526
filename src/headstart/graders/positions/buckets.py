"""Buckets of relative position: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect

relative_position_buckets = exercise("relative_position_buckets", "positions", wings=("in_numpy",))

SETTINGS = ((32, 128), (8, 20), (16, 100), (4, 9), (6, 30))  # num_buckets, max_distance


def exact_bucket(r, n, max_distance):
    """The bucket of distance r among n, or None where r lies on a boundary, which rounding may put on either side."""
    e = n // 2
    if r < e:
        return r
    growth = (n - e) * math.log(r / e) / math.log(max_distance / e)
    on_boundary = abs(growth - round(growth)) < 1e-5 and 0 < round(growth) < n - e
    return None if on_boundary else min(e + math.floor(growth + 1e-9), n - 1)


def bucket_of(ahead, num_buckets, max_distance, causal):
    """The bucket of a key that stands `ahead` of the query (behind it: negative); None on a boundary."""
    n = num_buckets if causal else num_buckets // 2
    bucket = exact_bucket(max(-ahead, 0) if causal else abs(ahead), n, max_distance)
    return bucket if bucket is None or causal or ahead <= 0 else bucket + n


def compare(got, T_q, T_k, num_buckets, max_distance, causal):
    """Compare bucket by bucket, leaving out the boundaries."""
    buckets = {ahead: bucket_of(ahead, num_buckets, max_distance, causal) for ahead in range(-T_k, T_k)}
    rows = [[buckets[j - (i + T_k - T_q)] for j in range(T_k)] for i in range(T_q)]
    want, got = np.array(rows, dtype=float), np.asarray(got)  # None becomes NaN
    if got.shape == want.shape:
        want = np.where(np.isnan(want), got, want)
    agree(got, want, "the buckets", rtol=0, atol=0)


@relative_position_buckets.law
def near_exact_far_logarithmic(candidate, draw):
    """Near distances have a bucket of their own, far ones share buckets that grow; future keys have the second half."""
    for num_buckets, max_distance in SETTINGS:
        compare(candidate(40, 40, num_buckets, max_distance), 40, 40, num_buckets, max_distance, False)


@relative_position_buckets.law
def all_buckets_for_the_past(candidate, draw):
    """With causal=True the past gets all buckets, and every future key bucket 0."""
    for num_buckets, max_distance in SETTINGS:
        got = candidate(40, 40, num_buckets, max_distance, True)
        compare(got, 40, 40, num_buckets, max_distance, True)


@relative_position_buckets.law
def queries_are_the_last_rows(candidate, draw):
    """With T_q < T_k the queries are the newest positions: the buckets are the last rows of the square."""
    for causal in (False, True):
        compare(candidate(3, 30, 16, 25, causal=causal), 3, 30, 16, 25, causal)
        compare(candidate(1, 9, 8, 6, causal=causal), 1, 9, 8, 6, causal)


@relative_position_buckets.law
def far_away_is_one_bucket(candidate, draw):
    """From max_distance on every distance is in the last bucket, and the default is 32 buckets up to 128."""
    got = np.asarray(candidate(200, 200))
    compare(got, 200, 200, 32, 128, False)
    expect(got.max() == 31 and got[130, 0] == got[199, 0] == 15, "distances beyond max_distance are not in one bucket")
    expect(got.dtype.kind in "iu", f"buckets are whole numbers to index a table with, yours are {got.dtype}")


@relative_position_buckets.law
def refuses_what_cannot_be_shared_out(candidate, draw):
    """An odd number of buckets, or a max_distance that leaves nothing for the shared ones, raises an exception."""
    for num_buckets in (7, 2):
        expect(candidate.refuses(40, 40, num_buckets), f"it made {num_buckets} buckets, it should raise ValueError")
    for causal, exact in ((False, 8), (True, 16)):
        for far in (exact, exact - 3):
            refused = candidate.refuses(40, 40, 32, far, causal)
            expect(refused, f"it took max_distance={far} for {exact} exact buckets, it should raise ValueError")
    compare(candidate(20, 20, 32, 9), 20, 20, 32, 9, False)  # one more than e is enough


def with_distance(distance_of, n_of=lambda num_buckets, causal: num_buckets if causal else num_buckets // 2, side=None):
    """The right rule around a (wrong) distance, number of buckets a direction, or side."""

    def buckets(T_q, T_k, num_buckets=32, max_distance=128, causal=False):
        ahead = distance_of(T_q, T_k)
        n, e = n_of(num_buckets, causal), n_of(num_buckets, causal) // 2
        r = np.maximum(-ahead, 0) if causal else np.abs(ahead)
        far = e + (np.log(np.maximum(r, e) / e) / math.log(max_distance / e) * (n - e)).astype(int)
        first = 0 if causal else n * (ahead > 0 if side is None else side(ahead))
        return np.where(r < e, r, np.minimum(far, n - 1)) + first

    return buckets


def key_minus_query(T_q, T_k):
    """The right relative position."""
    return np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None]


@relative_position_buckets.mutant("query minus key instead of key minus query: past and future exchanged")
def direction_exchanged(*args, **kwargs):
    return with_distance(lambda T_q, T_k: -key_minus_query(T_q, T_k))(*args, **kwargs)


@relative_position_buckets.mutant(
    "queries aligned with the first keys instead of the last (the cache's length forgotten)"
)
def cache_forgotten(*args, **kwargs):
    return with_distance(lambda T_q, T_k: np.arange(T_k) - np.arange(T_q)[:, None])(*args, **kwargs)


@relative_position_buckets.mutant("one bucket a distance, clipped at the end: nothing logarithmic (Shaw et al. 2018)")
def clipped(T_q, T_k, num_buckets=32, max_distance=128, causal=False):
    ahead = key_minus_query(T_q, T_k)
    n = num_buckets if causal else num_buckets // 2
    r = np.maximum(-ahead, 0) if causal else np.abs(ahead)
    return np.minimum(r, n - 1) + (0 if causal else n * (ahead > 0))


@relative_position_buckets.mutant("half of the buckets for the past even where causal gives it all of them")
def always_halved(*args, **kwargs):
    return with_distance(key_minus_query, lambda num_buckets, causal: num_buckets // 2)(*args, **kwargs)


@relative_position_buckets.mutant("past and future in the same buckets: the direction is lost")
def no_direction(*args, **kwargs):
    return with_distance(key_minus_query, side=lambda ahead: 0)(*args, **kwargs)


@relative_position_buckets.mutant("the last bucket overrun: far distances are not held at n - 1")
def not_held(T_q, T_k, num_buckets=32, max_distance=128, causal=False):
    ahead = key_minus_query(T_q, T_k)
    n = num_buckets if causal else num_buckets // 2
    r = np.maximum(-ahead, 0) if causal else np.abs(ahead)
    far = n // 2 + (np.log(np.maximum(r, n // 2) / (n // 2)) / math.log(max_distance / (n // 2)) * (n - n // 2)).astype(
        int
    )
    return np.where(r < n // 2, r, far) + (0 if causal else n * (ahead > 0))


@relative_position_buckets.style
def by_counting_boundaries(T_q, T_k, num_buckets=32, max_distance=128, causal=False):
    """Count how many boundaries a distance has passed."""
    n = num_buckets if causal else num_buckets // 2
    e = n // 2
    if num_buckets % 2 or max_distance <= e:
        raise ValueError("no such buckets")
    edges = e * (max_distance / e) ** (np.arange(1, n - e) / (n - e))
    ahead = key_minus_query(T_q, T_k)
    r = np.maximum(-ahead, 0) if causal else np.abs(ahead)
    far = e + (r[..., None] >= edges).sum(-1)
    return np.where(r < e, r, far) + (0 if causal else n * (ahead > 0))


@relative_position_buckets.style
def one_pair_at_a_time(T_q, T_k, num_buckets=32, max_distance=128, causal=False):
    """Two loops and an if; what cannot be is asserted."""
    assert num_buckets % 2 == 0
    assert max_distance > num_buckets // (2 if causal else 4)
    table = np.zeros((T_q, T_k), int)
    for i in range(T_q):
        for j in range(T_k):
            r, n = (i + T_k - T_q) - j, num_buckets if causal else num_buckets // 2
            first = 0 if causal or r >= 0 else n
            r = max(r, 0) if causal else abs(r)
            e = n // 2
            far = e + int(math.log(max(r, 1) / e) / math.log(max_distance / e) * (n - e)) if r >= e else r
            table[i, j] = first + min(far, n - 1)
    return table
