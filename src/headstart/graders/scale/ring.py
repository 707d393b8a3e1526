"""Ring attention over a list of ranks: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of, slopes, slopes_at_once
from headstart.graders.backward.from_output import log_sum_exp
from headstart.graders.kit import agree, exercise
from headstart.graders.scale.merge import merged, pair
from headstart.graders.scale.witness import SHAPES, before, dealt, draw_blocks, gathered, orders, together

ring_attention = exercise("ring_attention", "ring", chapter="scale", needs=("merge_attention",))


def whole_lse(q, k, positions=None):
    """The log-sum-exp of every query over the keys of all ranks."""
    lse = log_sum_exp(scores_of(gathered(q), gathered(k), None if positions is None else before(positions)))
    return lse.reshape(q.shape[:-1])


@ring_attention.law
def the_ring_is_one_attention(candidate, draw):
    """Outputs and log-sum-exps are those of attention over all tokens at once, for any number of ranks."""
    for shape in SHAPES:
        q, k, v = draw_blocks(draw, *shape)
        out, lse = pair(candidate(q, k, v))
        agree(out, together(q, k, v), f"the output of {shape[1]} ranks")
        agree(lse, whole_lse(q, k), f"lse of {shape[1]} ranks")


@ring_attention.law
def causal_in_any_order(candidate, draw):
    """With positions a query attends to keys at its own place or before, however the tokens were dealt out."""
    for lead, R, n, *widths in SHAPES[:2]:
        q, k, v = draw_blocks(draw, lead, R, n, *widths)
        for positions in orders(draw, R, n):
            out, lse = pair(candidate(q, k, v, positions))
            agree(out, together(q, k, v, positions), f"the output for positions {positions.tolist()}")
            agree(lse, whole_lse(q, k, positions), f"lse for positions {positions.tolist()}")


@ring_attention.law
def large_scores_travel(candidate, draw):
    """Scores near a thousand that rise from block to block neither overflow nor get lost, nor let the future in."""
    q, k, v = draw_blocks(draw, (), 3, 2, 1, 2)
    k = k * 0.1 + np.array([-900.0, 0.0, 900.0])[:, None, None]
    q = np.array([[1.0], [-1.0]]) + 0.01 * q  # rank 0 has a query whose allowed scores are all about -900
    for positions in (None, np.arange(6).reshape(3, 2)):
        want = together(q, k, v, positions)
        agree(pair(candidate(q, k, v, positions))[0], want, "the output", rtol=5e-3, atol=1e-3)


@ring_attention.law(wings=("in_torch",))
def the_ring_passes_gradients(candidate, draw):
    """Queries, keys and values get their gradients, equal to finite differences, past blocks that lie in the future."""
    inputs, g = draw_blocks(draw, (), 3, 1, 2, 2), (draw(3, 1, 2), draw(3, 1))
    for positions in (None, np.array([[2], [0], [1]])):
        got = candidate.gradients(g, *inputs, positions)
        by_out = slopes_at_once(lambda q, k, v, at=positions: together(q, k, v, at), g[0], *inputs)
        by_lse = slopes(lambda q, k, v, at=positions: whole_lse(q, k, at), g[1], *inputs)
        for name, mine, *want in zip("qkv", got, by_out, by_lse, strict=True):
            agree(mine, sum(want), f"the gradient for {name}")


def travelling(q, k, v, positions=None, merge=merged, steps=0, values=1, places_move=True, strict=False, scale=None):
    """A ring with (wrong) merging, number of steps (R + steps), moves of the values, or mask."""
    R, places = q.shape[-3], positions
    out, lse = np.zeros((*q.shape[:-1], v.shape[-1])), np.full(q.shape[:-1], -np.inf)
    for _ in range(R + steps):
        mask = None
        if positions is not None:
            mine = positions[:, :, None]
            mask = places[:, None, :] < mine if strict else places[:, None, :] <= mine
        scores = scores_of(q, k, mask, scale)
        out, lse = merge(out, lse, plain_softmax(scores) @ v, log_sum_exp(scores))
        k, v = np.roll(k, 1, axis=-3), np.roll(v, values, axis=-3)
        places = np.roll(places, 1, axis=0) if places is not None and places_move else places
    return out, lse


@ring_attention.mutant("a ring of R - 1 steps: every rank misses one block")
def one_step_too_few(*args):
    return travelling(*args, steps=-1)


@ring_attention.mutant("a ring of R + 1 steps: the rank's own block counts twice")
def one_step_too_many(*args):
    return travelling(*args, steps=1)


@ring_attention.mutant("each rank's attention to its own block: nothing travelled")
def own_block_alone(q, k, v, positions=None):
    mask = None if positions is None else positions[:, None, :] <= positions[:, :, None]
    scores = scores_of(q, k, mask)
    return plain_softmax(scores) @ v, log_sum_exp(scores)


@ring_attention.mutant("a ring in which the values stay at home: keys meet other tokens' values")
def values_stay_home(*args):
    return travelling(*args, values=0)


@ring_attention.mutant("a ring in which keys and values travel in opposite directions")
def values_the_other_way(*args):
    return travelling(*args, values=-1)


@ring_attention.mutant("a ring whose mask stays that of the first step: the keys' positions do not travel with them")
def positions_stay_home(*args):
    return travelling(*args, places_move=False)


@ring_attention.mutant("a ring that hides a token from itself: < where <= belongs")
def hidden_from_itself(*args):
    return travelling(*args, strict=True)


@ring_attention.mutant("a ring that ignores positions: the future is seen")
def future_seen(q, k, v, positions=None):
    return travelling(q, k, v)


@ring_attention.mutant("a causal mask by the order on the ranks instead of by positions")
def masked_by_storage(q, k, v, positions=None):
    n = q.shape[-3] * q.shape[-2]
    return travelling(q, k, v, None if positions is None else np.arange(n).reshape(q.shape[-3:-1]))


@ring_attention.mutant("a ring that averages the blocks' outputs")
def blocks_averaged(q, k, v, positions=None):
    def summed(out, lse, more, new):
        return out + more / q.shape[-3], np.logaddexp(lse, new)

    return travelling(q, k, v, positions, merge=summed)


@ring_attention.mutant("a ring without the 1/√d_head factor")
def ring_unscaled(*args):
    return travelling(*args, scale=1.0)


@ring_attention.style
def all_gathered(q, k, v, positions=None):
    """Every rank gets all keys and values at once, as with an all-gather."""
    scores = scores_of(gathered(q), gathered(k), None if positions is None else before(positions))
    return dealt(plain_softmax(scores) @ gathered(v), q.shape[-3]), log_sum_exp(scores).reshape(q.shape[:-1])


@ring_attention.style
def rank_by_rank(q, k, v, positions=None):
    """Two loops over ranks, blocks that lie in the future left out, float32."""
    R, outs, sums = q.shape[-3], [], []
    q, k, v = (a.astype(np.float32) for a in (q, k, v))
    for rank in range(R):
        mine = q[..., rank, :, :]
        out, lse = np.zeros((*mine.shape[:-1], v.shape[-1]), "f"), np.full(mine.shape[:-1], -np.inf, "f")
        for block in ((rank - step) % R for step in range(R)):
            mask = None if positions is None else positions[block] <= positions[rank][:, None]
            if mask is None or mask.any():
                scores = scores_of(mine, k[..., block, :, :], mask)
                part = plain_softmax(scores) @ v[..., block, :, :]
                out, lse = merged(out, lse, part, log_sum_exp(scores))
        outs, sums = [*outs, out], [*sums, lse]
    return np.stack(outs, axis=-3), np.stack(sums, axis=-2)
