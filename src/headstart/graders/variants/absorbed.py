"""Absorbing the unfolding of the keys into the queries: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

absorbed_queries = exercise("absorbed_queries", "latent", chapter="variants", wings=("in_numpy",))

SHAPES = (((2,), 3, 4, 2, 5), ((), 2, 3, 4, 4), ((2, 1), 1, 5, 3, 2), ((2,), 2, 1, 2, 4))  # lead, H, T_q, d_head, d_c


def by_heads(q, W_uk):
    """Head h's queries times the transpose of its own columns."""
    d = q.shape[-1]
    return np.stack([q[..., h, :, :] @ W_uk[:, h * d : (h + 1) * d].T for h in range(q.shape[-3])], axis=-3)


@absorbed_queries.law
def each_head_uses_its_own_columns(candidate, draw):
    """Head h's queries are multiplied by the transpose of columns h·d_head … (h+1)·d_head - 1, for every shape."""
    for lead, H, T, d, d_c in SHAPES:
        q, W_uk = draw(*lead, H, T, d), draw(d_c, H * d)
        agree(candidate(q, W_uk), by_heads(q, W_uk), "the absorbed queries")


@absorbed_queries.law
def scores_stay_as_they_were(candidate, draw):
    """Absorbed queries with latents give the scores of queries with unfolded keys."""
    for lead, H, T, d, d_c in SHAPES:
        q, W_uk, c = draw(*lead, H, T, d), draw(d_c, H * d), draw(*lead, 6, d_c)
        keys = np.stack([c @ W for W in np.split(W_uk, H, axis=1)], axis=-3)  # (..., H, 6, d)
        agree(np.asarray(candidate(q, W_uk)) @ c[..., None, :, :].mT, q @ keys.mT, "the scores")


@absorbed_queries.law
def absorbing_is_linear(candidate, draw):
    """Twice the query, twice the result: neither a scale nor a norm belongs here."""
    q, W_uk = draw(2, 3, 4), draw(5, 8)
    agree(candidate(2 * q, W_uk), 2 * by_heads(q, W_uk), "the absorbed queries of twice q")


@absorbed_queries.law
def absorbing_refuses_other_widths(candidate, draw):
    """Where W_uk does not have the width of all heads, an exception is raised."""
    for width in (3, 6, 8):
        refused = candidate.refuses(draw(2, 3, 2), draw(3, width))
        expect(refused, f"it took W_uk of {width} columns for 2 heads of width 2, it should raise ValueError")


def absorbed(q, W):
    """Queries (..., H, T, d_head) times W (H, d_head, d_c)."""
    return q @ W


@absorbed_queries.mutant(
    "absorbed queries with the heads' columns interleaved: head h took columns h, h + H, h + 2H, …"
)
def absorbed_interleaved(q, W_uk):
    return absorbed(q, W_uk.reshape(len(W_uk), q.shape[-1], q.shape[-3]).transpose(2, 1, 0))


@absorbed_queries.mutant("absorbed queries that use the columns of head 0 for every head")
def absorbed_by_head_0(q, W_uk):
    return absorbed(q, W_uk[:, : q.shape[-1]].T)


@absorbed_queries.mutant("absorbed queries divided by √d_head: the scale belongs to the scores")
def absorbed_and_scaled(q, W_uk):
    return by_heads(q, W_uk) / np.sqrt(q.shape[-1])


@absorbed_queries.mutant("W_uk reshaped to (H, d_head, d_c) straight away: the transpose is missing")
def absorbed_by_view(q, W_uk):
    return absorbed(q, W_uk.reshape(q.shape[-3], q.shape[-1], len(W_uk)))


@absorbed_queries.mutant("absorbed queries with the heads in reverse order")
def absorbed_reversed(q, W_uk):
    return absorbed(q, W_uk.reshape(len(W_uk), q.shape[-3], -1).transpose(1, 2, 0)[::-1])


@absorbed_queries.style
def absorbed_by_einsum(q, W_uk):
    """einsum."""
    return np.einsum("...htd,chd->...htc", q, W_uk.reshape(len(W_uk), *q.shape[-3::2]))


@absorbed_queries.style
def absorbed_by_loop(q, W_uk):
    """A loop over the heads."""
    assert W_uk.shape[1] == q.shape[-3] * q.shape[-1]
    return by_heads(q, W_uk)
