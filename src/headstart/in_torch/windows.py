"""Windows over the recent past, and sinks for the attention that nobody needs."""

import math

import torch

from headstart.contract import ShapeError, shapes
from headstart.in_torch.attention import softmax


def sliding_window_mask(T_q, T_k, window, num_sinks=0):
    """Let each query see the last `window` keys up to its own place, and the first `num_sinks` of the sequence.

    T_q        int          at least 1, else ShapeError (a ValueError)
    T_k        int          at least 1; where T_q < T_k the queries are the last T_q tokens (a cache)
    window     int          at least 1: the query's own place counts, so 1 sees itself alone
    num_sinks  int          how many of the first keys stay visible; 0 or more; never the future
    return     (T_q, T_k)   boolean; query i stands at p = i + T_k - T_q, key j is seen where j <= p and
                            (p - j < window or j < num_sinks)

    Law: a window of T_k or more is the causal mask; the last rows of a longer mask are the mask of fewer queries.
    Source: Beltagy et al. 2020, section 3.1; Jiang et al. 2023, section 2; Xiao et al. 2024, section 3.2 (sinks).
    """
    if min(T_q, T_k, window) < 1 or num_sinks < 0:
        raise ShapeError(
            f"sliding_window_mask: T_q, T_k and window must be at least 1 and num_sinks at least 0, "
            f"got {T_q}, {T_k}, {window} and {num_sinks}"
        )
    past = torch.arange(T_k - T_q, T_k)[:, None] - torch.arange(T_k)  # (T_q, T_k): how far back each key lies
    return (past >= 0) & ((past < window) | (torch.arange(T_k) < num_sinks))


@shapes(q="... H T_q d_head", k="... H T_k d_head", v="... H T_k d_v", sinks="H", mask="bool ... H T_q T_k")
def sink_attention(q, k, v, sinks, mask=None):
    """Attend with one learned score a head for "nothing": it takes part in the softmax and has no value.

    q       (..., H, T_q, d_head)
    k       (..., H, T_k, d_head)
    v       (..., H, T_k, d_v)
    sinks   (H,)                    scores as they are: not divided by √d_head
    mask    (..., H, T_q, T_k)      boolean, True where a query may attend; every axis may be 1 or missing
    return  (..., H, T_q, d_v)      weights exp(s_j) / (exp(sink) + sum_j exp(s_j)); no allowed key gives zeros

    Law: sinks of -∞ give plain attention; the weights of a row sum to less than one, the rest is the sink's.
    Source: OpenAI 2025, section 2 (architecture); Xiao et al. 2024, section 3.3 (a sink learned as a token, and a 1
    added to the softmax's sum).
    """
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (..., H, T_q, T_k)
    if mask is not None:
        scores = torch.where(mask, scores, -math.inf)
    column = sinks[:, None, None].expand(*scores.shape[:-1], 1)
    return softmax(torch.cat([scores, column], dim=-1))[..., :-1] @ v
