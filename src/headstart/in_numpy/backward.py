"""Backward passes by hand: softmax with its loss, the linear map, dropout, attention in two forms.

`dout` is the derivative of the loss with respect to `out`, and likewise `dx`, `dW_q`: same name, same shape, one d.
There is no PyTorch twin: what this file writes by hand is what PyTorch's autograd does by itself.
"""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import attention_weights, softmax


@shapes(dp="... n", p="... n")
def softmax_backward(dp, p):
    """Take the gradient from the weights back to the scores: dx_j = p_j (dp_j - sum_i dp_i p_i).

    dp      (..., n)   derivative of the loss by the weights
    p       (..., n)   the weights themselves, softmax(x) along the last axis; a row of zeros had nothing allowed
    return  (..., n)   derivative by the scores x; exactly zero where p is zero

    Law: each row sums to zero, because adding one number to a whole row of scores changes no weight.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.5 (back-propagation); the Jacobian of
    softmax is diag(p) - p pᵀ.
    """
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@shapes(logits="... n", targets="... n")
def cross_entropy_backward(logits, targets):
    """Differentiate the mean cross entropy of softmax(logits), -sum(targets · log softmax(logits)) / sum(targets).

    logits   (..., n)   one score a class
    targets  (..., n)   one row a prediction: one-hot, or smoothed; a row of zeros (padding) does not count
    return   (..., n)   derivative of the loss by the logits: (softmax(logits) - targets) over the rows that count

    Law: each row sums to zero, and a row of padding gets zeros.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.2.2.3.
    """
    counts = targets.sum(axis=-1, keepdims=True)  # (..., 1): one for a row that counts, zero for padding
    return (softmax(logits) * counts - targets) / counts.sum()


@shapes(dout="... d_out", x="... d_in", W="d_in d_out")
def linear_backward(dout, x, W):
    """Go back through out = x W + b, for any number of leading axes.

    dout    (..., d_out)
    x       (..., d_in)
    W       (d_in, d_out)
    return  dx (..., d_in), dW (d_in, d_out), db (d_out,)

    Law: what was shared is summed: every row of x used the same W and b, so dW and db add up over all leading axes.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.5.6.
    """
    leading = tuple(range(x.ndim - 1))
    dW = np.tensordot(x, dout, (leading, leading))  # (d_in, d_out): x and dout contracted over all leading axes
    return dout @ W.T, dW, dout.sum(axis=leading)


@shapes(dout="... n", kept="... n")
def dropout_backward(dout, kept, rate=0.1):
    """Go back through (inverted) dropout, out = x · kept / (1 - rate), with the draw that the forward pass made.

    dout    (..., n)
    kept    (..., n)   1 (or True) where a number was kept, 0 (or False) where it was dropped
    rate    float      probability of being dropped, less than one
    return  (..., n)

    Law: kept of ones at rate 0 hands dout on unchanged; what was dropped gets no gradient.
    Source: Srivastava et al. 2014, section 10 (scaling at training time).
    """
    return dout * kept / (1.0 - rate)


@shapes(dout="... T_q d_v", q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", mask="bool ... T_q T_k",
        kept="... T_q T_k")  # fmt: skip
def attention_backward(dout, q, k, v, mask=None, kept=None, rate=0.0):
    """Go back through out = dropout(softmax(q kᵀ / √d_head)) v. Leading axes of q, k and v are the same.

    dout    (..., T_q, d_v)
    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    v       (..., T_k, d_v)
    mask    (..., T_q, T_k)   boolean, True where a query may attend; broadcasts; None allows everything
    kept    (..., T_q, T_k)   1 where a weight was kept by dropout, 0 where not; None means no dropout
    rate    float             dropout rate; kept weights were multiplied by 1 / (1 - rate)
    return  dq (..., T_q, d_head), dk (..., T_k, d_head), dv (..., T_k, d_v)

    Law: a query that may attend to nothing gets zeros and gives nothing to any key or value.
    Source: Dao et al. 2022, appendix B.2.
    """
    weights = attention_weights(q, k, mask)  # (..., T_q, T_k)
    keep = 1.0 if kept is None else kept / (1.0 - rate)
    dv = (weights * keep).mT @ dout  # (..., T_k, d_v)
    dweights = dout @ v.mT * keep  # (..., T_q, T_k)
    dscores = softmax_backward(dweights, weights) / math.sqrt(q.shape[-1])
    return dscores @ k, dscores.mT @ q, dv


@shapes(dout="... T_q d_v", q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", out="... T_q d_v", lse="... T_q",
        mask="bool ... T_q T_k")  # fmt: skip
def attention_backward_from_output(dout, q, k, v, out, lse, mask=None):
    """Go back through attention from its output and one number a query, for all keys or for a block of them.

    dout    (..., T_q, d_v)
    q       (..., T_q, d_head)
    k       (..., T_k, d_head)   all keys, or some of them
    v       (..., T_k, d_v)      their values
    out     (..., T_q, d_v)      the output that the forward pass made from all keys
    lse     (..., T_q)           log of the sum over all keys of exp(q·k / √d_head); -inf where nothing is allowed
    mask    (..., T_q, T_k)      boolean, True where a query may attend
    return  dq (..., T_q, d_head), dk (..., T_k, d_head), dv (..., T_k, d_v)

    Law: blocks of keys are independent: their dq add up, their dk and dv stand side by side. What makes it so is
    D = rowsum(dout · out), which equals the row sum of dweights · weights over all keys.
    Source: Dao et al. 2022, appendix B.2 and B.4; Dao 2024, section 3.1.2.
    """
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (..., T_q, T_k)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - np.where(lse == -np.inf, 0.0, lse)[..., None])
    D = (dout * out).sum(axis=-1, keepdims=True)  # (..., T_q, 1)
    dscores = weights * (dout @ v.mT - D) / math.sqrt(q.shape[-1])
    return dscores @ k, dscores.mT @ q, weights.mT @ dout
