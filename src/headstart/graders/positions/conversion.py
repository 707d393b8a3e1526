"""From interleaved to half-split weights: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.positions.rotary_witness import angles_of, frequencies_of, turn_halves, turn_neighbours

to_half_split = exercise("to_half_split", "rotary", chapter="positions")

SIZES = ((3, 2, 3), (5, 1, 2), (4, 3, 4), (24, 4, 3))  # d_model, heads, pairs


def column_by_column(W, H):
    """Column i of a head is its old column 2i, column n + i its old column 2i + 1."""
    out = np.zeros_like(W)
    n = W.shape[1] // H // 2
    for h in range(H):
        for i in range(n):
            out[:, 2 * n * h + i] = W[:, 2 * n * h + 2 * i]
            out[:, 2 * n * h + n + i] = W[:, 2 * n * h + 2 * i + 1]
    return out


def scores(x, W_q, W_k, H, turn):
    """Rotary scores of every head, unscaled: (H, T, T)."""
    heads = []
    for q, k in zip(np.split(x @ W_q, H, axis=-1), np.split(x @ W_k, H, axis=-1), strict=True):
        angles = angles_of(x, frequencies_of(q.shape[-1] // 2))
        heads.append(turn(q, angles) @ turn(k, angles).T)
    return np.stack(heads)


@to_half_split.law
def even_columns_come_first(candidate, draw):
    """Within each head columns 0, 2, 4, … come first, then columns 1, 3, 5, …"""
    for d_model, H, n in SIZES:
        W = draw(d_model, 2 * n * H)
        agree(candidate(W, H), column_by_column(W, H), f"the columns for {H} heads")


@to_half_split.law
def scores_stay(candidate, draw):
    """Converted W_q and W_k with the half-split rotation give the scores of the interleaved rotation."""
    for d_model, H, n in SIZES:
        x, W_q, W_k = draw(5, d_model), draw(d_model, 2 * n * H), draw(d_model, 2 * n * H)
        got = scores(x, np.asarray(candidate(W_q, H)), np.asarray(candidate(W_k, H)), H, turn_halves)
        agree(got, scores(x, W_q, W_k, H, turn_neighbours), "the scores", rtol=1e-3, atol=1e-3)


@to_half_split.law
def heads_keep_their_columns(candidate, draw):
    """No column leaves its head."""
    W = np.repeat(np.arange(4.0), 6)[None] + np.zeros((3, 1))
    agree(candidate(W, 4), W, "the heads that the columns belong to")


@to_half_split.law
def refuses_heads_without_pairs(candidate, draw):
    """Columns that do not divide into heads of even width raise an exception: none is dropped or left over."""
    for width, H in ((10, 4), (6, 2)):
        refused = candidate.refuses(draw(3, width), H)
        expect(refused, f"it reordered {width} columns for {H} heads, it should raise ValueError")


@to_half_split.mutant("the way back: half-split to interleaved")
def the_way_back(W, num_heads):
    return W.reshape(len(W), num_heads, 2, -1).swapaxes(-2, -1).reshape(W.shape)


@to_half_split.mutant("columns reordered across the whole width: the heads are mixed")
def across_heads(W, num_heads):
    return np.concatenate([W[:, 0::2], W[:, 1::2]], axis=1)


@to_half_split.mutant("the rows reordered instead of the columns, where that fits (nn.Linear stores W transposed)")
def rows_reordered(W, num_heads):
    if len(W) % (2 * num_heads):
        return W.copy()
    return column_by_column(W.T.copy(), num_heads).T


@to_half_split.mutant("odd columns first")
def odd_first(W, num_heads):
    heads = W.reshape(len(W), num_heads, -1)
    return np.concatenate([heads[..., 1::2], heads[..., 0::2]], -1).reshape(W.shape)


@to_half_split.mutant("the number of heads taken for the width of a head")
def heads_for_width(W, num_heads):
    width = W.shape[1] // num_heads
    return column_by_column(W, width) if W.shape[1] % (2 * width) == 0 else W.copy()


@to_half_split.style
def by_an_index(W, num_heads):
    """One index array for all columns."""
    d, left_over = divmod(W.shape[1], num_heads)
    if left_over or d % 2:
        raise ValueError("the heads do not fit")
    order = np.concatenate([h * d + np.r_[0:d:2, 1:d:2] for h in range(num_heads)])
    return W[:, order]


@to_half_split.style
def head_after_head(W, num_heads):
    """Split, slice, join."""
    heads = np.split(W, num_heads, axis=1)
    assert heads[0].shape[1] % 2 == 0
    return np.concatenate([part for h in heads for part in (h[:, 0::2], h[:, 1::2])], axis=1)
