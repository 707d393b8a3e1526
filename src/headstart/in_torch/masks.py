"""Masks of every kind, all boolean and True where a query may attend; they are combined by `&`."""

import math

import torch

from headstart.contract import ShapeError, shapes


def causal_mask(T_q, T_k):
    """Let each query see the keys up to its own place, the last query seeing all keys.

    T_q     int          at least 1, else ShapeError (a ValueError)
    T_k     int          at least 1 too; where T_q < T_k the queries are the last T_q tokens (a cache)
    return  (T_q, T_k)   boolean: query i may attend to key j where j <= i + T_k - T_q

    Law: the last rows of a longer mask are the mask of fewer queries: it is aligned at the bottom right.
    Source: Vaswani et al. 2017, section 3.2.3; torch.nn.attention.bias.causal_lower_right has this alignment.
    """
    if min(T_q, T_k) < 1:
        raise ShapeError(f"causal_mask: T_q and T_k must be at least 1, got {T_q} and {T_k}")
    return torch.ones(T_q, T_k, dtype=torch.bool).tril(T_k - T_q)


@shapes(lengths="B")
def padding_mask(lengths, T):
    """Keep every query away from the padding behind the end of its sequence.

    lengths  (B,)        whole numbers from 0 to T (else ValueError): how many tokens of each sequence are real
    T        int         the length to which all sequences were padded
    return   (B, 1, T)   boolean: key j of sequence b may be seen where j < lengths[b]; the 1 serves every query

    Law: what stands in the padding cannot change any answer.
    Source: Vaswani et al. 2017, section 3.2.3 (masking by -inf); the layout is that of F.scaled_dot_product_attention.
    """
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError(f"padding_mask: lengths must lie between 0 and T = {T}")
    return (torch.arange(T, device=lengths.device) < lengths[:, None])[:, None, :]


@shapes(document_ids="... T")
def document_mask(document_ids):
    """Keep documents apart that were packed into one sequence.

    document_ids  (..., T)      whole numbers: which document each token belongs to
    return        (..., T, T)   boolean: True where query and key are of the same document

    Law: packed documents get the answers that each would get alone.
    Source: Krell et al. 2021 (packing without cross-contamination).
    """
    return document_ids[..., :, None] == document_ids[..., None, :]


@shapes(mask="bool ...")
def additive_bias(mask):
    """Turn a boolean mask into one that is added to the scores: 0 where a query may attend, -inf where not.

    mask    (..., T_q, T_k)   boolean, True where a query may attend
    return  (..., T_q, T_k)   floats; a whole row of -inf is a query that may attend to nothing

    Law: the sum of two biases is the bias of both masks together, additive_bias(a) + additive_bias(b) = that of a & b.
    Source: Vaswani et al. 2017, section 3.2.3; a float attn_mask of F.scaled_dot_product_attention has this meaning.
    """
    return torch.where(mask, 0.0, -math.inf)
