"""The mask of a stream heard in chunks: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.stability.witness import same_mask

chunk_mask = exercise("chunk_mask", "audio", wings=("in_numpy",))

CASES = ((1, 1, 0), (6, 2, 1), (7, 3, 1), (8, 3, 0), (9, 2, 2), (5, 8, 1), (5, 1, 1), (10, 4, 5))


def chunks_by_loops(T, chunk, num_left):
    """Query by query, key by key."""
    mask = np.zeros((T, T), dtype=bool)
    for i in range(T):
        for j in range(T):
            mask[i, j] = i // chunk - num_left <= j // chunk <= i // chunk
    return mask


@chunk_mask.law
def own_chunk_and_some_before(candidate, draw):
    """A query sees its own chunk to its end, and num_left chunks before it, also where the last chunk is short."""
    for case in CASES:
        same_mask(candidate(*case), chunks_by_loops(*case), f"chunk_mask{case}")


@chunk_mask.law
def between_all_and_causal(candidate, draw):
    """One chunk is attention to everything; chunks of one frame with all of them before are the causal mask."""
    T = int(draw.rng.integers(4, 9))
    same_mask(candidate(T, T, 0), np.ones((T, T), dtype=bool), f"chunk_mask({T}, {T}, 0)")
    same_mask(candidate(T, 1, T), np.tri(T, dtype=bool), f"chunk_mask({T}, 1, {T})")


@chunk_mask.law
def waiting_ends_with_the_chunk(candidate, draw):
    """The last key that a query waits for is the end of its chunk, however many chunks it sees before."""
    chunk, chunks = int(draw.rng.integers(2, 5)), 3
    for num_left in (0, 1, 4):
        mask = np.asarray(candidate(chunk * chunks, chunk, num_left))
        last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
        agree(last, np.repeat(np.arange(1, chunks + 1) * chunk - 1, chunk), f"the last key seen with chunks of {chunk}")


@chunk_mask.law
def refuses_empty_chunks(candidate, draw):
    """At least one frame and chunks of one, and no negative number of chunks before: else an exception."""
    for sizes in ((0, 2, 1), (-1, 2, 1), (4, 0, 1), (4, -2, 1), (4, 2, -1)):
        expect(candidate.refuses(*sizes), f"chunk_mask{sizes} should raise a ShapeError or another ValueError")


def from_chunks(T, chunk, num_left, rule):
    """A mask by a (wrong) rule on frames and their chunks; refuses as it should."""
    if min(T, chunk) < 1 or num_left < 0:
        raise ValueError("empty")
    i = np.arange(T)
    return rule(i[:, None], i, i[:, None] // chunk, i // chunk)


@chunk_mask.mutant("the own chunk only up to the query: the look-ahead, for which one waits anyway, is not used")
def no_look_ahead(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: (j <= i) & (b >= a - num_left))


@chunk_mask.mutant("the own chunk alone: the chunks before it are not seen")
def own_chunk_alone(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: a == b)


@chunk_mask.mutant("every chunk of the past: num_left is not used")
def the_whole_past(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: b <= a)


@chunk_mask.mutant("num_left counted in frames instead of chunks")
def left_in_frames(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: (b <= a) & (j >= a * chunk - num_left))


@chunk_mask.mutant("num_left chunks with the own one among them: one too few")
def own_chunk_counted(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: (b == a) | ((b < a) & (b > a - num_left)))


@chunk_mask.mutant("chunks on both sides: the stream waits for the future")
def both_sides(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: np.abs(a - b) <= num_left)


@chunk_mask.mutant("the chunk mask inverted: True marks what is blocked")
def chunks_inverted(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: (b > a) | (b < a - num_left))


@chunk_mask.mutant("the chunk mask transposed: earlier queries see later chunks")
def chunks_transposed(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: (a <= b) & (a >= b - num_left))


@chunk_mask.mutant("a window that slides with the query instead of one that moves a chunk at a time")
def sliding_chunks(T, chunk, num_left):
    return from_chunks(T, chunk, num_left, lambda i, j, a, b: (j < i + chunk) & (j >= i - num_left * chunk))


@chunk_mask.style
def chunk_by_chunk(T, chunk, num_left):
    """A block of True for every chunk of queries."""
    if min(T, chunk) < 1 or num_left < 0:
        raise ValueError("empty")
    mask = np.zeros((T, T), dtype=bool)
    for start in range(0, T, chunk):
        mask[start : start + chunk, max(0, start - num_left * chunk) : start + chunk] = True
    return mask


@chunk_mask.style
def blown_up(T, chunk, num_left):
    """A band of chunks, each entry blown up to a block, and cut to size."""
    assert T > 0 < chunk
    assert num_left >= 0
    n = -(-T // chunk)
    band = np.tri(n, dtype=bool) & ~np.tri(n, k=-num_left - 1, dtype=bool)
    return np.kron(band, np.ones((chunk, chunk), dtype=bool))[:T, :T]
