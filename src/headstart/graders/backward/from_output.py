"""Back through attention from its output and log-sum-exp: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import scores_of, slopes_at_once
from headstart.graders.backward.witness import QKV, SHAPES, agree_all, closed, draw_attention, forward, loud
from headstart.graders.kit import agree, exercise

attention_backward_from_output = exercise("attention_backward_from_output", "backward", wings=("in_numpy",))


def log_sum_exp(scores):
    """The logarithm of the row sums of exp(scores) of any size, -inf for a row of nothing but -inf."""
    return np.logaddexp.reduce(scores, axis=-1)


def saved(q, k, v, mask=None):
    """What the forward pass keeps: its output and one number a query."""
    return forward(q, k, v, mask), log_sum_exp(scores_of(q, k, mask))


@attention_backward_from_output.law
def slopes_from_output(candidate, draw):
    """dq, dk and dv equal finite differences, for every shape."""
    for shape in SHAPES:
        dout, *qkv = draw_attention(draw, *shape)
        agree_all(candidate(dout, *qkv, *saved(*qkv)), slopes_at_once(forward, dout, *qkv), QKV)


@attention_backward_from_output.law
def slopes_from_output_under_masks(candidate, draw):
    """Masked pairs pass nothing back, and a query without keys (lse = -inf) gets and gives zeros."""
    dout, *qkv = draw_attention(draw, (2,), 3, 3, 2, 1)
    nothing = closed(draw.mask(3, 3), 1)
    for mask in (np.tri(3, dtype=bool), draw.mask(2, 3, 3), draw.mask(2, 1, 3), draw.mask(3), nothing):
        want = slopes_at_once(lambda q, k, v, mask=mask: forward(q, k, v, mask), dout, *qkv)
        agree_all(candidate(dout, *qkv, *saved(*qkv, mask), mask), want, QKV)


@attention_backward_from_output.law
def blocks_of_keys_are_independent(candidate, draw):
    """From a block of keys alone: the blocks' dq add up, their dk and dv stand side by side, under a mask too."""
    dout, q, k, v = draw_attention(draw, (2,), 4, 7, 3, 2)
    for cut, mask in ((3, np.ones((4, 7), dtype=bool)), (6, draw.mask(4, 7))):
        (out, lse), whole = saved(q, k, v, mask), slopes_at_once(lambda *a, m=mask: forward(*a, m), dout, q, k, v)
        masks = (None, None) if mask.all() else (mask[:, :cut], mask[:, cut:])
        first = candidate(dout, q, k[:, :cut], v[:, :cut], out, lse, masks[0])
        second = candidate(dout, q, k[:, cut:], v[:, cut:], out, lse, masks[1])
        agree(np.add(first[0], second[0]), whole[0], "dq, added over two blocks of keys")
        for i in (1, 2):
            joined = np.concatenate([first[i], second[i]], axis=-2)
            agree(joined, whole[i], f"{QKV[i]}, joined from two blocks of keys")


@attention_backward_from_output.law
def large_scores_stay_finite(candidate, draw):
    """Scores in the thousands do not overflow: lse is subtracted before exp, and forbidden scores never meet it."""
    dout, v = draw(3, 2), draw(3, 2)
    q, k, mask, weights = loud()
    for allowed, A in ((None, np.eye(3)), (mask, weights)):
        lse = scores_of(q, k, allowed).max(axis=-1)  # each query's best key outweighs the others by hundreds
        want = np.zeros((3, 4)), np.zeros((3, 4)), A.T @ dout
        agree_all(candidate(dout, q, k, v, A @ v, lse, allowed), want, QKV, atol=1e-3)


def from_saved(dout, q, k, v, out, lse, mask=None, D=None, scale=None, weights=None):
    """The backward pass from what was saved, with a (wrong) D, scale or weights."""
    if weights is None:
        scores = scores_of(q, k, mask)
        weights = np.exp(scores - np.where(np.isinf(lse), 0.0, lse)[..., None])
    D = (dout * out).sum(-1, keepdims=True) if D is None else D
    dscores = weights * (dout @ v.mT - D) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    return dscores @ k, dscores.mT @ q, weights.mT @ dout


