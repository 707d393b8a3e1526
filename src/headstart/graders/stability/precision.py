"""Attention weights in low precision: laws on float16 inputs, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import FUSED, plain_softmax, scores_of, softmax_by_loops, weights_by_loops
from headstart.graders.kit import agree, exercise, expect

safe_attention_weights = exercise(
    "safe_attention_weights", "precision", chapter="stability", wings=("in_torch",),
    needs=("softmax", "attention_weights"), bans=FUSED,
)  # fmt: skip

HALF = {"rtol": 1e-3, "atol": 1e-6}  # one rounding to float16 is wrong by 2**-11 at most, or by 2**-25 near zero


def half(draw, *shape, scale=1.0):
    """Inputs that are float16 numbers."""
    return draw(*shape, scale=scale).astype(np.float16)


def exact(q, k, mask=None):
    """The weights of the given numbers in float64."""
    return weights_by_loops(q.astype(np.float64), k.astype(np.float64), mask)


@safe_attention_weights.law
def right_to_the_last_digit(candidate, draw):
    """On float16 inputs the weights are exact up to one rounding: the scores may not be rounded before the softmax."""
    for lead, T_q, T_k, d_head in (((), 4, 6, 8), ((2,), 5, 5, 64), ((1, 2), 1, 7, 16)):
        q, k = half(draw, *lead, T_q, d_head, scale=3.0), half(draw, *lead, T_k, d_head, scale=3.0)
        agree(candidate(q, k), exact(q, k), "the weights", **HALF)


@safe_attention_weights.law
def products_may_pass_65504(candidate, draw):
    """Products and scores beyond the largest float16 number neither overflow nor turn into NaN."""
    for large in (300.0, 400.0):  # products near 180000 and 320000, scores near 45000 and 80000
        q, k = (draw.rng.integers(-2, 3, size=(n, 16)).astype(np.float16) for n in (3, 5))  # float32 adds these exactly
        q[:, :2] = k[:, :2] = large  # the differences between keys stay small
        agree(candidate(q, k), exact(q, k), "the weights", rtol=5e-2, atol=1e-3)


@safe_attention_weights.law
def long_rows_are_summed_safely(candidate, draw):
    """A row of 70000 equal scores sums to 70000, more than float16 can hold; each weight is still 1/70000."""
    q, k = half(draw, 1, 4), np.zeros((70000, 4), dtype=np.float16)
    agree(candidate(q, k), np.full((1, 70000), 1 / 70000), "the weights", rtol=5e-3, atol=1e-7)


@safe_attention_weights.law
def comes_back_in_its_type(candidate, draw):
    """The weights have the type of q: float16 for float16, float32 for float32."""
    for dtype in (np.float16, np.float32):
        q, k = draw(3, 4).astype(dtype), draw(5, 4).astype(dtype)
        got = np.asarray(candidate(q, k))
        agree(got, exact(q, k), "the weights", **(HALF if dtype == np.float16 else {}))
        expect(got.dtype == dtype, f"the weights of {np.dtype(dtype)} inputs are {got.dtype}")


@safe_attention_weights.law
def half_under_masks(candidate, draw):
    """Forbidden keys get exactly zero; a query that may attend to nothing gets zeros."""
    q, k, mask = half(draw, 2, 4, 8), half(draw, 2, 5, 8), draw.mask(2, 4, 5)
    mask[0, 1] = mask[1, 3] = False
    for m in (mask, draw.mask(2, 1, 5), draw.mask(5)):
        agree(candidate(q, k, m), exact(q, k, m), "the weights", **HALF)
    seen = draw.mask(5)
    q, k = np.full((3, 4), 300, dtype=np.float16), np.full((5, 4), 300, dtype=np.float16)
    k[seen] = -300  # a score of -180000 where a key may be seen, of 180000 where not
    agree(candidate(q, k, seen), exact(q, k, seen), "the weights where allowed scores are far below -65504", **HALF)


@safe_attention_weights.law(wings=("in_torch",))
def half_passes_gradients(candidate, draw):
    """Gradients come back in float16, finite, zeros for a query without keys, and near the exact ones."""
    q, k, mask, g = half(draw, 3, 8), half(draw, 5, 8), draw.mask(3, 5), half(draw, 3, 5)
    mask[1] = False
    p = exact(q, k, mask)
    d_scores = p * (g - (p * g).sum(-1, keepdims=True)) / math.sqrt(8)
    for got, want in zip(candidate.gradients(g, q, k, mask), (d_scores @ k, d_scores.T @ q), strict=True):
        agree(got, want, "the gradient", rtol=1e-2, atol=2e-3)


def single(*arrays):
    """The arrays in float32."""
    return [array.astype(np.float32) for array in arrays]


@safe_attention_weights.mutant("weights computed in the inputs' own float16 throughout: scores overflow or are rounded")
def half_throughout(q, k, mask=None):
    scores = q @ k.mT / q.dtype.type(math.sqrt(q.shape[-1]))
    return plain_softmax(scores if mask is None else np.where(mask, scores, q.dtype.type(-np.inf))).astype(q.dtype)


@safe_attention_weights.mutant("a float32 softmax of scores that were rounded to float16 before: too late")
def upcast_too_late(q, k, mask=None):
    scores = (scores_of(*single(q, k)).astype(q.dtype)).astype(np.float32)
    return plain_softmax(scores if mask is None else np.where(mask, scores, -np.inf)).astype(q.dtype)


@safe_attention_weights.mutant("the right weights in float32, not cast back to the inputs' type")
def never_cast_back(q, k, mask=None):
    return plain_softmax(scores_of(*single(q, k), mask))


@safe_attention_weights.mutant("safe weights without the 1/√d_head factor")
def safe_but_unscaled(q, k, mask=None):
    return plain_softmax(scores_of(*single(q, k), mask, 1.0)).astype(q.dtype)


@safe_attention_weights.mutant("a finite mask (-65504, the smallest float16): an empty row becomes uniform")
def masked_by_the_smallest_half(q, k, mask=None):
    scores = scores_of(*single(q, k))
    return plain_softmax(scores if mask is None else np.where(mask, scores, -65504.0)).astype(q.dtype)


@safe_attention_weights.mutant("safe weights that give NaN to a query that may attend to nothing")
def safe_but_nan(q, k, mask=None):
    scores = scores_of(*single(q, k), mask)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype(q.dtype)


@safe_attention_weights.mutant("safe weights that ignore their mask")
def safe_without_mask(q, k, mask=None):
    return plain_softmax(scores_of(*single(q, k))).astype(q.dtype)


@safe_attention_weights.style
def safe_in_float64(q, k, mask=None):
    """float64 inside."""
    return plain_softmax(scores_of(q.astype(float), k.astype(float), mask)).astype(q.dtype)


@safe_attention_weights.style
def safe_query_by_query(q, k, mask=None):
    """Row by row, in plain Python."""
    scores = scores_of(*single(q, k), mask)
    return np.apply_along_axis(softmax_by_loops, -1, scores).astype(q.dtype)
