"""Cutting heads out: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import by_loops
from headstart.graders.kit import agree, exercise, expect

prune_heads = exercise("prune_heads", "pruning", chapter="efficiency", wings=("in_numpy",))

NAMES = ("W_q", "W_k", "W_v", "W_o")


def head(W_q, W_k, W_v, W_o, x, columns):
    """What the head that owns these columns adds to the output."""
    return by_loops(x @ W_q[:, columns], x @ W_k[:, columns], x @ W_v[:, columns]) @ W_o[columns]


def layer(W, x, H):
    """The whole layer, head by head; nothing else is assumed of the order of the heads."""
    d_head = W[0].shape[1] // H
    return sum(head(*W, x, slice(h * d_head, (h + 1) * d_head)) for h in range(H))


def drawn(draw, d_model, H, d_head, d_out):
    """The four matrices of a layer."""
    return [draw(d_model, H * d_head, scale=0.6) for _ in range(3)] + [draw(H * d_head, d_out, scale=0.6)]


def pruned(candidate, W, H, keep):
    """The four smaller matrices, their shapes checked."""
    got = candidate(*W, H, keep)
    expect(isinstance(got, tuple | list) and len(got) == 4, "the result is not (W_q, W_k, W_v, W_o)")
    width = int(keep.sum()) * W[0].shape[1] // H
    for name, array, whole in zip(NAMES, got, W, strict=True):
        shape = (width, whole.shape[1]) if name == "W_o" else (whole.shape[0], width)
        expect(np.shape(array) == shape, f"{name} has shape {np.shape(array)}, it should be {shape}")
    return [np.asarray(array) for array in got]


@prune_heads.law
def the_terms_of_the_others(candidate, draw):
    """The smaller layer puts out the sum of what the remaining heads put out before, nothing more and nothing less."""
    for H, d_head, keep in ((1, 2, [1]), (3, 2, [1, 0, 1]), (4, 1, [0, 0, 1, 0]), (2, 3, [0, 1]), (4, 2, [1, 1, 0, 1])):
        W, x, keep = drawn(draw, 5, H, d_head, 4), draw(4, 5), np.array(keep, bool)
        own = [slice(h * d_head, (h + 1) * d_head) for h in range(H) if keep[h]]
        want = sum(head(*W, x, columns) for columns in own)
        got = layer(pruned(candidate, W, H, keep), x, len(own))
        agree(got, want, f"the output of {len(own)} of {H} heads")


@prune_heads.law
def all_heads_is_no_pruning(candidate, draw):
    """If every head stays, the layer's output stays."""
    W, x = drawn(draw, 4, 2, 3, 5), draw(3, 4)
    agree(layer(pruned(candidate, W, 2, np.ones(2, bool)), x, 2), layer(W, x, 2), "the output of the whole layer")


@prune_heads.law
def two_cuts_are_one(candidate, draw):
    """Cutting a head out, and then another, is cutting both out."""
    W, x = drawn(draw, 4, 3, 2, 4), draw(3, 4)
    first = pruned(candidate, W, 3, np.array([True, False, True]))
    second = pruned(candidate, first, 2, np.array([False, True]))
    once = pruned(candidate, W, 3, np.array([False, False, True]))
    agree(layer(second, x, 1), layer(once, x, 1), "the output after two cuts")


@prune_heads.law
def heads_must_fit(candidate, draw):
    """A number of heads that does not divide the width, or a keep of another length, is refused."""
    W = drawn(draw, 4, 3, 2, 4)
    expect(candidate.refuses(*W, 4, np.ones(4, bool)), "it cut 6 columns into 4 heads, it should raise ValueError")
    for n in (2, 4):
        expect(
            candidate.refuses(*W, 3, np.ones(n, bool)), f"it took {n} entries for 3 heads, it should raise ValueError"
        )


def cut(W_q, W_k, W_v, W_o, num_heads, keep, *, columns=None):
    """The four matrices with (wrong) columns kept."""
    if W_q.shape[1] % num_heads or keep.shape != (num_heads,):
        raise ValueError("heads do not fit")
    d_head = W_q.shape[1] // num_heads
    kept = np.repeat(keep, d_head) if columns is None else columns(keep, d_head)
    return W_q[:, kept], W_k[:, kept], W_v[:, kept], W_o[kept]


@prune_heads.mutant("a layer with the wrong heads cut out: True was taken to mean cut")
def keep_inverted(*args):
    return cut(*args, columns=lambda keep, d_head: np.repeat(~keep, d_head))


@prune_heads.mutant("a layer with heads taken as every H-th column (tile instead of repeat)")
def tiled_columns(*args):
    return cut(*args, columns=lambda keep, d_head: np.tile(keep, d_head))


@prune_heads.mutant("a layer cut down to its first heads, whichever were asked for")
def first_heads(*args):
    return cut(*args, columns=lambda keep, d_head: np.repeat(np.arange(len(keep)) < keep.sum(), d_head))


@prune_heads.mutant("a layer whose W_o keeps all rows: nothing fits any more")
def all_rows_kept(*args):
    return *cut(*args)[:3], args[3]


@prune_heads.mutant("a layer with heads multiplied by zero instead of cut out: nothing gets smaller")
def zeros_instead(W_q, W_k, W_v, W_o, num_heads, keep):
    cut(W_q, W_k, W_v, W_o, num_heads, keep)  # refuses what does not fit
    kept = np.repeat(keep, len(W_o) // num_heads)
    return W_q * kept, W_k * kept, W_v * kept, W_o * kept[:, None]


@prune_heads.mutant("a pruned layer scaled up by H over the heads that stay, as dropout would be")
def scaled_up(W_q, W_k, W_v, W_o, num_heads, keep):
    *qkv, rows = cut(W_q, W_k, W_v, W_o, num_heads, keep)
    return *qkv, rows * (num_heads / keep.sum())


@prune_heads.style
def reshaped_into_heads(W_q, W_k, W_v, W_o, num_heads, keep):
    """Heads as an axis of their own; a reshape refuses what does not divide."""
    keep = np.asarray(keep, bool)
    assert len(keep) == num_heads
    qkv = [W.reshape(len(W), num_heads, -1)[:, keep].reshape(len(W), -1) for W in (W_q, W_k, W_v)]
    return [*qkv, W_o.reshape(num_heads, -1, W_o.shape[1])[keep].reshape(-1, W_o.shape[1])]


@prune_heads.style
def split_and_joined(W_q, W_k, W_v, W_o, num_heads, keep):
    """Heads split off as a list, those that stay joined again."""
    if W_q.shape[1] % num_heads or len(keep) != num_heads:
        raise ValueError("heads do not fit")
    parts = [np.split(W, num_heads, axis) for W, axis in ((W_q, 1), (W_k, 1), (W_v, 1), (W_o, 0))]
    stay = [h for h in range(num_heads) if keep[h]]
    joined = [np.concatenate([heads[h] for h in stay], axis) for heads, axis in zip(parts, (1, 1, 1, 0), strict=True)]
    return tuple(joined)
