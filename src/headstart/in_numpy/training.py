"""Two brakes of training: dropout inside attention, and gradients clipped by their common norm."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import attention_weights


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", kept="bool ... T_q T_k", mask="bool ... T_q T_k")
def attention_with_dropout(q, k, v, kept, rate=0.1, mask=None, training=True):
    """Attend with weights of which some are dropped and the others enlarged, so that nothing changes on average.

    q         (..., T_q, d_head)
    k         (..., T_k, d_head)
    v         (..., T_k, d_v)
    kept      (..., T_q, T_k)      boolean, the draw: True where a weight stays; broadcasts: (..., H, 1, 1) drops heads
    rate      float                how likely a weight was to be dropped, from 0 to below 1, else ValueError
    mask      (..., T_q, T_k)      boolean, True where a query may attend; broadcasts; None allows everything
    training  bool                 False: the draw is ignored, nothing is dropped and nothing enlarged
    return    (..., T_q, d_v)      (kept · weights / (1 - rate)) v; the rows of weights no longer sum to one

    Law: the mean over all draws is attention without dropout.
    Source: Srivastava et al. 2014, section 10 (inverted dropout: scaled in training, nothing to do afterwards);
    Vaswani et al. 2017, section 5.4 names other places; whole heads: Zhou et al. 2020.
    """
    if rate < 0 or rate >= 1:
        raise ValueError(f"attention_with_dropout: rate must lie from 0 to below 1, got {rate}")
    weights = attention_weights(q, k, mask)  # (..., T_q, T_k)
    if training:
        weights = np.where(kept, weights / (1 - rate), 0.0)
    return weights @ v


def clip_by_global_norm(gradients, max_norm):
    """Shorten all gradients by one factor, so that together they are at most max_norm long.

    gradients  list      arrays of any shapes, one a parameter
    max_norm   float     above 0, else ValueError
    return     list      new arrays, each of its gradient's type: gradient · max_norm / max(norm, max_norm), where norm
                         is the root of the sum of all squares, added up in float32 or better

    Law: the direction stays. Short gradients, and gradients of zeros, come back as they were.
    Source: Pascanu, Mikolov and Bengio 2013, section 3.2 and algorithm 1.
    """
    if max_norm <= 0:
        raise ValueError(f"clip_by_global_norm: max_norm must be above 0, got {max_norm}")
    norm = math.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients))
    return [g * (max_norm / max(norm, max_norm)) for g in gradients]
