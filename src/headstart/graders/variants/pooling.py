"""From multi-head to grouped weights by mean pooling: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

mean_pool_kv_heads = exercise("mean_pool_kv_heads", "grouped", chapter="variants")

SIZES = ((5, 4, 2, 3), (3, 6, 2, 2), (4, 6, 3, 1), (2, 3, 1, 4), (6, 4, 4, 2), (12, 4, 2, 3), (3, 1, 1, 4))


def pooled_by_loops(W, H, G):
    """Each column of group g is the mean of that column in the H / G heads of the group."""
    d, R = W.shape[1] // H, H // G
    out = np.zeros((len(W), G * d))
    for g in range(G):
        for i in range(d):
            out[:, g * d + i] = sum(W[:, (g * R + r) * d + i] for r in range(R)) / R
    return out


@mean_pool_kv_heads.law
def groups_are_means_of_neighbours(candidate, draw):
    """Group g is the mean of heads g·H/G … (g+1)·H/G - 1, feature by feature, for every shape."""
    for d_model, H, G, d_head in again(*SIZES):
        W = draw(d_model, H * d_head)
        agree(candidate(W, H, G), pooled_by_loops(W, H, G), f"the pooled matrix for {H} heads in {G} groups")


@mean_pool_kv_heads.law
def as_many_groups_as_heads_change_nothing(candidate, draw):
    """With G = H the matrix stays as it was."""
    W = draw(5, 12)
    agree(candidate(W, 4, 4), W, "the matrix with one head a group")


@mean_pool_kv_heads.law
def equal_heads_survive(candidate, draw):
    """Where the heads of each group are equal, the group is that head: nothing is lost."""
    heads = draw(5, 2, 1, 3)
    W = np.broadcast_to(heads, (5, 2, 3, 3)).reshape(5, 18)
    agree(candidate(W, 6, 2), heads.reshape(5, 6), "the group of equal heads")


@mean_pool_kv_heads.law
def refuses_what_does_not_divide(candidate, draw):
    """Columns that do not divide into heads, or heads into groups, raise an exception."""
    for width, H, G in ((10, 4, 2), (12, 4, 3), (12, 4, 0), (12, 4, -2), (12, 2, 4)):
        refused = candidate.refuses(draw(3, width), H, G)
        expect(refused, f"it pooled {width} columns, {H} heads, into {G} groups, it should raise ValueError")


def pooled(W, H, G, pool, across=False):
    """The groups of a matrix, made by `pool` over the heads of a group: neighbours, or every G-th head."""
    heads = W.reshape(len(W), H // G, G, -1).swapaxes(1, 2) if across else W.reshape(len(W), G, H // G, -1)
    return pool(heads).reshape(len(W), -1)


@mean_pool_kv_heads.mutant("every G-th head pooled (0 and 2, 1 and 3) instead of neighbours (0 and 1, 2 and 3)")
def pooled_across(W, num_heads, num_kv_heads):
    return pooled(W, num_heads, num_kv_heads, lambda heads: heads.mean(axis=2), across=True)


@mean_pool_kv_heads.mutant("the first head of each group kept, the others thrown away")
def first_of_each_group(W, num_heads, num_kv_heads):
    return pooled(W, num_heads, num_kv_heads, lambda heads: heads[:, :, 0])


@mean_pool_kv_heads.mutant("the heads of each group added up, not averaged: keys R times too long")
def summed(W, num_heads, num_kv_heads):
    return pooled(W, num_heads, num_kv_heads, lambda heads: heads.sum(axis=2))


@mean_pool_kv_heads.mutant("neighbouring columns pooled within a head: the features are averaged, not the heads")
def features_pooled(W, num_heads, num_kv_heads):
    return W.reshape(len(W), -1, num_heads // num_kv_heads).mean(axis=2)


@mean_pool_kv_heads.mutant("the mean of all heads used for every group")
def mean_of_all(W, num_heads, num_kv_heads):
    return np.tile(W.reshape(len(W), num_heads, -1).mean(axis=1), (1, num_kv_heads))


@mean_pool_kv_heads.style
def pooled_by_a_matrix(W, num_heads, num_kv_heads):
    """One product with a pooling matrix."""
    d, left_over = divmod(W.shape[1], num_heads)
    R, uneven = divmod(num_heads, num_kv_heads)
    if left_over or uneven or R < 1:
        raise ValueError("it does not divide")
    return W @ np.kron(np.eye(num_kv_heads), np.kron(np.ones((R, 1)) / R, np.eye(d)))


@mean_pool_kv_heads.style
def pooled_by_slices(W, num_heads, num_kv_heads):
    """Lists of slices."""
    if num_kv_heads < 1 or num_heads % num_kv_heads or W.shape[1] % num_heads:
        raise ValueError("it does not divide")
    heads = np.split(W, num_heads, axis=1)
    R = num_heads // num_kv_heads
    return np.concatenate([np.mean(heads[g * R : (g + 1) * R], axis=0) for g in range(num_kv_heads)], axis=1)
