"""Attention with normalised queries and keys: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import FUSED, by_loops, plain_softmax, scores_of, slopes
from headstart.graders.kit import agree, exercise

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention")

qk_norm_attention = exercise(
    "qk_norm_attention", "stability", needs=NEEDS, bans=(*FUSED, "torch.nn.functional.rms_norm", "torch.nn.RMSNorm")
)


def normed_by_loops(x, gain, eps=1e-6):
    """Each vector divided by the root of the mean of its squares, times the gain."""
    out = np.zeros_like(x)
    for at in np.ndindex(x.shape[:-1]):
        mean_square = sum(number * number for number in x[at]) / len(x[at])
        out[at] = [number / math.sqrt(mean_square + eps) * g for number, g in zip(x[at], gain, strict=True)]
    return out


def qk_norm_by_loops(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    """The definition."""
    return by_loops(normed_by_loops(q, gain_q, eps), normed_by_loops(k, gain_k, eps), v, mask)


def draw_inputs(draw, lead, T_q, T_k, d_head, d_v, scale=1.0):
    """Queries, keys, values and two gains around 1."""
    gains = 1 + draw(d_head, scale=0.5), 1 + draw(d_head, scale=0.5)
    return draw(*lead, T_q, d_head, scale=scale), draw(*lead, T_k, d_head, scale=scale), draw(*lead, T_k, d_v), *gains


@qk_norm_attention.law
def norm_then_attention(candidate, draw):
    """Queries and keys are divided by their root mean square and multiplied by their gains; the rest is attention."""
    for sizes in (((), 3, 5, 4, 6), ((1,), 4, 4, 3, 3), ((2, 3), 5, 7, 8, 2), ((2,), 1, 6, 5, 4)):
        inputs = draw_inputs(draw, *sizes, scale=2.0)
        agree(candidate(*inputs), qk_norm_by_loops(*inputs))


@qk_norm_attention.law
def length_does_not_matter(candidate, draw):
    """Queries and keys a thousand times longer get the same answer: only their directions count."""
    q, k, v, gain_q, gain_k = draw_inputs(draw, (2,), 4, 5, 8, 3)
    want = qk_norm_by_loops(q, k, v, gain_q, gain_k)
    for factor in (3.0, 1000.0):
        agree(candidate(factor * q, factor * k, v, gain_q, gain_k), want, f"the output for q and k times {factor:g}")


@qk_norm_attention.law
def qk_norm_under_masks(candidate, draw):
    """Masked keys contribute nothing, and a query without keys gets zeros."""
    inputs = draw_inputs(draw, (2,), 5, 5, 4, 3)
    nothing = draw.mask(5, 5)
    nothing[2] = False
    for mask in (draw.mask(2, 5, 5), draw.mask(2, 1, 5), draw.mask(5), np.tri(5, dtype=bool), nothing):
        agree(candidate(*inputs, mask), qk_norm_by_loops(*inputs, np.broadcast_to(mask, (2, 5, 5))))


@qk_norm_attention.law
def eps_keeps_zeros_finite(candidate, draw):
    """eps (1e-6 by default) stands under the root: a query of zeros scores 0, a larger eps weakens the norm."""
    q, k, v, gain_q, gain_k = draw_inputs(draw, (), 3, 4, 4, 2, scale=0.5)
    q[1], k[2] = 0.0, 1e-3 * k[2]
    agree(candidate(q, k, v, gain_q, gain_k), qk_norm_by_loops(q, k, v, gain_q, gain_k), "the output of a zero query")
    want = qk_norm_by_loops(q, k, v, gain_q, gain_k, eps=0.3)
    agree(candidate(q, k, v, gain_q, gain_k, eps=0.3), want, "the output with eps=0.3")


@qk_norm_attention.law
def gains_may_be_large(candidate, draw):
    """Gains decide how sharp attention is: scores in the thousands give finite answers, and a mask stands them."""
    q, k, v, gain_q, _ = draw_inputs(draw, (2,), 4, 5, 4, 3)
    k[:, 1] = q[:, 0]  # a key that looks where its query looks: its score is the largest there is
    got, want = (f(q, k, v, 40 * gain_q, 40 * gain_q) for f in (candidate, qk_norm_by_loops))
    agree(got, want, "the output with gains near 40", rtol=2e-3, atol=2e-3)
    k, mask = k.copy(), np.ones((4, 5), dtype=bool)
    k[:, 1] = -q[:, 0]
    mask[0] = np.arange(5) == 1  # all that query 0 may see is the key that looks the other way
    got, want = (f(q, k, v, 40 * gain_q, 40 * gain_q, mask)[:, 0] for f in (candidate, qk_norm_by_loops))
    agree(got, want, "the output of a query that may see its worst key alone")


@qk_norm_attention.law(wings=("in_torch",))
def qk_norm_passes_gradients(candidate, draw):
    """Gradients reach q, k, v and both gains, a query without keys too, and equal finite differences."""
    inputs, mask, g = draw_inputs(draw, (), 3, 3, 3, 2), draw.mask(3, 3), draw(3, 2)
    mask[1] = False
    wanted = slopes(lambda *arrays: qk_norm_by_loops(*arrays, mask), g, *inputs)
    for got, want in zip(candidate.gradients(g, *inputs, mask), wanted, strict=True):
        agree(got, want, "the gradient")


def around(norm_q, norm_k=None, scale=None):
    """Attention around a (wrong) norm of the queries and of the keys."""

    def attention(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
        q, k = norm_q(q, gain_q, eps), (norm_k or norm_q)(k, gain_k, eps)
        return plain_softmax(scores_of(q, k, mask, scale)) @ v

    return attention


def rms(x, gain, eps):
    """The right norm."""
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gain


@qk_norm_attention.mutant("attention without any norm of queries and keys: their length decides again")
def not_normed(*args, **kwargs):
    return around(lambda x, gain, eps: x * gain)(*args, **kwargs)


@qk_norm_attention.mutant("attention with the queries normalised and the keys left as they are")
def keys_not_normed(*args, **kwargs):
    return around(rms, lambda x, gain, eps: x * gain)(*args, **kwargs)


@qk_norm_attention.mutant(
    "unit vectors (sum of squares 1) instead of a root mean square of 1: scores too small by d_head"
)
def unit_vectors(*args, **kwargs):
    return around(lambda x, gain, eps: x / np.sqrt((x * x).sum(-1, keepdims=True) + eps) * gain)(*args, **kwargs)


@qk_norm_attention.mutant("layer norm instead of the root mean square: the mean of the features is subtracted")
def layer_normed(*args, **kwargs):
    return around(lambda x, gain, eps: rms(x - x.mean(-1, keepdims=True), gain, eps))(*args, **kwargs)


@qk_norm_attention.mutant("QK-norm over the tokens instead of the features")
def normed_over_tokens(*args, **kwargs):
    return around(lambda x, gain, eps: x / np.sqrt((x * x).mean(-2, keepdims=True) + eps) * gain)(*args, **kwargs)


@qk_norm_attention.mutant("QK-norm attention whose softmax does not subtract the maximum: large gains overflow it")
def normed_but_overflowing(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    e = np.exp(scores_of(rms(q, gain_q, eps), rms(k, gain_k, eps), mask))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1.0, total) @ v


@qk_norm_attention.mutant("QK-norm without its gains")
def without_gains(*args, **kwargs):
    return around(lambda x, gain, eps: rms(x, 1.0, eps))(*args, **kwargs)


@qk_norm_attention.mutant("QK-norm with the 1/√d_head factor left out")
def normed_but_unscaled(*args, **kwargs):
    return around(rms, scale=1.0)(*args, **kwargs)


@qk_norm_attention.mutant("QK-norm with eps outside the root")
def eps_outside(*args, **kwargs):
    return around(lambda x, gain, eps: x / (np.sqrt((x * x).mean(-1, keepdims=True)) + eps) * gain)(*args, **kwargs)


@qk_norm_attention.mutant("QK-norm attention that ignores its mask")
def normed_without_mask(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    return around(rms)(q, k, v, gain_q, gain_k, None, eps)


@qk_norm_attention.style
def one_gain_for_both(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    """Both gains moved to the queries, unit vectors and √d_head instead of 1/√d_head."""
    d = q.shape[-1]
    q, k = (x / np.sqrt((x * x).sum(-1, keepdims=True) + d * eps) for x in (q, k))
    scores = np.einsum("...qd,...kd->...qk", q * gain_q * gain_k, k) * math.sqrt(d)
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)) @ v


@qk_norm_attention.style
def normed_in_float32(q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    """float32 throughout."""
    return around(rms)(*(a.astype(np.float32) for a in (q, k, v, gain_q, gain_k)), mask, eps)
