"""Causal attention with rotary positions and a cache: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import FUSED, by_loops, plain_softmax, slopes
from headstart.graders.kit import again, agree, exercise
from headstart.graders.positions.rotary_witness import (
    angles_of,
    frequencies_of,
    half_split,
    turn_halves,
    turn_neighbours,
    turned,
)

rotary_attention = exercise(
    "rotary_attention",
    "rotary",
    chapter="positions",
    needs=("softmax", "attention_weights", "scaled_dot_product_attention", "rotate"),
    bans=FUSED,
)


def draw_sequence(draw, lead, T_q, T_k, n, d_v):
    """Queries, keys, values and frequencies."""
    return draw(*lead, T_q, 2 * n), draw(*lead, T_k, 2 * n), draw(*lead, T_k, d_v), frequencies_of(n)


def rotary_by_loops(q, k, v, frequencies):
    """One pair of features, one query and one key at a time."""
    past = k.shape[-2] - q.shape[-2]
    causal = np.arange(k.shape[-2]) <= np.arange(q.shape[-2])[:, None] + past
    q, k = turned(q, frequencies, past, half_split), turned(k, frequencies, 0, half_split)
    return by_loops(q, k, v, causal)


@rotary_attention.law
def rotary_by_the_definition(candidate, draw):
    """Queries and keys are rotated by their positions, values are not, and nobody sees the future."""
    for lead, T, n, d_v in again(((), 5, 2, 3), ((2,), 4, 3, 6), ((1, 2), 6, 1, 5), ((2,), 1, 2, 4)):
        inputs = draw_sequence(draw, lead, T, T, n, d_v)
        agree(candidate(*inputs), rotary_by_loops(*inputs))


@rotary_attention.law
def newest_queries_alone(candidate, draw):
    """The last T_q queries alone give the last T_q rows of what all queries give: cached decoding is exact."""
    q, k, v, f = draw_sequence(draw, (2,), 7, 7, 3, 4)
    whole = rotary_by_loops(q, k, v, f)
    for T_q in (1, 3):
        agree(candidate(q[:, -T_q:], k, v, f), whole[:, -T_q:], f"the output of the last {T_q} of 7 queries")


@rotary_attention.law
def values_are_not_turned(candidate, draw):
    """Where all values are equal, the output is that value at every position."""
    q, k, _, f = draw_sequence(draw, (2,), 5, 5, 2, 4)
    v = np.broadcast_to(draw(4), (2, 5, 4)).copy()
    agree(candidate(q, k, v, f), v)


@rotary_attention.law
def large_scores_do_not_open_the_future(candidate, draw):
    """Scores in the thousands neither overflow nor let a query see a later key, however badly its own key fits."""
    q, k, v, f = draw_sequence(draw, (2,), 5, 5, 2, 3)
    q[:, 0] = np.sign(q[:, 0])
    k[:, 0] = -q[:, 0]  # all that the first query may see: a score of -1800
    inputs = 30 * q, 30 * k, v, f
    agree(candidate(*inputs), rotary_by_loops(*inputs), rtol=1e-3, atol=3e-3)


@rotary_attention.law(wings=("in_torch",))
def rotary_passes_gradients(candidate, draw):
    """q, k and v get their gradients, equal to finite differences."""
    inputs, g = draw_sequence(draw, (), 2, 4, 1, 2), draw(2, 2)
    got, wanted = candidate.gradients(g, *inputs), slopes(rotary_by_loops, g, *inputs)
    for name, mine, want in zip("qkv", got, wanted, strict=False):  # frequencies are constants: theirs may be nothing
        agree(mine, want, f"the gradient for {name}")


def attention_with(turn_q=None, turn_k=None, turn_v=None, turn=turn_halves, shift=0, causal=True):
    """Rotary attention around (wrong) offsets, turned values, another pairing or another mask."""

    def attention(q, k, v, frequencies):
        past = k.shape[-2] - q.shape[-2]
        allowed = np.tri(q.shape[-2], k.shape[-2], past + shift, dtype=bool) if causal else True
        q = turn(q, angles_of(q, frequencies, past if turn_q is None else turn_q(past)))
        k = turn(k, angles_of(k, frequencies, 0 if turn_k is None else turn_k(past)))
        if turn_v is not None and v.shape[-1] == k.shape[-1]:
            v = turn(v, angles_of(v, frequencies))
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        return plain_softmax(np.where(allowed, scores, -np.inf)) @ v

    return attention


@rotary_attention.mutant("rotary attention that rotates v too: positions then leak into the content")
def values_rotated(*inputs):
    return attention_with(turn_v=True)(*inputs)


@rotary_attention.mutant("rotary attention that forgets the queries' offset: with a cache they start at position 0")
def query_offset_forgotten(*inputs):
    return attention_with(turn_q=lambda past: 0)(*inputs)


@rotary_attention.mutant("rotary attention that gives the keys the queries' offset as well")
def keys_moved_too(*inputs):
    return attention_with(turn_k=lambda past: past)(*inputs)


@rotary_attention.mutant("rotary attention with interleaved pairs where half-split was asked for")
def wrong_partner(*inputs):
    return attention_with(turn=turn_neighbours)(*inputs)


@rotary_attention.mutant("rotary attention without a causal mask")
def sees_the_future(*inputs):
    return attention_with(causal=False)(*inputs)


@rotary_attention.mutant("rotary attention whose causal mask is aligned at the top left: cached queries see no cache")
def mask_at_top_left(q, k, v, frequencies):
    return attention_with(shift=q.shape[-2] - k.shape[-2])(q, k, v, frequencies)


@rotary_attention.mutant("rotary attention that rotates the queries alone: the scores know absolute positions")
def keys_not_rotated(q, k, v, frequencies):
    past = k.shape[-2] - q.shape[-2]
    scores = turn_halves(q, angles_of(q, frequencies, past)) @ k.mT / math.sqrt(q.shape[-1])
    return plain_softmax(np.where(np.tri(*scores.shape[-2:], past, dtype=bool), scores, -np.inf)) @ v


@rotary_attention.mutant("a causal mask that only subtracts 100: a large score of a later key shows through")
def mask_of_minus_100(q, k, v, frequencies):
    past = k.shape[-2] - q.shape[-2]
    scores = turn_halves(q, angles_of(q, frequencies, past)) @ turn_halves(k, angles_of(k, frequencies)).mT
    later = ~np.tri(*scores.shape[-2:], past, dtype=bool)
    return plain_softmax(scores / math.sqrt(q.shape[-1]) - 100.0 * later) @ v


@rotary_attention.mutant("causal attention without any positions")
def no_positions(q, k, v, frequencies):
    return attention_with()(q, k, v, 0 * frequencies)


@rotary_attention.style
def positions_counted_from_the_end(*inputs):
    """Only differences count, so the newest token may as well stand at position 0."""
    q, k, _, _ = inputs
    return attention_with(turn_q=lambda past: 1 - q.shape[-2], turn_k=lambda past: 1 - k.shape[-2])(*inputs)


@rotary_attention.style
def relative_rotation_of_keys(q, k, v, frequencies):
    """Turn the keys by the difference and leave the queries alone: a loop over the queries."""
    past, rows = k.shape[-2] - q.shape[-2], []
    for t in range(q.shape[-2]):
        seen = past + t + 1
        k_t = turn_halves(k[..., :seen, :], angles_of(k[..., :seen, :], frequencies, -(past + t)))
        weights = plain_softmax(q[..., t : t + 1, :] @ k_t.mT / math.sqrt(q.shape[-1]))
        rows.append(weights @ v[..., :seen, :])
    return np.concatenate(rows, axis=-2)
