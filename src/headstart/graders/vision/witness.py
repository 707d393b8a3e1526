"""Outside witnesses for images as tokens: patches and windows one number at a time."""

import numpy as np


def patches_by_loops(images, patch):
    """Walk over the patches from left to right, then down, and write down their pixels likewise."""
    *lead, height, width, channels = images.shape
    corners = [(top, left) for top in range(0, height, patch) for left in range(0, width, patch)]
    out = np.empty((*lead, len(corners), patch * patch * channels))
    for n, (top, left) in enumerate(corners):
        for i in range(patch):
            for j in range(patch):
                start = (i * patch + j) * channels
                out[..., n, start : start + channels] = images[..., top + i, left + j, :]
    return out


def windows_by_loops(x, window, shift=0):
    """Fetch every token of every window from its place in the map that was not yet rolled."""
    *lead, height, width, d = x.shape
    corners = [(top, left) for top in range(0, height, window) for left in range(0, width, window)]
    out = np.empty((*lead, len(corners), window * window, d))
    for n, (top, left) in enumerate(corners):
        for i in range(window):
            for j in range(window):
                place = (top + i + shift) % height, (left + j + shift) % width
                out[..., n, i * window + j, :] = x[..., place[0], place[1], :]
    return out
