"""What the masks' laws share: masks compared place by place, in words."""

import numpy as np

from headstart.graders.kit import Broken, expect


def same_mask(got, want, what="the mask"):
    """Raise Broken unless both are boolean masks of one shape with the same entries; tell the first difference."""
    expect(isinstance(got, np.ndarray), f"{what} is a {type(got).__name__}, it should be an array")
    if got.shape != want.shape:
        raise Broken(f"{what} has shape {got.shape}, it should be {want.shape}")
    expect(got.dtype == bool, f"{what} is an array of {got.dtype}, it should be boolean")
    bad = got != want
    if bad.any():
        at = [int(i) for i in np.argwhere(bad)[0]]
        raise Broken(
            f"{what} is {got[tuple(at)]} at {at}, it should be {want[tuple(at)]} ({bad.sum()} differ)", got, want
        )
