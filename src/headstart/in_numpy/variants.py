"""A selection of blocks, a difference of two attentions, and the map of blocks that a fast kernel needs."""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import attention_weights


@shapes(q="... T d_head", k="... T d_head")
def block_selection_mask(q, k, block_size, top_k):
    """Choose for each query the blocks of keys that fit it best: its own block and the best `top_k` before it.

    q, k        (..., T, d_head)   the same T tokens
    block_size  int                at least 1 (else ShapeError, a ValueError); the last block may be shorter
    top_k       int                at least 1: how many earlier blocks, all of them if there are fewer
    return      (..., T, T)        boolean and causal; an earlier block is rated by q · (mean of its keys)

    Law: with as many blocks as there are it is the causal mask; each query sees at most (top_k + 1)·block_size keys.
    Source: Lu et al. 2025, section 2.2 (there the query's own block counts as one of the k).
    """
    if min(block_size, top_k) < 1:
        raise ShapeError(f"block_selection_mask: block_size and top_k must be at least 1, got {block_size} and {top_k}")
    T = q.shape[-2]
    block = np.arange(T) // block_size  # (T,): the block of each token
    means = [k[..., start : start + block_size, :].mean(axis=-2) for start in range(0, T, block_size)]
    means, blocks = np.stack(means, axis=-2), np.arange(len(means))  # (..., blocks, d_head), (blocks,)
    scores = np.where(blocks < block[:, None], q @ means.mT, -np.inf)  # (..., T, blocks): earlier blocks only
    rank = np.argsort(np.argsort(-scores))  # 0 is the best block
    chosen = (rank < top_k) | (blocks == block[:, None])
    return chosen[..., block] & np.tri(T, dtype=bool)


@shapes(
    q_1="... T_q d_head", k_1="... T_k d_head", q_2="... T_q d_head", k_2="... T_k d_head", v="... T_k d_v",
    mask="bool ... T_q T_k",
)  # fmt: skip
def differential_attention(q_1, k_1, q_2, k_2, v, lam, mask=None):
    """Subtract one attention pattern from another: what both attend to, the noise, cancels.

    q_1, q_2  (..., T_q, d_head)   two sets of queries for one head
    k_1, k_2  (..., T_k, d_head)   two sets of keys
    v         (..., T_k, d_v)      one set of values
    lam       float                how much of the second pattern is subtracted; learned in the paper
    mask      (..., T_q, T_k)      boolean, True where a query may attend; for both patterns; broadcasts
    return    (..., T_q, d_v)      (softmax(q_1 k_1ᵀ / √d_head) - lam softmax(q_2 k_2ᵀ / √d_head)) v, not normalised

    Law: the weights of a row sum to 1 - lam, and may be negative; two equal patterns leave 1 - lam times attention.
    Source: Ye et al. 2025, section 2.1, equation 1.
    """
    weights = attention_weights(q_1, k_1, mask) - lam * attention_weights(q_2, k_2, mask)  # (..., T_q, T_k)
    return weights @ v


@shapes(mask="bool ...")
def block_kinds(mask, block_size):
    """Say of each block of a mask whether a kernel may skip it, must apply the mask, or need not look at it.

    mask        (T_q, T_k)   boolean, True where a query may attend
    block_size  int          at least 1 (else ShapeError, a ValueError); the last row and column may be smaller
    return      (⌈T_q / block_size⌉, ⌈T_k / block_size⌉)   whole numbers: 0 nothing allowed, 1 some, 2 everything

    Law: the blocks that are not 0 hold every allowed pair.
    Source: Dong et al. 2024 (block sparsity); BlockMask in torch.nn.attention.flex_attention.
    """
    if block_size < 1:
        raise ShapeError(f"block_kinds: block_size must be at least 1, got {block_size}")
    rows, columns = (np.arange(0, T, block_size) for T in mask.shape)
    some = np.logical_or.reduceat(np.logical_or.reduceat(mask, rows), columns, axis=1)
    every = np.logical_and.reduceat(np.logical_and.reduceat(mask, rows), columns, axis=1)
    return some.astype(int) + every
