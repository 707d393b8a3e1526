"""Self-attention: laws, and the known mistakes with its projections."""

import math

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    lifted,
    lifting,
    one_hidden_one_closed,
    plain_softmax,
    scores_of,
    slopes,
)
from headstart.graders.kit import agree, exercise

self_attention = exercise(
    "self_attention", "attention", needs=("softmax", "attention_weights", "scaled_dot_product_attention"), bans=FUSED
)


def draw_self(draw, lead, T, d_model, d_head, d_v):
    """Tokens and the three projections; weights scaled so that the scores stay moderate."""
    W = [draw(d_model, width, scale=d_model**-0.5) for width in (d_head, d_head, d_v)]
    return draw(*lead, T, d_model), *W


@self_attention.law
def projects_then_attends(candidate, draw):
    """The answer is attention among x W_q, x W_k and x W_v, for every shape."""
    for lead, T, d_model, d_head, d_v in (
        ((), 5, 4, 3, 2),
        ((2,), 4, 6, 6, 6),
        ((2, 2), 3, 5, 7, 1),
        ((1,), 1, 3, 2, 4),
    ):
        x, W_q, W_k, W_v = draw_self(draw, lead, T, d_model, d_head, d_v)
        agree(candidate(x, W_q, W_k, W_v), by_loops(x @ W_q, x @ W_k, x @ W_v))


@self_attention.law
def self_attention_under_masks(candidate, draw):
    """A causal mask, a mask per batch element, and tokens that may attend to nothing."""
    some, none = draw.mask(5, 5), np.zeros((5, 5), dtype=bool)
    some[0] = False
    for lead in ((2,), (2, 2)):
        x, W_q, W_k, W_v = draw_self(draw, lead, 5, 6, 4, 3)
        for mask in (np.tri(5, dtype=bool), draw.mask(*lead, 5, 5), draw.mask(5), some, none):
            want = by_loops(x @ W_q, x @ W_k, x @ W_v, np.broadcast_to(mask, (*lead, 5, 5)))
            agree(candidate(x, W_q, W_k, W_v, mask), want)


@self_attention.law
def permutation_equivariance(candidate, draw):
    """Without a mask, shuffling the tokens shuffles the answer alike: attention by itself knows no order."""
    x, W_q, W_k, W_v = draw_self(draw, (2,), 6, 5, 4, 3)
    order = draw.rng.permutation(6)
    shuffled = np.asarray(candidate(x, W_q, W_k, W_v))[:, order]
    agree(candidate(x[:, order], W_q, W_k, W_v), shuffled, "the output for shuffled tokens")


@self_attention.law
def large_tokens_stay_finite(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden token that fits best leaves no trace."""
    x, W_q, W_k, W_v = draw_self(draw, (), 5, 5, 4, 3)
    x, W_q, W_k = lifted(x), lifting(W_q), lifting(W_k)
    for mask in (None, best_forbidden(5, 5)):
        want = by_loops(x @ W_q, x @ W_k, x @ W_v, mask)
        agree(candidate(x, W_q, W_k, W_v, mask), want, **ROUGH)


@self_attention.law(wings=("in_torch",))
def all_paths_pass_gradients(candidate, draw):
    """x gets the gradient of all three of its roles, each weight matrix its own, and masked rows give zeros."""
    x, W_q, W_k, W_v = draw_self(draw, (), 4, 3, 2, 2)
    mask, g = one_hidden_one_closed(4, 4), draw(4, 2)
    wanted = slopes(lambda x, W_q, W_k, W_v: by_loops(x @ W_q, x @ W_k, x @ W_v, mask), g, x, W_q, W_k, W_v)
    for got, want in zip(candidate.gradients(g, x, W_q, W_k, W_v, mask), wanted, strict=True):
        agree(got, want, "the gradient")


@self_attention.mutant("self-attention with the weights applied as x @ W.T where the contract says x @ W")
def transposed_weights(x, W_q, W_k, W_v, mask=None):
    q, k, v = (x @ (W.T if W.shape[0] == W.shape[1] else W) for W in (W_q, W_k, W_v))
    return plain_softmax(scores_of(q, k, mask)) @ v


@self_attention.mutant("self-attention that mixes the tokens themselves: W_v is never applied where shapes allow it")
def values_not_projected(x, W_q, W_k, W_v, mask=None):
    v = x if W_v.shape[0] == W_v.shape[1] else x @ W_v
    return plain_softmax(scores_of(x @ W_q, x @ W_k, mask)) @ v


@self_attention.mutant("self-attention scaled by √d_model instead of √d_head")
def scaled_by_d_model(x, W_q, W_k, W_v, mask=None):
    return plain_softmax(scores_of(x @ W_q, x @ W_k, mask, scale=1 / math.sqrt(x.shape[-1]))) @ (x @ W_v)


@self_attention.mutant("self-attention whose queries and keys are both x W_q: the scores become symmetric")
def one_matrix_for_both(x, W_q, W_k, W_v, mask=None):
    return plain_softmax(scores_of(x @ W_q, x @ W_q, mask)) @ (x @ W_v)
