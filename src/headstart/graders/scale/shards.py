"""A rank's part of a layer: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.scale.kv_heads import read_by
from headstart.graders.scale.witness import refuses

shard_layer = exercise("shard_layer", "scale")

LAYERS = ((1, 1, 1), (4, 1, 2), (6, 6, 3), (6, 3, 2))  # H, G, R


def draw_weights(draw, H, G, d_model=5, d_head=2, d_out=3):
    """W_q, W_k, W_v, W_o of a layer with H query heads and G key and value heads."""
    widths = (d_model, H * d_head), (d_model, G * d_head), (d_model, G * d_head), (H * d_head, d_out)
    return [draw(*shape, scale=0.7) for shape in widths]


def output(x, W_q, W_k, W_v, W_o, heads, d_head=2):
    """A layer's output as a sum over query heads; heads[i] is the key and value head that query head i reads."""
    total = np.zeros((len(x), W_o.shape[1]))
    for h, g in enumerate(heads):
        mine, theirs = slice(h * d_head, (h + 1) * d_head), slice(g * d_head, (g + 1) * d_head)
        weights = plain_softmax(scores_of(x @ W_q[:, mine], x @ W_k[:, theirs]))
        total += weights @ (x @ W_v[:, theirs]) @ W_o[mine]
    return total


def four(got):
    """The four arrays of an answer."""
    expect(isinstance(got, tuple | list) and len(got) == 4, "the result is not (W_q, W_k, W_v, W_o)")
    return [np.asarray(W) for W in got]


