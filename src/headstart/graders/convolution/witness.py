"""Outside witnesses for convolutions: one output, one tap and one channel at a time."""

import numpy as np


def places(height, width, size, stride=1):
    """The top left pixel of every patch, row by row: a list of rows of (row, column)."""
    return [[(r, c) for c in range(0, width - size + 1, stride)] for r in range(0, height - size + 1, stride)]


def patches_by_loops(x, size, stride=1):
    """Every patch of an image (or of several), its numbers in the order row, column, channel."""
    height, width = x.shape[-3:-1]
    rows = [
        np.stack([x[..., r : r + size, c : c + size, :].reshape(*x.shape[:-3], -1) for r, c in row], axis=-2)
        for row in places(height, width, size, stride)
    ]
    return np.stack(rows, axis=-3)


def bordered(x, padding, how="constant"):
    """The image with `padding` pixels more on each side: zeros, or with "edge" its border pixels repeated."""
    around = [(0, 0)] * (x.ndim - 3) + [(padding, padding)] * 2 + [(0, 0)]
    return np.pad(x, around, mode=how)


def conv_by_taps(x, W, stride=1):
    """Cross-correlation without padding: for each tap the image shifted to it, times the tap's matrix."""
    size = len(W)
    height, width = x.shape[-3:-1]
    last_row, last_column = height - size + 1, width - size + 1
    return sum(
        x[..., i : i + last_row : stride, j : j + last_column : stride, :] @ W[i, j]
        for i in range(size)
        for j in range(size)
    )
