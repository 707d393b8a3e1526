"""Ring attention in one process: partial results that merge, blocks of keys and values that travel from rank to rank.

The axis R stands for the ranks: q[..., r, :, :] is what rank r holds. Moving every block to the next rank is a roll.
"""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.stability import log_sum_exp


def attention_with_lse(q, k, v, mask=None):
    """Attend to the given keys alone; return the output and the log-sum-exp of the scores, what merging needs."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (..., T_q, T_k)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    lse = log_sum_exp(scores)  # (..., T_q)
    weights = np.exp(scores - np.where(lse == -np.inf, 0.0, lse)[..., None])
    return weights @ v, lse


@shapes(out_a="... T d_v", lse_a="... T", out_b="... T d_v", lse_b="... T")
def merge_attention(out_a, lse_a, out_b, lse_b):
    """Put two attentions of the same queries together, over two sets of keys that have none in common.

    out_a   (..., T, d_v)   what the queries got from the first keys: an average of their values
    lse_a   (..., T)        log of the sum over these keys of exp(score); -inf where nothing was allowed
    out_b   (..., T, d_v)   the same from the other keys
    lse_b   (..., T)
    return  (out, lse)      as if all keys had been attended to at once; zeros and -inf where neither allowed anything

    Law: the order and the brackets do not matter, and (0, -inf), attention to nothing, changes nothing.
    Source: Milakov and Gimelshein 2018, section 3.1; Liu, Zaharia and Abbeel 2023, section 3.
    """
    top = np.maximum(lse_a, lse_b)
    top = np.where(top == -np.inf, 0.0, top)  # neither allowed anything: keep -inf - (-inf) from being nan
    a, b = np.exp(lse_a - top), np.exp(lse_b - top)
    empty = a + b == 0.0
    total = np.where(empty, 1.0, a + b)
    out = (a / total)[..., None] * out_a + (b / total)[..., None] * out_b
    return out, np.where(empty, -np.inf, np.log(total) + top)


@shapes(q="... R n d_head", k="... R n d_head", v="... R n d_v", positions="R n")
def ring_attention(q, k, v, positions=None):
    """Attend from every rank's queries to all ranks' keys while each rank holds one block of keys and values at a time.

    q          (..., R, n, d_head)   rank r holds the queries of n tokens, and keeps them
    k          (..., R, n, d_head)   the keys of the same tokens; after each step rank r + 1 holds what rank r held
    v          (..., R, n, d_v)      their values, which travel with the keys
    positions  (R, n)                whole numbers: which token stands where; a query attends to keys at its own place
                                     or before. None: every query attends to every key
    return     out (..., R, n, d_v), lse (..., R, n)

    Law: it is attention over all R·n tokens at once, however the tokens are shared out among the ranks.
    Source: Liu, Zaharia and Abbeel 2023, section 3 and algorithm 1.
    """
    out, lse = np.zeros_like(v), np.full_like(q[..., 0], -np.inf)
    places = positions  # of the keys at hand
    for _ in range(q.shape[-3]):
        mask = None if positions is None else places[:, None, :] <= positions[:, :, None]  # (R, n, n)
        out, lse = merge_attention(out, lse, *attention_with_lse(q, k, v, mask))
        k, v = np.roll(k, 1, axis=-3), np.roll(v, 1, axis=-3)  # every rank hands its block to the next
        places = None if positions is None else np.roll(places, 1, axis=0)
    return out, lse
