"""How the fast attention cuts its work: groups of heads, blocks of queries, tiles of scores."""

import numpy as np

ROWS, KEYS = 512, 256  # a tile of float32 scores is 512 KiB: it stays in the second-level cache between two steps


def common_axes(*arrays):
    """Give all arrays the same leading axes, as views; an array that is None stays None.

    arrays  (..., a, b)   leading axes that broadcast
    return  list of (*leading, a, b), leading; where no array has leading axes, the views get one of size 1
    """
    leading = np.broadcast_shapes(*(x.shape[:-2] for x in arrays if x is not None))
    return [x if x is None else np.broadcast_to(x, (leading or (1,)) + x.shape[-2:]) for x in arrays], leading


def head_groups(leading, T_q, T_k):
    """Indices that together cover the leading axes, each as many neighbouring heads as share one tile's memory.

    leading   tuple of int   at least one axis
    T_q, T_k  int            short sequences go many heads at a time, long ones head by head
    """
    heads = max(1, ROWS * KEYS // max(1, min(T_q, ROWS) * min(T_k, KEYS)))
    for index in np.ndindex(leading[:-1]):
        for start in range(0, leading[-1], heads):
            yield (*index, slice(start, start + heads))


def row_blocks(T_q):
    """Slices of up to ROWS queries that cover all of them."""
    return [slice(start, min(start + ROWS, T_q)) for start in range(0, T_q, ROWS)]


def tiles(rows, T_q, T_k, mask, causal):
    """The tiles of one block of queries: which of the block's queries see something, of which keys, and which pairs.

    rows    slice            of the T_q queries
    mask    (..., T_q, T_k)  boolean, or None
    causal  bool             query i sees the first T_k - T_q + i + 1 keys: the last query sees all
    return  generator of (slice of the block, slice of the keys, boolean pairs or None where all are allowed)
    """
    sees = T_k - T_q + rows.start + 1 if causal else T_k  # how many keys the first query sees; each next one, one more
    end = min(T_k, sees + rows.stop - rows.start - 1)  # beyond it no query sees anything: those tiles are skipped
    for start in range(0, end, KEYS):
        stop, first = min(start + KEYS, end), max(0, start + 1 - sees)  # queries before `first` see none of these keys
        pairs = None if mask is None else mask[..., rows.start + first : rows.stop, start:stop]
        if sees + first < stop:  # the diagonal crosses this tile
            below = np.tri(rows.stop - rows.start - first, stop - start, sees + first - start - 1, dtype=bool)
            pairs = below if pairs is None else pairs & below
        yield slice(first, None), slice(start, stop), pairs
