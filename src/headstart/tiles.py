"""How the fast attention of both wings cuts its work: groups of heads, blocks of queries, tiles of scores.

Nothing here touches an array: the plan is made of slices.
"""

import itertools

ROWS = 512  # queries at a time
TILE = ROWS * 256  # scores at a time: 512 KiB in float32, which stay in the second-level cache between two steps


def head_groups(leading, T_q, T_k):
    """Indices that together cover the leading axes, each as many neighbouring heads as share one tile's memory.

    leading   tuple of int   at least one axis
    T_q, T_k  int            short sequences go many heads at a time, long ones head by head
    """
    rows = max(1, min(T_q, ROWS))
    heads = TILE // (rows * max(1, min(T_k, TILE // rows)))
    for index in itertools.product(*map(range, leading[:-1])):
        for start in range(0, leading[-1], heads):
            yield (*index, slice(start, start + heads))


def row_blocks(T_q):
    """Slices of up to ROWS queries that cover all of them."""
    return [slice(start, min(start + ROWS, T_q)) for start in range(0, T_q, ROWS)]


def tiles(rows, T_q, T_k, causal):
    """The tiles of one block of queries: which of the block's queries see anything, of which keys, and the diagonal.

    rows    slice   of the T_q queries
    causal  bool    query i sees the first T_k - T_q + i + 1 keys: the last query sees all
    return  generator of (slice of the block's queries, slice of the keys, diagonal): query i of the tile sees its keys
            0 … i + diagonal; the diagonal is None where all queries of the tile see all its keys
    """
    sees = T_k - T_q + rows.start + 1 if causal else T_k  # how many keys the first query sees; each next one, one more
    last = sees + rows.stop - rows.start - 1  # and how many the last one sees: whole tiles beyond are skipped
    end = min(T_k, last) if causal else T_k
    width = TILE // (rows.stop - rows.start)  # few queries take many keys at a time
    for start in range(0, end, width):
        stop, first = min(start + width, end), max(0, start + 1 - sees)  # queries before `first` see none of these keys
        crossed = sees + first < stop
        yield slice(first, None), slice(start, stop), sees + first - start - 1 if crossed else None