@attention_backward_from_output.mutant("the D form without D: the row sum term is dropped")
def without_D(*args):
    return from_saved(*args, D=0.0)


@attention_backward_from_output.mutant("a row sum over the given keys instead of D: wrong as soon as they are a block")
def row_sum_of_the_block(dout, q, k, v, out, lse, mask=None):
    weights = np.exp(scores_of(q, k, mask) - np.where(np.isinf(lse), 0.0, lse)[..., None])
    D = ((dout @ v.mT) * weights).sum(-1, keepdims=True)
    return from_saved(dout, q, k, v, out, lse, mask, D=D)


@attention_backward_from_output.mutant("weights normalised over the given keys, without lse: wrong for a block of keys")
def normalised_over_the_block(dout, q, k, v, out, lse, mask=None):
    scores = scores_of(q, k, mask)
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isinf(top), 0.0, top))
    total = e.sum(-1, keepdims=True)
    return from_saved(dout, q, k, v, out, lse, mask, weights=e / np.where(total == 0, 1.0, total))


@attention_backward_from_output.mutant("D = rowsum(out · out): the output with itself instead of with dout")
def D_of_the_output_alone(dout, q, k, v, out, lse, mask=None):
    return from_saved(dout, q, k, v, out, lse, mask, D=(out * out).sum(-1, keepdims=True))


@attention_backward_from_output.mutant("D averaged over d_v instead of summed")
def D_averaged(dout, q, k, v, out, lse, mask=None):
    return from_saved(dout, q, k, v, out, lse, mask, D=(dout * out).mean(-1, keepdims=True))


@attention_backward_from_output.mutant("the D form with dq and dk not scaled by 1/√d_head")
def D_form_not_scaled(*args):
    return from_saved(*args, scale=1.0)


@attention_backward_from_output.mutant("exp(scores) divided by exp(lse): both overflow for large scores")
def exponentials_divided(dout, q, k, v, out, lse, mask=None):
    total = np.exp(lse)[..., None]
    weights = np.exp(scores_of(q, k, mask)) / np.where(total == 0, 1.0, total)
    return from_saved(dout, q, k, v, out, lse, mask, weights=weights)


@attention_backward_from_output.mutant("the D form that ignores the mask")
def D_form_without_mask(dout, q, k, v, out, lse, mask=None):
    return from_saved(dout, q, k, v, out, lse)


@attention_backward_from_output.mutant(
    "the D form with the mask multiplied in after exp, where a forbidden score overflows"
)
def mask_multiplied_after_exp(dout, q, k, v, out, lse, mask=None):
    weights = np.exp(scores_of(q, k) - np.where(np.isinf(lse), 0.0, lse)[..., None])
    return from_saved(dout, q, k, v, out, lse, weights=weights if mask is None else weights * mask)


@attention_backward_from_output.mutant("the D form that leaves NaN where lse is -inf: nothing was allowed")
def D_form_nan(dout, q, k, v, out, lse, mask=None):
    return from_saved(dout, q, k, v, out, lse, mask, weights=np.exp(scores_of(q, k, mask) - lse[..., None]))


@attention_backward_from_output.style
def in_blocks_of_two_keys(dout, q, k, v, out, lse, mask=None):
    """A loop over blocks of keys, as a tiled kernel does it."""
    dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    allowed = np.broadcast_to(True if mask is None else mask, (*q.shape[:-1], k.shape[-2]))
    for start in range(0, k.shape[-2], 2):
        s = slice(start, start + 2)
        step = from_saved(dout, q, k[..., s, :], v[..., s, :], out, lse, allowed[..., s])
        dq, dk[..., s, :], dv[..., s, :] = dq + step[0], step[1], step[2]
    return dq, dk, dv


@attention_backward_from_output.style
def D_form_in_float32(dout, q, k, v, out, lse, mask=None):
    """float32 throughout, the mask applied to the weights after exp."""
    dout, q, k, v, out, lse = (a.astype(np.float32) for a in (dout, q, k, v, out, lse))
    with np.errstate(over="ignore"):
        weights = np.exp(scores_of(q, k) - lse[..., None])
    weights = weights if mask is None else np.where(mask, weights, np.float32(0))
    return from_saved(dout, q, k, v, out, lse, mask, weights=weights)
