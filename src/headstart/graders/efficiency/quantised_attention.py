"""Attention over a cache in codes: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import FUSED, by_loops, plain_softmax
from headstart.graders.kit import agree, exercise

quantised_attention = exercise(
    "quantised_attention", "quantised", chapter="efficiency", wings=("in_numpy",), needs=("softmax",), bans=FUSED
)


def drawn(draw, lead, T_q, T_k, d_head, d_v, levels=256):
    """A query and a cache in codes: q, k_codes, k_step, v_codes, v_low, v_step."""
    rng = draw.rng
    k_codes = rng.integers(levels, size=(*lead, T_k, d_head)).astype(np.uint8)
    v_codes = rng.integers(levels, size=(*lead, T_k, d_v)).astype(np.uint8)
    k_step = rng.uniform(1.0, 9.0, size=(*lead, 1, d_head)) / levels
    v_step = rng.uniform(0.5, 4.0, size=(*lead, T_k, 1)) / levels
    return draw(*lead, T_q, d_head), k_codes, k_step, v_codes, draw(*lead, T_k, 1), v_step


def spelled_out(q, k_codes, k_step, v_codes, v_low, v_step, k_low=0.0):
    """Attention by loops over the keys and values that the codes stand for."""
    return by_loops(q, k_low + k_step * k_codes.astype(float), v_low + v_step * v_codes.astype(float))


@quantised_attention.law
def what_the_codes_stand_for(candidate, draw):
    """The answer is attention over low + step · codes, for every shape and number of bits."""
    for shape in (((), 1, 5, 4, 4), ((2, 3), 1, 7, 4, 2), ((1,), 3, 4, 2, 5)):
        for levels in (256, 4):
            cache = drawn(draw, *shape, levels=levels)
            agree(candidate(*cache), spelled_out(*cache))


@quantised_attention.law
def the_lows_of_keys_cancel(candidate, draw):
    """Adding one number to a whole channel of keys changes no answer, so k_low is not even asked for."""
    cache = drawn(draw, (2,), 2, 6, 4, 3)
    agree(candidate(*cache), spelled_out(*cache, k_low=3 * draw(2, 1, 4)))


@quantised_attention.law
def steps_belong_to_their_axis(candidate, draw):
    """A channel of keys with step 0 says nothing, and a token of values with step 0 is its low in every feature."""
    q, k_codes, k_step, v_codes, v_low, v_step = drawn(draw, (), 2, 5, 4, 3)
    k_step[..., 1], v_step[2:] = 0.0, 0.0
    cache = q, k_codes, k_step, v_codes, v_low, v_step
    agree(candidate(*cache), spelled_out(*cache))


@quantised_attention.law
def a_long_cache(candidate, draw):
    """A query over 512 tokens in codes, with steps and lows in float32, gets the same answer."""
    cache = drawn(draw, (), 1, 512, 32, 32)
    cache = [array.astype(np.float32) if array.dtype == float else array for array in cache]
    agree(candidate(*cache), spelled_out(*(array.astype(float) for array in cache)), atol=1e-3)


@quantised_attention.law
def large_scores_stay_finite(candidate, draw):
    """A key whose score is higher by thousands takes all the weight, for each query by itself; nothing overflows."""
    _, k_codes, k_step, v_codes, v_low, v_step = drawn(draw, (), 1, 5, 4, 3)
    k_codes = np.zeros_like(k_codes)
    k_codes[3] = 255
    q, k_step = 200.0 * np.array([[1.0] * 4, [-1.0] * 4]), np.full_like(k_step, 0.03)
    got = candidate(q, k_codes, k_step, v_codes, v_low, v_step)
    values = v_low + v_step * v_codes.astype(float)
    agree(got, np.stack([values[3], values[[0, 1, 2, 4]].mean(0)]), atol=1e-4)


def mixed(q, k_codes, k_step, v_codes, v_low, v_step, *, step=True, low=True, scale=None, steps=None, signed=False,
          attend=plain_softmax):  # fmt: skip
    """Attention over codes, with (wrong) steps, lows or scale."""
    if signed:
        k_codes, v_codes = k_codes.astype(np.int8), v_codes.astype(np.int8)
    keys = k_codes * (k_step if step else np.ones_like(k_step))
    weights = attend(q @ keys.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale))
    v_step = v_step if steps is None else steps(v_step)
    return (weights * v_step.mT) @ v_codes + (weights @ v_low if low else 0.0)


@quantised_attention.mutant("scores against the codes themselves: the steps of the keys' channels are forgotten")
def codes_for_keys(*cache):
    return mixed(*cache, step=False)


@quantised_attention.mutant("values without their lows: every value is shifted by its token's smallest number")
def lows_forgotten(*cache):
    return mixed(*cache, low=False)


@quantised_attention.mutant("attention over codes without the 1/√d_head factor")
def codes_not_scaled(*cache):
    return mixed(*cache, scale=1.0)


@quantised_attention.mutant("values without their steps: the codes are averaged as they are")
def codes_for_values(*cache):
    return mixed(*cache, steps=np.ones_like)


@quantised_attention.mutant("values with one step for all tokens, their mean")
def one_step_for_all(*cache):
    return mixed(*cache, steps=lambda step: np.broadcast_to(step.mean(-2, keepdims=True), step.shape))


@quantised_attention.mutant("codes read as signed: from 128 on they turn negative")
def signed_codes(*cache):
    return mixed(*cache, signed=True)


@quantised_attention.mutant("the lows of the values added once each instead of weighed")
def lows_not_weighed(q, k_codes, k_step, v_codes, v_low, v_step):
    out = mixed(q, k_codes, k_step, v_codes, v_low, v_step, low=False)
    return out + v_low.mean(-2, keepdims=True)


@quantised_attention.mutant("attention over codes whose softmax does not subtract the maximum: large scores overflow")
def maximum_not_subtracted(*cache):
    return mixed(*cache, attend=lambda s: np.exp(s) / np.exp(s).sum(-1, keepdims=True))


@quantised_attention.style
def decoded_first(q, k_codes, k_step, v_codes, v_low, v_step):
    """Keys and values spelled out, then attention in float64."""
    keys, values = k_step * k_codes.astype(np.float64), v_low + v_step * v_codes.astype(np.float64)
    return plain_softmax(q @ keys.mT / math.sqrt(q.shape[-1])) @ values


@quantised_attention.style
def by_einsum(q, k_codes, k_step, v_codes, v_low, v_step):
    """The same order of steps in einsum."""
    weights = plain_softmax(np.einsum("...qd,...kd->...qk", q * k_step / math.sqrt(q.shape[-1]), k_codes))
    low = np.einsum("...qk,...ko->...qo", weights, v_low)
    return np.einsum("...qk,...ko,...kd->...qd", weights, v_step, v_codes) + low
