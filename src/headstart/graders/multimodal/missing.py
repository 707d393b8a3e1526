"""Fusion when a modality is missing: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import FUSED, ROUGH, lifted, softmax_by_loops
from headstart.graders.kit import agree, exercise, expect

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention")

fuse_modalities = exercise("fuse_modalities", "multimodal", wings=("in_numpy",), needs=NEEDS, bans=FUSED)

SHAPES = [((4,), 3, 5), ((), 2, 4), ((1,), 4, 3), ((2, 3), 3, 2), ((5,), 1, 4)]  # leading axes, N, d_model


def cut_out(x, present, query):
    """Each sample alone: missing modalities are cut out before anything is computed."""
    present = np.broadcast_to(present, x.shape[:-1])
    out = np.zeros((*x.shape[:-2], x.shape[-1]))
    for at in np.ndindex(*x.shape[:-2]):
        rows = x[at][present[at]]
        weights = softmax_by_loops([row @ query / np.sqrt(len(query)) for row in rows])
        out[at] = sum((w * row for w, row in zip(weights, rows, strict=True)), np.zeros(x.shape[-1]))
    return out


def draw_modalities(draw, lead, N, d_model):
    """Vectors, which of them are there, and a query."""
    present = draw.rng.random((*lead, N)) < 0.6
    return draw(*lead, N, d_model), present, draw(d_model, scale=2.0)


@fuse_modalities.law
def all_present(candidate, draw):
    """Where every modality is there, it is the average weighted by softmax(x · query / √d_model)."""
    for shape in SHAPES:
        x, present, query = draw_modalities(draw, *shape)
        agree(candidate(x, np.ones_like(present), query), cut_out(x, True, query), "the average of all")


@fuse_modalities.law
def missing_is_cut_out(candidate, draw):
    """With some missing it is the average over those that are there, for each sample and for a mask they share."""
    for shape in SHAPES:
        x, present, query = draw_modalities(draw, *shape)
        agree(candidate(x, present, query), cut_out(x, present, query), "the average of those present")
    x, _, query = draw_modalities(draw, (4,), 3, 5)
    shared = np.array([True, False, True])
    agree(candidate(x, shared, query), cut_out(x, shared, query), "the average under a mask of all samples")


@fuse_modalities.law
def what_is_missing_is_never_read(candidate, draw):
    """A missing modality may hold NaN, infinity or huge numbers without a trace in the result."""
    x, _, query = draw_modalities(draw, (4,), 3, 5)
    present = np.array([[True, False, True], [False, True, True], [True, True, False], [False, False, True]])
    for filling in (np.nan, np.inf, -np.inf, 1e6):
        filled = np.where(present[..., None], x, filling)
        agree(candidate(filled, present, query), cut_out(x, present, query), f"the average with {filling} in the gaps")


@fuse_modalities.law
def one_alone_is_itself(candidate, draw):
    """One modality alone comes back as it is, and none at all gives zeros."""
    x, _, query = draw_modalities(draw, (2,), 3, 4)
    for n in range(3):
        agree(candidate(x, np.arange(3) == n, query), x[:, n], f"the average of modality {n} alone")
    nothing = np.full((2, 3, 4), np.nan)
    agree(candidate(nothing, np.zeros((2, 3), bool), query), np.zeros((2, 4)), "the average of nothing")


@fuse_modalities.law
def fits_in_the_thousands(candidate, draw):
    """Scores in the thousands overflow nothing, nor do low ones vanish behind a missing modality that fits best."""
    x, query = lifted(draw(2, 5, 3)), np.array([0.5, -0.25, 60.0])
    for present in (np.ones((2, 5), dtype=bool), x[..., -1] < 0):
        agree(candidate(x, present, query), cut_out(x, present, query), **ROUGH)


@fuse_modalities.law
def samples_do_not_meet(candidate, draw):
    """The average of one sample does not depend on what its neighbours lack."""
    x, _, query = draw_modalities(draw, (3,), 2, 4)
    some = np.array([[True, True], [False, True], [False, False]])
    first = np.asarray(candidate(x, some, query))[0]
    expect(np.allclose(first, cut_out(x[0], True, query), 1e-4, 1e-5), "the first sample lacks nothing, and changed")


def pooled(x, present, query, scale=None, forbidden=-np.inf):
    """Weights and values with the gaps set to zero: what the mistakes are made of."""
    present = np.broadcast_to(present, x.shape[:-1])
    x = np.where(present[..., None], x, 0.0)
    scores = np.where(present, x @ query * (len(query) ** -0.5 if scale is None else scale), forbidden)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0.0))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total), x


def mixed(weights, x):
    """Weighted sums over the modalities."""
    return (weights[..., None] * x).sum(axis=-2)


@fuse_modalities.mutant("an average in which missing modalities are zeros with a weight of their own: no mask")
def zeros_with_weight(x, present, query):
    return mixed(*pooled(x, present, query, forbidden=0.0))


@fuse_modalities.mutant("an average that multiplies the weights of the missing by 0 and does not share them out again")
def not_shared_out(x, present, query):
    weights, x = pooled(x, present, query, forbidden=0.0)
    return mixed(weights * present, x)


@fuse_modalities.mutant("an average with 0 · NaN in it: the missing have no weight, but their values were not replaced")
def nan_gets_through(x, present, query):
    return mixed(pooled(x, present, query)[0], x)


@fuse_modalities.mutant("an average with equal weights: the query is not asked")
def equal_weights(x, present, query):
    return mixed(*pooled(x, present, np.zeros_like(query)))


@fuse_modalities.mutant("an average without the 1/√d_model factor")
def pooled_unscaled(x, present, query):
    return mixed(*pooled(x, present, query, scale=1.0))


@fuse_modalities.mutant("a sum of all that is there instead of an average")
def summed(x, present, query):
    return pooled(x, present, query)[1].sum(axis=-2)


@fuse_modalities.mutant("an average with the mask inverted: the missing are read")
def absent_read(x, present, query):
    return mixed(*pooled(x, ~np.asarray(present), query))


@fuse_modalities.mutant("an average that is NaN where everything is missing: the softmax of nothing")
def nan_of_nothing(x, present, query):
    weights, x = pooled(x, present, query)
    return mixed(np.where(np.any(present, axis=-1, keepdims=True), weights, np.nan), x)


@fuse_modalities.style
def fused_by_exponentials(x, present, query):
    """Exponentials, set to zero where nothing is, divided by their sum."""
    x = np.where(present[..., None], x, 0.0)
    scores = np.where(present, np.einsum("...nd,d->...n", x, query) / np.sqrt(x.shape[-1]), -1e9)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True)) * present
    total = e.sum(axis=-1, keepdims=True)
    return np.einsum("...n,...nd->...d", e / np.where(total > 0, total, 1), x)


@fuse_modalities.style
def fused_in_loops(x, present, query):
    """Samples one by one, in float32."""
    return cut_out(x.astype(np.float32), present, query.astype(np.float32)).astype(np.float32)
