"""What each head adds to the output: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise
from headstart.graders.multi_head.heads import merge_by_loops

head_contributions = exercise("head_contributions", "multi_head")

SHAPES = [((2,), 3, 4, 2, 5), ((), 2, 3, 3, 6), ((1,), 1, 4, 4, 4), ((2, 2), 3, 1, 2, 3), ((2,), 4, 4, 4, 16)]


def by_head(heads, W_o):
    """Head h times its own rows of W_o."""
    H, d = heads.shape[-3], heads.shape[-1]
    return np.stack([heads[..., h, :, :] @ W_o[h * d : (h + 1) * d] for h in range(H)], axis=-3)


@head_contributions.law
def each_head_uses_its_own_rows(candidate, draw):
    """Head h is multiplied by rows h·d_head … (h+1)·d_head - 1 of W_o, for every shape."""
    for lead, H, T, d_head, d_out in SHAPES:
        heads, W_o = draw(*lead, H, T, d_head), draw(H * d_head, d_out)
        agree(candidate(heads, W_o), by_head(heads, W_o), "the contributions")


@head_contributions.law
def contributions_add_up(candidate, draw):
    """The sum over the heads is the merged heads times W_o."""
    for lead, H, T, d_head, d_out in SHAPES:
        heads, W_o = draw(*lead, H, T, d_head), draw(H * d_head, d_out)
        agree(np.sum(candidate(heads, W_o), axis=-3), merge_by_loops(heads) @ W_o, "the sum of the contributions")


@head_contributions.law
def a_silent_head_adds_nothing(candidate, draw):
    """Switching one head off removes its term and leaves the others as they were."""
    heads, W_o = draw(2, 3, 4, 2), draw(6, 5)
    silenced = heads.copy()
    silenced[:, 1] = 0.0
    want = by_head(heads, W_o)
    want[:, 1] = 0.0
    agree(candidate(silenced, W_o), want, "the contributions with head 1 off")


@head_contributions.mutant("every head given an equal share of the output: the sum is right, the terms are not")
def equal_shares(heads, W_o):
    H = heads.shape[-3]
    return np.repeat((merge_by_loops(heads) @ W_o)[..., None, :, :] / H, H, axis=-3)


@head_contributions.mutant("W_o cut along its columns instead of its rows, where that fits")
def columns_for_rows(heads, W_o):
    H, d = heads.shape[-3], heads.shape[-1]
    turned = W_o.T if W_o.shape[0] == W_o.shape[1] else W_o
    return heads @ turned.reshape(H, d, -1)


@head_contributions.mutant("interleaved rows of W_o: head h was given rows h, h + H, h + 2H, …")
def interleaved_rows(heads, W_o):
    H, d = heads.shape[-3], heads.shape[-1]
    return heads @ W_o.reshape(d, H, -1).swapaxes(0, 1)


@head_contributions.mutant("the rows of head 0 used for every head")
def first_rows_for_all(heads, W_o):
    return heads @ W_o[: heads.shape[-1]]


@head_contributions.mutant("the heads in reverse order against the rows of W_o")
def reversed_heads(heads, W_o):
    H, d = heads.shape[-3], heads.shape[-1]
    return heads @ W_o.reshape(H, d, -1)[::-1]


@head_contributions.style
def contributions_by_loop(heads, W_o):
    """A loop over the heads."""
    return by_head(heads, W_o)


@head_contributions.style
def contributions_by_einsum(heads, W_o):
    """einsum over a reshaped W_o."""
    return np.einsum("...htd,hdo->...hto", heads, W_o.reshape(heads.shape[-3], heads.shape[-1], -1))
