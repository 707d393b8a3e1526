"""Backward passes of whole layers by hand: self-attention, multi-head attention with biases, layer norm.

As in backward.py there is no PyTorch twin: PyTorch's autograd is the twin.
"""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import attention_weights
from headstart.in_numpy.backward import attention_backward, linear_backward
from headstart.in_numpy.multi_head import merge_heads, split_heads


@shapes(dout="... T d_v", x="... T d_model", W_q="d_model d_head", W_k="d_model d_head", W_v="d_model d_v",
        mask="bool ... T T")  # fmt: skip
def self_attention_backward(dout, x, W_q, W_k, W_v, mask=None):
    """Go back through self-attention, where one x made queries, keys and values.

    dout      (..., T, d_v)
    x         (..., T, d_model)
    W_q, W_k  (d_model, d_head)
    W_v       (d_model, d_v)
    mask      (..., T, T)         boolean, True where a query may attend
    return    dx (..., T, d_model), dW_q (d_model, d_head), dW_k (d_model, d_head), dW_v (d_model, d_v)

    Law: x was used three times, so dx is the sum of three gradients.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.5.2 (the chain rule sums over all paths).
    """
    dq, dk, dv = attention_backward(dout, x @ W_q, x @ W_k, x @ W_v, mask)
    dx_q, dW_q, _ = linear_backward(dq, x, W_q)
    dx_k, dW_k, _ = linear_backward(dk, x, W_k)
    dx_v, dW_v, _ = linear_backward(dv, x, W_v)
    return dx_q + dx_k + dx_v, dW_q, dW_k, dW_v


@shapes(
    dout="... T_q d_out", x_q="... T_q d_model", x_kv="... T_k d_model", mask="bool ... T_q T_k",
    W_q="d_model d_all", W_k="d_model d_all", W_v="d_model d_all", W_o="d_all d_out",
    b_q="d_all", b_v="d_all", kept="... H T_q T_k",
)  # fmt: skip
def multi_head_backward(dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_v, num_heads, mask=None, kept=None, rate=0.0):
    """Go back through the multi-head layer with biases, q = x_q W_q + b_q … out = merged W_o + b_o, and dropout.

    dout           (..., T_q, d_out)
    x_q            (..., T_q, d_model)     the queries were made from these tokens
    x_kv           (..., T_k, d_model)     keys and values from these
    W_q, W_k, W_v  (d_model, H·d_head)
    W_o            (H·d_head, d_out)
    b_q, b_v       (H·d_head)              b_k and b_o are not asked for: no gradient depends on them
    num_heads      int H
    mask           (..., T_q, T_k)         boolean, True where a query may attend; the same for every head
    kept           (..., H, T_q, T_k)      1 where a weight was kept by dropout, 0 where not
    rate           float                   dropout rate of the weights
    return         dict                    derivatives by name: x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o

    Law: the gradient of b_k is zero: b_k adds one number to a whole row of scores. In self-attention, where x_q and
    x_kv are one x, dx is the sum of the two.
    Source: Vaswani et al. 2017, section 3.2.2 (the layer); the chain rule.
    """
    q = split_heads(x_q @ W_q + b_q, num_heads)  # (..., H, T_q, d_head)
    k = split_heads(x_kv @ W_k, num_heads)  # (..., H, T_k, d_head); b_k would shift whole rows of scores
    v = split_heads(x_kv @ W_v + b_v, num_heads)  # (..., H, T_k, d_head)
    if kept is not None and kept.shape[-3] != num_heads:
        raise ShapeError(f"multi_head_backward: kept is for {kept.shape[-3]} heads, but num_heads is {num_heads}")
    if mask is not None:
        mask = np.atleast_2d(mask)[..., None, :, :]  # (..., 1, T_q, T_k): one mask for all heads
    keep = 1.0 if kept is None else kept / (1.0 - rate)
    merged = merge_heads((attention_weights(q, k, mask) * keep) @ v)  # (..., T_q, H·d_head)

    dmerged, dW_o, db_o = linear_backward(dout, merged, W_o)
    dheads = split_heads(dmerged, num_heads)  # the backward of a merge is a split, and the other way round
    dq, dk, dv = (merge_heads(d) for d in attention_backward(dheads, q, k, v, mask, kept, rate))
    dx_q, dW_q, db_q = linear_backward(dq, x_q, W_q)
    dx_k, dW_k, db_k = linear_backward(dk, x_kv, W_k)
    dx_v, dW_v, db_v = linear_backward(dv, x_kv, W_v)
    return {
        "x_q": dx_q, "x_kv": dx_k + dx_v, "W_q": dW_q, "W_k": dW_k, "W_v": dW_v, "W_o": dW_o,
        "b_q": db_q, "b_k": db_k, "b_v": db_v, "b_o": db_o,
    }  # fmt: skip


@shapes(dout="... d_model", x="... d_model", gain="d_model")
def layer_norm_backward(dout, x, gain, eps=1e-5):
    """Go back through layer norm: mean and variance depend on x too, which takes two terms out of the gradient.

    dout    (..., d_model)
    x       (..., d_model)   the input of layer_norm
    gain    (d_model)
    eps     float            added to the variance, inside the root
    return  dx (..., d_model), dgain (d_model), dbias (d_model)

    Law: dx sums to zero over the features, because adding one number to all features changes no output.
    Source: Ba, Kiros and Hinton 2016, section 3 (the forward pass); the chain rule.
    """
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + eps)  # (..., 1)
    normal = (x - x.mean(axis=-1, keepdims=True)) / spread  # (..., d_model)
    dnormal = dout * gain
    along = (dnormal * normal).mean(axis=-1, keepdims=True)  # (..., 1)
    dx = (dnormal - dnormal.mean(axis=-1, keepdims=True) - normal * along) / spread
    leading = tuple(range(normal.ndim - 1))
    return dx, (dout * normal).sum(axis=leading), dout.sum(axis=leading)
