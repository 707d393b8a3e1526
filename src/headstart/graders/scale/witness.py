"""What the laws on several ranks share: whole numbers compared exactly, attention over tokens that were dealt out."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.kit import agree, expect


def whole_numbers(got, want, what):
    """Compare whole numbers exactly; lists will do."""
    expect(isinstance(got, np.ndarray | list | tuple), f"{what} is a {type(got).__name__}, not whole numbers")
    got = np.array(got)
    expect(got.size == 0 or got.dtype.kind in "iu", f"{what} holds {got.dtype}, it should hold whole numbers")
    agree(got, np.array(want), what, rtol=0, atol=0)


def refuses(candidate, *arguments, why):
    """Raise Broken unless the arguments are refused."""
    shown = ", ".join(f"an array {a.shape}" if isinstance(a, np.ndarray) else str(a) for a in arguments)
    expect(candidate.refuses(*arguments), f"it answered for ({shown}), it should raise ValueError: {why}")


def gathered(x):
    """All ranks' tokens in one sequence: (..., R, n, d) to (..., R·n, d)."""
    return x.reshape(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1])


def dealt(x, R):
    """Back again: (..., T, d) to (..., R, T/R, d)."""
    return x.reshape(*x.shape[:-2], R, x.shape[-2] // R, x.shape[-1])


def before(positions):
    """The mask of all tokens, whatever their order: a query may attend to keys at its own place or before."""
    places = positions.reshape(-1)
    return places <= places[:, None]


def together(q, k, v, positions=None):
    """Attention over the tokens of all ranks at once, dealt out again."""
    mask = None if positions is None else before(positions)
    return dealt(plain_softmax(scores_of(*map(gathered, (q, k)), mask)) @ gathered(v), q.shape[-3])


def draw_blocks(draw, lead, R, n, d_head, d_v):
    """Queries, keys and values of R ranks with n tokens each."""
    return draw(*lead, R, n, d_head), draw(*lead, R, n, d_head), draw(*lead, R, n, d_v)


def orders(draw, R, n):
    """Places of tokens: in order, at random and with gaps; and one order in which rank 0 is after everybody else."""
    shuffled = draw.rng.permutation(R * n).reshape(R, n)
    return np.arange(R * n).reshape(R, n), 3 * shuffled + 1, np.arange(R * n)[::-1].reshape(R, n).copy()


SHAPES = (((), 3, 2, 4, 3), ((2,), 2, 3, 3, 2), ((1, 2), 4, 1, 2, 2), ((2,), 1, 4, 3, 3))  # lead, R, n, d_head, d_v
