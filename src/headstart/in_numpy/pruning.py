"""Which heads matter, and a layer without those that do not. No PyTorch twin: autograd supplies the gradients there."""

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(heads="B H T d_head", dheads="B H T d_head")
def head_importance(heads, dheads):
    """Score each head by how much the loss would move, to first order, if the head were faded out.

    heads   (B, H, T, d_head)   outputs of the heads before they are merged, one example each along B
    dheads  (B, H, T, d_head)   derivative of each example's loss by them
    return  (H,)                the mean over the examples of |Σ heads · dheads|, the sum over tokens and features

    Law: with a gate g_h on every head's output the inner sum is the derivative of an example's loss by g_h at g = 1.
    The sum comes first, then the absolute value, then the mean: examples must not cancel, features must.
    Source: Michel et al. 2019, section 4.1.
    """
    return np.abs((heads * dheads).sum(axis=(-2, -1))).mean(axis=0)


@shapes(W_q="d_model d_all", W_k="d_model d_all", W_v="d_model d_all", W_o="d_all d_out", keep="bool H")
def prune_heads(W_q, W_k, W_v, W_o, num_heads, keep):
    """Cut heads out of a layer's four matrices, so that the layer gets smaller instead of multiplying by zero.

    W_q        (d_model, H·d_head)
    W_k        (d_model, H·d_head)
    W_v        (d_model, H·d_head)
    W_o        (H·d_head, d_out)
    num_heads  int H              must divide the width of the projections, else ShapeError (a ValueError)
    keep       (H,)               boolean, True for a head that stays; another number of entries: ShapeError
    return     W_q, W_k, W_v, W_o of the heads that stay, in their order

    Law: the smaller layer's output is that of the whole layer with the terms of the other heads left out.
    Source: Michel et al. 2019, section 4.3 (what it saves).
    """
    d_all = W_q.shape[1]
    if num_heads < 1 or d_all % num_heads != 0:
        raise ShapeError(f"prune_heads: width {d_all} does not divide into {num_heads} heads")
    if keep.shape != (num_heads,):
        raise ShapeError(f"prune_heads: keep must have shape ({num_heads},), one entry for each of the heads")
    kept = np.repeat(keep, d_all // num_heads)  # (H·d_head,)
    return W_q[:, kept], W_k[:, kept], W_v[:, kept], W_o[kept]
