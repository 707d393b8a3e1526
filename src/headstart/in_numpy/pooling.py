"""Pooling: the tokens of a text become one vector, and no padding leaks into it."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import softmax


@shapes(x="... T d", real="bool ... T")
def masked_mean(x, real):
    """Average the vectors of the real tokens: one vector for a whole text.

    x       (..., T, d)   one vector for each token; what stands in the padding may be anything, NaN and inf included
    real    (..., T)      boolean, False for padding; broadcasts
    return  (..., d)      zeros for a text without real tokens

    Law: the padding changes nothing, neither its content nor its length; nor does the order of the tokens.
    Source: Reimers and Gurevych 2019, section 3 (the MEAN strategy).
    """
    real = real[..., None]
    count = np.ones_like(x).sum(axis=-2, where=real)  # (..., d): in the type of x
    return x.sum(axis=-2, where=real) / count.clip(min=1.0)


@shapes(x="... T d", query="d", real="bool ... T")
def attention_pool(x, query, real):
    """Pool a text by attention with one learned query: keys and values are the tokens themselves.

    x       (..., T, d)   one vector for each token
    query   (d,)          learned, the same for every text
    real    (..., T)      boolean, False for padding; broadcasts
    return  (..., d)      tokens weighted by the softmax of x·query/√d over the real ones; none real gives zeros

    Law: a query of zeros gives the mean of the real tokens.
    Source: Yang et al. 2016, section 2.2 (a learned context vector as the query; a layer more there, and no √d).
    """
    scores = np.where(real, x @ query / math.sqrt(len(query)), -np.inf)  # (..., T)
    return (softmax(scores)[..., None, :] @ x).squeeze(-2)
