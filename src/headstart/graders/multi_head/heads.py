"""Splitting and merging heads: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

split_heads = exercise("split_heads", "multi_head")
merge_heads = exercise("merge_heads", "multi_head")

SHAPES = [  # leading axes, T, d_model, H
    ((2,), 5, 6, 3), ((), 4, 8, 2), ((1,), 3, 4, 4), ((2, 3), 2, 6, 1), ((3,), 1, 4, 2), ((2,), 4, 16, 4),
    ((2, 3), 4, 6, 2),
]  # fmt: skip


def split_by_loops(x, H):
    """Head h of token t holds the features h·d_head … (h+1)·d_head - 1 of token t."""
    *lead, T, d_model = x.shape
    d_head, left = divmod(d_model, H)
    if left:
        raise ValueError(f"{d_model} features do not divide into {H} heads")
    out = np.zeros((*lead, H, T, d_head))
    for h in range(H):
        out[..., h, :, :] = x[..., h * d_head : (h + 1) * d_head]
    return out


def merge_by_loops(x):
    """The heads of a token side by side."""
    return np.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], axis=-1)


@split_heads.law
def each_head_takes_a_slice_of_the_features(candidate, draw):
    """Head h of token t holds features h·d_head … (h+1)·d_head - 1 of token t, for every shape."""
    for lead, T, d_model, H in SHAPES:
        x = draw(*lead, T, d_model)
        agree(candidate(x, H), split_by_loops(x, H), f"split_heads(x, {H})")


@split_heads.law
def no_token_mixes_with_another(candidate, draw):
    """Changing one token changes that token's row in every head, and no other row."""
    x, H = draw(2, 5, 6), 3
    y = x.copy()
    y[:, 2] += 1.0
    moved = np.asarray(candidate(y, H)) - np.asarray(candidate(x, H))
    agree(moved, split_by_loops(y - x, H), "the change of the heads")


@split_heads.law
def refuses_heads_that_do_not_divide(candidate, draw):
    """Where the heads do not divide the features, an exception is raised: no feature is dropped or mixed in silence."""
    for d_model, H in ((10, 4), (10, 3), (6, 4)):  # torch.chunk cuts 6 features into 3 heads if asked for 4
        refused = candidate.refuses(draw(2, 6, d_model), H)
        expect(refused, f"it split {d_model} features into {H} heads, it should raise ValueError")


@merge_heads.law
def heads_stand_side_by_side(candidate, draw):
    """Token t gets the rows of all heads at t, one after the other, for every shape."""
    for lead, T, d_model, H in SHAPES:
        x = draw(*lead, H, T, d_model // H)
        agree(candidate(x), merge_by_loops(x), "merge_heads(x)")


@merge_heads.law
def merging_undoes_splitting(candidate, draw):
    """merge_heads of split heads gives back x exactly."""
    for lead, T, d_model, H in SHAPES:
        x = draw(*lead, T, d_model)
        agree(candidate(split_by_loops(x, H)), x, "merge_heads(split_heads(x, H))", rtol=0, atol=0)


@split_heads.mutant("view(B, H, T, d_head) straight away: the heads cut through tokens instead of features")
def split_by_view_alone(x, num_heads):
    *lead, T, d_model = x.shape
    return x.reshape(*lead, num_heads, T, d_model // num_heads)


@split_heads.mutant("view(-1, H, d_head).transpose(0, 1): the batch is swallowed by the token axis")
def split_swallows_the_batch(x, num_heads):
    return x.reshape(-1, num_heads, x.shape[-1] // num_heads).swapaxes(0, 1)


@split_heads.mutant("heads with the token axis still in front: (..., T, H, d_head), the transpose is missing")
def split_without_transpose(x, num_heads):
    return x.reshape(*x.shape[:-1], num_heads, -1)


@split_heads.mutant("heads that take every H-th feature (interleaved) instead of a run of neighbours")
def split_interleaved(x, num_heads):
    return np.moveaxis(x.reshape(*x.shape[:-1], -1, num_heads), -1, -3)


@split_heads.mutant("heads cut from the sequence instead of the features, where that fits")
def split_the_sequence(x, num_heads):
    *lead, T, d_model = x.shape
    if T % num_heads:
        return split_by_view_alone(x, num_heads)
    return x.reshape(*lead, num_heads, T // num_heads, d_model)


@split_heads.mutant("heads with tokens and features exchanged: (..., H, d_head, T)")
def split_transposed(x, num_heads):
    return split_by_loops(x, num_heads).mT


@split_heads.style
def split_by_indexing(x, num_heads):
    """np.split and np.stack."""
    return np.stack(np.split(x, num_heads, axis=-1), axis=-3)


@split_heads.style
def split_by_loop(x, num_heads):
    """A loop over heads."""
    return split_by_loops(x, num_heads)


@merge_heads.mutant("a merge without transposing back: reshape(B, T, d_model) straight from (B, H, T, d_head)")
def merge_by_view_alone(x):
    *lead, H, T, d_head = x.shape
    return x.reshape(*lead, T, H * d_head)


@merge_heads.mutant("a merge with transpose(-1, -2) instead of the transpose of heads and tokens")
def merge_with_wrong_transpose(x):
    *lead, H, T, d_head = x.shape
    return x.mT.reshape(*lead, T, H * d_head)


@merge_heads.mutant("a merge that interleaves the heads' features instead of placing heads side by side")
def merge_interleaved(x):
    *lead, H, T, d_head = x.shape
    return np.moveaxis(x, -3, -1).reshape(*lead, T, H * d_head)


@merge_heads.mutant("the mean of the heads instead of their concatenation")
def merge_by_mean(x):
    return x.mean(-3)


@merge_heads.mutant("the heads joined along the tokens instead of the features")
def merge_along_tokens(x):
    return np.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], axis=-2)


@merge_heads.style
def merge_by_concatenation(x):
    """np.concatenate of a list of heads."""
    return merge_by_loops(x)


@merge_heads.style
def merge_by_einsum(x):
    """einsum as a transpose."""
    y = np.einsum("...htd->...thd", x)
    return y.reshape(*y.shape[:-2], -1)
