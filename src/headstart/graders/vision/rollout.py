"""Attention rollout: laws, known mistakes, accepted styles."""

import functools

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import agree, exercise

attention_rollout = exercise("attention_rollout", "vision", wings=("in_numpy",))


def draw_weights(draw, *shape):
    """Attention weights, sharp enough that heads and layers differ."""
    return plain_softmax(draw(*shape, scale=2.0))


def rollout_by_loops(weights):
    """Layer by layer, row by row, for one image: row i gathers what the layer below holds."""
    L, H, T, _ = weights.shape
    total = np.eye(T)
    for layer in range(L):
        new = np.zeros((T, T))
        for i in range(T):
            for j in range(T):
                share = sum(weights[layer, h, i, j] for h in range(H)) / H
                new[i] += 0.5 * (share + (i == j)) * total[j]
        total = new
    return total


@attention_rollout.law
def layer_upon_layer(candidate, draw):
    """Each layer's mean over heads, averaged with the identity, is multiplied from the left onto those before it."""
    for shape in ((2, 3, 4, 4), (3, 1, 5, 5), (1, 4, 3, 3), (4, 2, 1, 1)):
        weights = draw_weights(draw, *shape)
        agree(candidate(weights), rollout_by_loops(weights), f"the rollout of weights {shape}")


@attention_rollout.law
def images_roll_out_alone(candidate, draw):
    """Leading axes are images: each gets what it would get alone."""
    weights = draw_weights(draw, 2, 3, 2, 2, 4, 4)
    want = np.array([[rollout_by_loops(each) for each in row] for row in weights])
    agree(candidate(weights), want, "the rollouts of a batch")


@attention_rollout.law
def rows_keep_their_sum(candidate, draw):
    """Rows that sum to one stay rows that sum to one, and layers that look at nothing but themselves change nothing."""
    weights = draw_weights(draw, 3, 2, 5, 5)
    agree(np.sum(candidate(weights), axis=-1), np.ones(5), "the row sums of the rollout")
    agree(candidate(np.tile(np.eye(5), (3, 2, 1, 1))), np.eye(5), "the rollout of identities")
    blind = weights * np.array([0, 1, 1, 1, 1])[:, None]  # token 0 may attend to nothing
    agree(candidate(blind), rollout_by_loops(blind), "the rollout with a row of zeros")


@attention_rollout.law
def a_path_through_two_layers(candidate, draw):
    """Layer 1 hands token 2 to token 1, layer 2 token 1 to token 0: a quarter of token 2 is in output 0."""
    first, second = np.eye(3), np.eye(3)
    first[1], second[0] = [0, 0, 1], [0, 1, 0]
    got = candidate(np.stack([first, second])[:, None])
    agree(got[0], [0.5, 0.25, 0.25], "row 0 of the rollout")


def rolled(weights, mean=None, mix=None, join=None):
    """A rollout with one part exchanged."""
    steps = (mean or (lambda w: w.mean(axis=-3)))(weights)
    steps = (mix or (lambda w: (w + np.eye(w.shape[-1])) / 2))(steps)
    parts = np.moveaxis(steps, -3, 0)
    return functools.reduce(join or (lambda total, step: step @ total), parts)


@attention_rollout.mutant("the rollout without the residual connection: no identity was added")
def no_residual(weights):
    return rolled(weights, mix=lambda w: w)


@attention_rollout.mutant("the rollout with the last layer first: the products stand the wrong way round")
def last_layer_first(weights):
    return rolled(weights, join=lambda total, step: total @ step)


@attention_rollout.mutant("the weights of the last layer alone")
def last_layer_alone(weights):
    return rolled(weights, join=lambda total, step: step)


@attention_rollout.mutant("a rollout whose rows sum to 2 to the number of layers: identity added, not averaged")
def not_averaged(weights):
    return rolled(weights, mix=lambda w: w + np.eye(w.shape[-1]))


@attention_rollout.mutant("the mean over the layers instead of their product")
def mean_of_layers(weights):
    return ((weights.mean(axis=-3) + np.eye(weights.shape[-1])) / 2).mean(axis=-3)


@attention_rollout.mutant("the rollout of the strongest head instead of the mean over heads")
def strongest_head(weights):
    return rolled(weights, mean=lambda w: w.max(axis=-3))


@attention_rollout.mutant("the layers multiplied entry by entry instead of as matrices")
def entry_by_entry(weights):
    return rolled(weights, join=lambda total, step: step * total)


@attention_rollout.style
def by_reduce(weights):
    """functools.reduce over the layers, float32 inside."""
    return rolled(weights.astype(np.float32))


@attention_rollout.style
def by_multi_dot(weights):
    """A chain of products from the last layer down, einsum for the mean."""
    steps = np.einsum("...lhij->...lij", weights) / weights.shape[-3] * 0.5 + 0.5 * np.eye(weights.shape[-1])
    total = steps[..., -1, :, :]
    for layer in reversed(range(weights.shape[-4] - 1)):
        total = np.einsum("...ij,...jk->...ik", total, steps[..., layer, :, :])
    return total
