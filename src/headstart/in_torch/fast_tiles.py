"""What the fast attention needs around its tiles: leading axes that agree, masks cut to measure."""

import math

import torch


def common_axes(*arrays):
    """Give arrays (..., a, b) the same leading axes, as views, at least one; say which they were. None stays None."""
    leading = torch.broadcast_shapes(*(x.shape[:-2] for x in arrays if x is not None))
    return [x if x is None else x.expand((leading or (1,)) + x.shape[-2:]) for x in arrays], leading


def full(mask, T_q, T_k):
    """A mask whose axes may be 1 or missing as a view (..., T_q, T_k); None stays None."""
    return None if mask is None else mask.expand(*mask.shape[:-2], T_q, T_k)


def allowed(p, mask, rows, keys, diagonal):
    """The allowed pairs of tile p (..., rows, keys), boolean, or None where all are allowed."""
    pairs = None if mask is None else mask[..., rows, keys]
    if diagonal is None:
        return pairs
    below = torch.ones(p.shape[-2:], dtype=torch.bool, device=p.device).tril_(diagonal)
    return below if pairs is None else pairs & below


def shaped(scratch, *shape):
    """The first part of flat memory as an array of this shape."""
    return scratch[: math.prod(shape)].reshape(shape)
