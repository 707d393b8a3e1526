"""Attention from the definition: weights from queries and keys, an average of the values."""

import math

import torch

from headstart.contract import shapes


@shapes(x="... n")
def softmax(x, axis=-1):
    """Turn scores into weights: positive numbers that sum to one along `axis`.

    x       (..., n)   real scores of any size; -inf means "not allowed"
    axis    int        the axis that is normalised
    return  (..., n)   weights of x's dtype; a row of nothing but -inf gives zeros, and zero gradients

    Law: adding one number to a whole row changes nothing, softmax(x + c) = softmax(x).
    That is what makes it safe for large scores: subtract the row's maximum first.
    The point is to write it: torch.softmax and its kin are not allowed here.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 4.1.
    """
    top = x.detach().amax(dim=axis, keepdim=True)  # a constant shift: no gradient flows through it
    top = top.masked_fill(top == -math.inf, 0.0)  # a row with nothing allowed: keep -inf - (-inf) from being nan
    e = torch.exp(x - top)
    total = e.sum(dim=axis, keepdim=True)
    return e / total.masked_fill(total == 0.0, 1.0)


@shapes(query="d", keys="T d", values="T d_v")
def look_up(query, keys, values):
    """Look one query up in a soft dictionary: the average of all values, weighted by how well their keys fit.

    query   (d,)       what is asked for
    keys    (T, d)     one key an entry
    values  (T, d_v)   one value an entry
    return  (d_v,)     sum_j w_j values[j], with w = softmax over j of keys[j] . query (no scaling here)

    Law: if one key fits far better than all others, the answer is that key's value, as in a Python dict.
    Source: Bahdanau, Cho and Bengio 2015, section 3.1 (the weighted average); Vaswani et al. 2017, section 3.2.
    """
    weights = softmax(keys @ query)  # (T,)
    return weights @ values  # (d_v,)


@shapes(q="... T_q d_head", k="... T_k d_head", mask="bool ... T_q T_k")
def attention_weights(q, k, mask=None):
    """Compute how much each query attends to each key: softmax(q kᵀ / √d_head) along the keys.

    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    mask    (..., T_q, T_k)   boolean, True where a query may attend; broadcasts; None allows everything
    return  (..., T_q, T_k)   each row sums to one; a row that may attend to nothing is all zeros

    Law: the rows sum to one (the columns need not), and forbidden entries are exactly zero.
    Source: Vaswani et al. 2017, section 3.2.1, equation 1.
    """
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (..., T_q, T_k)
    if mask is not None:
        scores = torch.where(mask, scores, -math.inf)
    return softmax(scores)


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", mask="bool ... T_q T_k")
def scaled_dot_product_attention(q, k, v, mask=None):
    """Mix the values for each query by its attention weights: softmax(q kᵀ / √d_head) v.

    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    v       (..., T_k, d_v)
    mask    (..., T_q, T_k)   boolean, True where a query may attend; broadcasts; None allows everything
    return  (..., T_q, d_v)   a query that may attend to nothing gets zeros, and gives zero gradients

    Law: shuffling keys and values together changes nothing; shuffling queries shuffles the rows of the answer.
    The point is to write it: torch.nn.functional.scaled_dot_product_attention is not allowed here.
    Source: Vaswani et al. 2017, section 3.2.1, equation 1.
    """
    return attention_weights(q, k, mask) @ v


@shapes(x="... T d_model", W_q="d_model d_head", W_k="d_model d_head", W_v="d_model d_v", mask="bool ... T T")
def self_attention(x, W_q, W_k, W_v, mask=None):
    """Let the tokens of one sequence attend to each other: queries, keys and values are all made from x.

    x         (..., T, d_model)   one row a token
    W_q, W_k  (d_model, d_head)   applied from the right: q = x W_q
    W_v       (d_model, d_v)
    mask      (..., T, T)         boolean, True where a query may attend; None allows everything
    return    (..., T, d_v)

    Law: without a mask it is permutation equivariant: shuffle the tokens and the answer is shuffled alike.
    Source: Vaswani et al. 2017, sections 3.2.1 and 3.2.3.
    """
    return scaled_dot_product_attention(x @ W_q, x @ W_k, x @ W_v, mask)


@shapes(
    q="... T_q d_q", k="... T_k d_k", v="... T_k d_v", W_q="d_q d_a", W_k="d_k d_a", w="d_a", mask="bool ... T_q T_k"
)
def additive_attention(q, k, v, W_q, W_k, w, mask=None):
    """Score each pair with a one-layer network instead of a dot product: w . tanh(q W_q + k W_k).

    q       (..., T_q, d_q)
    k       (..., T_k, d_k)    d_k may differ from d_q
    v       (..., T_k, d_v)
    W_q     (d_q, d_a)
    W_k     (d_k, d_a)
    w       (d_a,)
    mask    (..., T_q, T_k)    boolean, True where a query may attend; None allows everything
    return  (..., T_q, d_v)    a query that may attend to nothing gets zeros

    Law: tanh lies between -1 and 1, so no score is larger than sum(|w|), however long q and k are.
    Source: Bahdanau, Cho and Bengio 2015, section 3.1 and appendix A.1.2.
    """
    hidden = (q @ W_q)[..., :, None, :] + (k @ W_k)[..., None, :, :]  # (..., T_q, T_k, d_a)
    scores = torch.tanh(hidden) @ w  # (..., T_q, T_k)
    if mask is not None:
        scores = torch.where(mask, scores, -math.inf)
    return softmax(scores) @ v
