"""Attention with learned sinks: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    by_loops,
    lifted,
    one_hidden_one_closed,
    plain_softmax,
    scores_of,
    slopes_at_once,
)
from headstart.graders.kit import agree, exercise

sink_attention = exercise("sink_attention", "windows", chapter="variants", needs=("softmax",), bans=FUSED)

SHAPES = (((2,), 3, 4, 5, 2, 3), ((), 2, 3, 3, 4, 2), ((2, 1), 1, 2, 6, 3, 3), ((2,), 4, 1, 4, 2, 2))


def draw_heads(draw, lead, H, T_q, T_k, d_head, d_v):
    """Queries, keys, values and one sink a head, of the size of a score."""
    return draw(*lead, H, T_q, d_head), draw(*lead, H, T_k, d_head), draw(*lead, H, T_k, d_v), draw(H)


def with_an_empty_key(q, k, v, sinks, mask=None):
    """Score by score: exp(score) over the sum of all of them and of exp(sink)."""
    scores = scores_of(q, k, mask)
    out = np.zeros((*scores.shape[:-1], v.shape[-1]))
    for at in np.ndindex(scores.shape[:-1]):
        sink = sinks[at[-2]]
        top = max(float(scores[at].max()), float(sink))
        e = [math.exp(s - top) for s in scores[at]]
        total = sum(e) + math.exp(sink - top)
        out[at] = sum(w / total * row for w, row in zip(e, v[at[:-1]], strict=True))
    return out


@sink_attention.law
def the_sink_takes_its_share(candidate, draw):
    """Key j weighs exp(s_j) / (exp(sink) + the sum of all exp(s)), each head with its own sink, for every shape."""
    for shape in SHAPES:
        inputs = draw_heads(draw, *shape)
        agree(candidate(*inputs), with_an_empty_key(*inputs))


@sink_attention.law
def a_silent_sink_is_no_sink(candidate, draw):
    """A sink far below all scores, or of -∞, leaves plain attention, one far above all leaves nothing."""
    q, k, v, _ = draw_heads(draw, (2,), 2, 3, 4, 3, 2)
    for low in (-200.0, -np.inf):
        agree(candidate(q, k, v, np.full(2, low)), by_loops(q, k, v), f"the output with sinks of {low}")
    agree(candidate(q, k, v, np.full(2, 200.0)), np.zeros((2, 2, 3, 2)), "the output with sinks of 200")


@sink_attention.law
def weights_sum_to_less_than_one(candidate, draw):
    """With values of one the output is one less the sink's share; with no scores to speak of it is T_k / (T_k + 1)."""
    q, k, _, _ = draw_heads(draw, (), 2, 3, 4, 3, 1)
    got = candidate(0 * q, k, np.ones((2, 4, 1)), np.zeros(2))
    agree(got, np.full((2, 3, 1), 4 / 5), "the sum of the weights of four equal keys and an equal sink")


@sink_attention.law
def sinks_under_masks(candidate, draw):
    """The sink is never masked: a query without keys gives it everything and gets zeros."""
    q, k, v, sinks = draw_heads(draw, (2,), 3, 4, 5, 2, 2)
    closed = np.zeros((1, 1), dtype=bool)
    for mask in (one_hidden_one_closed(4, 5), draw.mask(2, 1, 4, 5), draw.mask(3, 4, 5), draw.mask(5), closed):
        agree(candidate(q, k, v, sinks, mask), with_an_empty_key(q, k, v, sinks, mask), f"under a mask {mask.shape}")
    agree(candidate(q, k, v, np.full(3, -np.inf), closed), np.zeros((2, 3, 4, 2)), "with no key and sinks of -inf")


@sink_attention.law
def sinks_stand_large_scores(candidate, draw):
    """Scores in the thousands, and sinks among them, neither overflow nor vanish."""
    q, k, v, _ = draw_heads(draw, (), 2, 4, 5, 4, 3)
    q, k, sinks = lifted(q), lifted(k), np.array([1800.0, -1800.0])
    for mask in (None, best_forbidden(4, 5)):
        agree(candidate(q, k, v, sinks, mask), with_an_empty_key(q, k, v, sinks, mask), **ROUGH)


@sink_attention.law(wings=("in_torch",))
def sinks_learn(candidate, draw):
    """q, k, v and the sinks get their gradients, equal to finite differences."""
    inputs, mask, g = draw_heads(draw, (), 2, 3, 3, 2, 2), one_hidden_one_closed(3, 3), draw(2, 3, 2)

    def smooth(q, k, v, sinks):
        e = np.exp(scores_of(q, k, mask))
        return e / (e.sum(-1, keepdims=True) + np.exp(sinks[..., None, None])) @ v

    wanted = slopes_at_once(smooth, g, *inputs)
    for name, got, want in zip(("q", "k", "v", "sinks"), candidate.gradients(g, *inputs, mask), wanted, strict=True):
        agree(got, want, f"the gradient for {name}")


def attend(q, k, v, sinks, mask=None):
    """Attention with a column of sinks."""
    scores = scores_of(q, k, mask)
    weights = plain_softmax(
        np.concatenate([scores, np.broadcast_to(sinks[:, None, None], (*scores.shape[:-1], 1))], axis=-1)
    )
    return weights[..., :-1] @ v


@sink_attention.mutant(
    "plain attention: the sinks take no part; added to every score, or divided out again, they do nothing"
)
def no_sinks(q, k, v, sinks, mask=None):
    return plain_softmax(scores_of(q, k, mask)) @ v


@sink_attention.mutant("attention in which the sink pulls the output towards the mean of the values: it has no value")
def sink_with_a_value(q, k, v, sinks, mask=None):
    share = attend(q, k, np.ones_like(v), sinks, mask)  # the weights' sum
    return attend(q, k, v, sinks, mask) + (1 - share) * v.mean(axis=-2, keepdims=True)


@sink_attention.mutant("attention with the sinks divided by √d_head as if they were dot products")
def scaled_sinks(q, k, v, sinks, mask=None):
    return attend(q, k, v, sinks / math.sqrt(q.shape[-1]), mask)


@sink_attention.mutant("attention with a one added to the denominator whatever the sinks are")
def off_by_one(q, k, v, sinks, mask=None):
    return attend(q, k, v, 0 * sinks, mask)


@sink_attention.mutant("attention with the sink of head 0 in every head")
def one_sink_for_all(q, k, v, sinks, mask=None):
    return attend(q, k, v, np.full_like(sinks, sinks[0]), mask)


@sink_attention.mutant("attention whose denominator has the sink itself added instead of its exponential")
def sink_not_exponentiated(q, k, v, sinks, mask=None):
    e = np.exp(scores_of(q, k, mask))
    return e / (e.sum(axis=-1, keepdims=True) + sinks[:, None, None]) @ v


@sink_attention.style
def sink_in_the_denominator(q, k, v, sinks, mask=None):
    """No extra column: the sink joins the maximum and the sum."""
    scores, sink = scores_of(q, k, mask), sinks[:, None, None]
    top = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    top = np.where(np.isfinite(top), top, 0.0)
    e = np.exp(scores - top)
    total = e.sum(axis=-1, keepdims=True) + np.exp(sink - top)
    return e / np.where(total == 0, 1.0, total) @ v


@sink_attention.style
def attention_times_a_gate(q, k, v, sinks, mask=None):
    """Plain attention times sigmoid(log-sum-exp of the scores - sink)."""
    scores, sink = scores_of(q, k, mask), sinks[:, None, None]
    top = scores.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        lse = top + np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
        return plain_softmax(scores) @ v / (1 + np.exp(sink - np.maximum(lse, -1e300)))
