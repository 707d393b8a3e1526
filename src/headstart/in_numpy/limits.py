"""What attention cannot do, in four measurements. No PyTorch twin: nothing here is trained."""

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(q="... T_q d_head", k="... T_k d_head")
def largest_weight_bound(q, k):
    """Bound the largest attention weight of each query by two lengths: the query's own and that of the longest key.

    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    return  (..., T_q)   1 / (1 + (T_k - 1) exp(-2 r)) with r = |q| max_j |k_j| / √d_head

    All scores lie between -r and r, so no weight exceeds that of one key at r among T_k - 1 keys at -r.
    Law: no weight of softmax(q kᵀ / √d_head) is larger, and one key along q among others as long against it attains it.
    Source: Veličković et al. 2025 (dispersion), with the bound on the scores written out.
    """
    length = np.sqrt((q**2).mean(axis=-1))  # (..., T_q): |q| / √d_head
    reach = length * np.linalg.norm(k, axis=-1).max(axis=-1, keepdims=True)  # (..., T_q)
    return 1 / (1 + (k.shape[-2] - 1) * np.exp(-2 * reach))


@shapes(x="... T d_model")
def distance_to_rank_one(x):
    """Measure how far tokens are from being all alike: the part that their mean leaves over, relative to the whole.

    x       (..., T, d_model)   one row a token
    return  (...)               |x - 1 mean| / |x| in Frobenius norms, from 0 (all rows equal) to 1 (they cancel);
                                0 where x is all zeros

    Law: a rotation of the features, or a factor other than 0, changes nothing.
    Source: Dong, Cordonnier and Loukas 2021, section 2 (their residual, there in another norm).
    """
    rest = x.var(axis=-2).sum(axis=-1)  # (...): squares of x - mean, over T
    whole = (x**2).mean(axis=-2).sum(axis=-1)  # (...): squares of x, over T
    return np.sqrt(rest / whole.clip(min=np.finfo(whole.dtype).tiny))


@shapes(weights="T_k", v="T_k d_head")
def counterfactual_weights(weights, v):
    """Find other attention weights that mix these values to the same output.

    weights  (T_k,)          positive, their sum one
    v        (T_k, d_head)   T_k must be at least d_head + 2, else ShapeError (a ValueError)
    return   (T_k,)          no weight negative, their sum one, return @ v = weights @ v, and a weight that was
                             positive is zero

    Any answer with these properties is right; there are many. Law: the output cannot tell the two apart.
    Source: the question is that of Jain and Wallace 2019, section 4.2; here it is solved exactly, for one output.
    """
    T_k, d_head = v.shape
    if T_k < d_head + 2:
        raise ShapeError(f"counterfactual_weights: {T_k} keys of width {d_head} may leave no choice, shape {v.shape}")
    kept = np.column_stack([v, np.ones(T_k)])  # (T_k, d_head + 1): what a change of the weights may not move
    direction = np.linalg.svd(kept.T)[2][-1]  # (T_k,): orthogonal to every column of `kept`, so its sum is zero
    return weights - direction / (direction / weights).max()  # as far as the first weight at zero


@shapes(x="... n")
def fixed_order_sum(x, block_size):
    """Sum the last axis in an order that depends on nothing but its length, so that the same row gives the same bits.

    x           (..., n)   floats
    block_size  int        at least 1, else ValueError; the last block may be shorter
    return      (...)      of x's dtype, every partial sum rounded to it: within a block from left to right, then the
                           blocks' sums from left to right

    Law: a row's sum has the same bits alone, in any batch, and in any memory layout.
    Source: He 2025, on reductions with a fixed size of the splits.
    """
    if block_size < 1:
        raise ValueError(f"fixed_order_sum: block_size must be at least 1, got {block_size}")
    total = x.dtype.type(0)
    for start in range(0, x.shape[-1], block_size):
        block = x[..., start : start + block_size]
        total = total + np.cumsum(block, axis=-1)[..., -1]  # cumsum adds one by one; np.sum would choose an order
    return total
