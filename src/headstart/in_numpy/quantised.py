"""A cache in few bits: keys with one scale a channel, values with one scale a token, and attention over the codes.

There is no PyTorch twin: rounding has no gradient to pass on.
"""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import softmax


@shapes(x="... T d_head")
def quantise(x, axis=-1, bits=8):
    """Write numbers as whole numbers of few bits: x ≈ low + step · codes, with a low and a step for each group.

    x       (..., T, d_head)   keys or values of T tokens
    axis    int                what a group runs along: -2 for one group a channel, -1 for one group a token
    bits    int                at least 1 and at most 8, else ValueError
    return  codes (..., T, d_head) of type uint8, from 0 to 2^bits - 1 within each group,
            low and step, both with an axis of size 1 where the group ran: (..., 1, d_head) or (..., T, 1)

    Law: no number moves by more than half a step; a group's smallest and largest number come back as they were, and so
    does a group of equal numbers, whose step is 0.
    Source: Liu et al. 2024 (KIVI), section 3.
    """
    if bits < 1 or bits > 8:
        raise ValueError(f"quantise: bits must be at least 1 and at most 8, got {bits}")
    low = x.min(axis=axis, keepdims=True)
    step = (x.max(axis=axis, keepdims=True) - low) / (2**bits - 1)
    codes = np.rint((x - low) / np.where(step == 0.0, 1.0, step))
    return codes.astype(np.uint8), low, step


@shapes(q="... T_q d_head", k_codes="... T_k d_head", k_step="... 1 d_head", v_codes="... T_k d_v", v_low="... T_k 1",
        v_step="... T_k 1")  # fmt: skip
def quantised_attention(q, k_codes, k_step, v_codes, v_low, v_step):
    """Attend over a cache in codes, without spelling out the keys and values that they stand for.

    q        (..., T_q, d_head)
    k_codes  (..., T_k, d_head)   whole numbers: the keys are k_low + k_step · k_codes
    k_step   (..., 1, d_head)     one a channel, for all keys together
    v_codes  (..., T_k, d_v)      whole numbers: the values are v_low + v_step · v_codes
    v_low    (..., T_k, 1)        one a token
    v_step   (..., T_k, 1)        one a token
    return   (..., T_q, d_v)

    Law: it is attention over the keys and values that the codes stand for, whatever k_low was, one a channel: q · k_low
    is the same number for every key, and softmax does not see it.
    Source: Liu et al. 2024 (KIVI), section 3 (dequantisation fused with the product).
    """
    scores = (q * k_step) @ k_codes.mT / math.sqrt(q.shape[-1])  # (..., T_q, T_k): the steps go to the query
    weights = softmax(scores)
    return (weights * v_step.mT) @ v_codes + weights @ v_low