@shard_layer.law
def ranks_add_up_to_the_layer(candidate, draw):
    """The outputs of all ranks' small layers add up to the output of the whole layer."""
    for H, G, R in LAYERS:
        x, weights = draw(3, 5), draw_weights(draw, H, G)
        total = 0.0
        for rank in range(R):
            part, read = four(candidate(*weights, H, rank, R)), read_by(H, G, rank, R)
            for name, W, width in zip("qkv", part, (H // R, len(read), len(read)), strict=False):
                expect(
                    W.shape == (5, 2 * width),
                    f"W_{name} of rank {rank} of {R} has shape {W.shape}, not (5, {2 * width})",
                )
            total = total + output(
                x, *part, [read.index(h * G // H) for h in range(rank * H // R, (rank + 1) * H // R)]
            )
        agree(total, output(x, *weights, [h * G // H for h in range(H)]), f"the sum over {R} ranks, H={H}, G={G},")


@shard_layer.law
def heads_stay_in_order(candidate, draw):
    """Rank r gets the query heads r·H/R … (r+1)·H/R - 1, whole heads, in order; W_o gives it the same rows."""
    for H, G, R in LAYERS:
        weights = draw_weights(draw, H, G)
        parts = [four(candidate(*weights, H, rank, R)) for rank in range(R)]
        agree(np.concatenate([part[0] for part in parts], axis=1), weights[0], f"W_q joined from {R} ranks")
        agree(np.concatenate([part[3] for part in parts]), weights[3], f"W_o joined from {R} ranks")
        for rank, part in enumerate(parts):
            columns = [2 * g + i for g in read_by(H, G, rank, R) for i in (0, 1)]
            agree(part[1], weights[1][:, columns], f"W_k of rank {rank} of {R}, H={H}, G={G},")
            agree(part[2], weights[2][:, columns], f"W_v of rank {rank} of {R}, H={H}, G={G},")


@shard_layer.law(wings=("in_torch",))
def shards_pass_gradients(candidate, draw):
    """What flows into a rank's shard flows on into its place in the whole weights."""
    for H, G, R in LAYERS[1:]:
        weights = draw_weights(draw, H, G)
        g = [draw(*part.shape) for part in cut(weights, H, R - 1, R)]
        got = candidate.gradients(g, *weights, H, R - 1, R)
        for name, mine, part, want in zip("qkvo", got, cut(got, H, R - 1, R), g, strict=True):
            agree(part, want, f"the gradient for W_{name}, in the rank's place,")
            agree(np.sum(mine), np.sum(want), f"the sum of the gradient for W_{name}")


@shard_layer.law
def uneven_layers_are_refused(candidate, draw):
    """Heads that do not divide, a W_k that is no whole number of heads wide, and unknown ranks raise an exception."""
    weights = draw_weights(draw, 4, 4)
    refuses(candidate, *weights, 4, 0, 3, why="4 heads do not divide into 3 ranks")
    refuses(candidate, *weights, 3, 0, 1, why="a width of 8 does not divide into 3 heads")
    for rank in (2, -1):
        refuses(candidate, *weights, 4, rank, 2, why="there are the ranks 0 and 1")
    W_q, W_k, W_v, W_o = weights
    for columns, why in (
        (3, "3 columns are no heads of width 2"),
        (6, "4 query heads cannot share 3"),
        (0, "no heads"),
    ):
        refuses(candidate, W_q, W_k[:, :columns], W_v[:, :columns], W_o, 4, 0, 2, why=why)
    refuses(candidate, *weights, 4, 0, 0, why="there are no ranks")


def cut(weights, H, rank, R, queries=None, rows=None, keys=None):
    """The right cut of a layer, with (wrong) columns for queries or keys or rows of W_o."""
    W_q, W_k, W_v, W_o = weights
    if H < 1 or W_q.shape[1] % H or W_k.shape[1] % (W_q.shape[1] // H):
        raise ValueError("uneven")
    d = W_q.shape[1] // H
    G = W_k.shape[1] // d
    if min(R, G) < 1 or H % R or H % G or not 0 <= rank < R:
        raise ValueError("uneven")
    mine = np.arange(rank * H // R * d, (rank + 1) * H // R * d)
    theirs = np.concatenate([np.arange(g * d, (g + 1) * d) for g in read_by(H, G, rank, R)])
    queries = mine if queries is None else queries(H, G, rank, R, d)
    theirs = theirs if keys is None else keys(H, G, rank, R, d)
    rows = mine if rows is None else rows(H, G, rank, R, d)
    return W_q[:, queries], W_k[:, theirs], W_v[:, theirs], W_o[rows]


@shard_layer.mutant("W_o cut by columns, not by rows: each rank would need all heads")
def output_by_columns(*args):
    *weights, H, rank, R = args
    W_o = weights[3]
    part = cut(weights, H, rank, R)
    return *part[:3], W_o[:, rank * W_o.shape[1] // R : (rank + 1) * W_o.shape[1] // R]


@shard_layer.mutant("W_o left whole on every rank")
def output_whole(*args):
    *weights, H, rank, R = args
    return *cut(weights, H, rank, R)[:3], weights[3]


@shard_layer.mutant("heads dealt out in turn (rank, rank + R, …) instead of in order")
def heads_in_turn(*args):
    *weights, H, rank, R = args

    def turn(H, G, rank, R, d):
        return np.concatenate([np.arange(h * d, (h + 1) * d) for h in range(rank, H, R)])

    return cut(weights, H, rank, R, queries=turn, rows=turn)


@shard_layer.mutant("every R-th column: the heads are cut through, a rank gets some features of each")
def columns_in_turn(*args):
    *weights, H, rank, R = args

    def turn(H, G, rank, R, d):
        return np.arange(rank, H * d, R)

    return cut(weights, H, rank, R, queries=turn, rows=turn)


@shard_layer.mutant("W_k and W_v whole on every rank")
def keys_whole(*args):
    *weights, H, rank, R = args
    return cut(weights, H, rank, R, keys=lambda H, G, rank, R, d: np.arange(G * d))


@shard_layer.mutant("columns of W_k and W_v shared out evenly, even where that leaves a rank half a head")
def half_heads(*args):
    *weights, H, rank, R = args
    return cut(weights, H, rank, R, keys=lambda H, G, r, R, d: np.arange(r * G * d // R, (r + 1) * G * d // R))


@shard_layer.mutant("W_o scaled by 1/R: the ranks' outputs are summed, not averaged")
def averaged(*args):
    *weights, H, rank, R = args
    part = cut(weights, H, rank, R)
    return *part[:3], part[3] / R


@shard_layer.style
def by_fancy_columns(W_q, W_k, W_v, W_o, num_heads, rank, num_ranks):
    """Columns by a list of numbers, a list returned."""
    return list(cut((W_q, W_k, W_v, W_o), num_heads, rank, num_ranks))


@shard_layer.style
def by_reshape(W_q, W_k, W_v, W_o, num_heads, rank, num_ranks):
    """A head axis made, indexed, and folded away; float32."""
    cut((W_q, W_k, W_v, W_o), num_heads, rank, num_ranks)
    d = W_q.shape[1] // num_heads
    read, mine = read_by(num_heads, W_k.shape[1] // d, rank, num_ranks), num_heads // num_ranks
    keys = [W.reshape(len(W), -1, d)[:, read].reshape(len(W), -1) for W in (W_k, W_v)]
    queries = W_q.reshape(len(W_q), num_ranks, -1)[:, rank]
    rows = W_o.reshape(num_ranks, mine * d, -1)[rank]
    return tuple(W.astype(np.float32) for W in (queries, *keys, rows))
