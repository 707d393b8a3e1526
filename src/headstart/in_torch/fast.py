"""Attention from matrix products and exp2, nearly as fast as PyTorch's fused operator, with its own backward pass."""

import math

import torch
from torch.autograd import Function

from headstart.contract import shapes
from headstart.in_torch.fast_backward import fast_attention_backward
from headstart.in_torch.fast_tiles import allowed, common_axes, full, shaped
from headstart.tiles import TILE, head_groups, row_blocks, tiles

SAFE = 60.0  # 2^60 times any number of keys and any sane value is far from overflow, 2^-60 far from underflow
FEW = 16  # so few queries are not worth the pass over all keys that finds the bound


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", mask="bool ... T_q T_k")
def fast_attention(q, k, v, mask=None, causal=False, return_lse=False):
    """Compute scaled_dot_product_attention(q, k, v, mask) with one tile of scores in memory, never (T_q, T_k).

    q           (..., T_q, d_head)
    k           (..., T_k, d_head)
    v           (..., T_k, d_v)
    mask        (..., T_q, T_k)   boolean, True where a query may attend; broadcasts; None allows everything
    causal      bool              besides the mask: the last query sees all keys, the one before it all but the last, …
    return_lse  bool              return log-sum-exp too, which the backward pass needs; no gradient flows through it
    return      (..., T_q, d_v)   a query that may attend to nothing gets zeros, and gives zero gradients
                (..., T_q)        if asked for: log of the sum of exp(score) over the keys, -inf where none is allowed

    Law: it equals the plain function in every shape, mask and type.
    Source: Milakov and Gimelshein 2018, algorithm 3 (online softmax); Dao et al. 2022, algorithm 1 (tiles).
    """
    if not q.is_floating_point():
        raise TypeError(f"fast_attention: q must be of a floating type, got {q.dtype}")
    (q, k, v, mask), leading = common_axes(q, k, v, full(mask, q.shape[-2], k.shape[-2]))
    out, lse = FastAttention.apply(q, k, v, mask, causal)
    out, lse = out.reshape(*leading, *out.shape[-2:]), lse.reshape(*leading, lse.shape[-1])
    return (out, lse) if return_lse else out


class FastAttention(Function):
    """The tiles as one step for autograd: it keeps the output and one number a query, and no tile."""

    @staticmethod
    def forward(ctx, q, k, v, mask, causal):
        """Fill the output block by block; leading axes are the same."""
        T_q, T_k = q.shape[-2], k.shape[-2]
        work = torch.promote_types(q.dtype, torch.float32)  # half precision is computed in single
        scale = math.log2(math.e) / math.sqrt(q.shape[-1])  # folded into q, so that exp is exp2: faster
        bounded = (
            T_q >= FEW and scale * _longest(q, work) * _longest(k, work) <= SAFE
        )  # Cauchy-Schwarz: no score is larger
        out, lse = q.new_empty(*q.shape[:-1], v.shape[-1]), q.new_empty(q.shape[:-1], dtype=work)
        scratch = q.new_empty(TILE, dtype=work)  # every tile in the same memory: it is still in the cache
        for heads in head_groups(q.shape[:-2], T_q, T_k):
            for rows in row_blocks(T_q):
                block, grid = (*heads, rows), tiles(rows, T_q, T_k, causal)
                seen = None if mask is None else mask[block]
                few = q[block].to(work) * scale, k[heads], v[heads]
                out[block], lse[block] = _attend(*few, seen, grid, bounded, scratch)
        ctx.save_for_backward(q, k, v, out, lse, mask)
        ctx.causal = causal
        ctx.mark_non_differentiable(lse)
        return out, lse

    @staticmethod
    def backward(ctx, dout, _):
        """Make the weights again from log-sum-exp, tile by tile. Raises NotImplementedError under create_graph=True."""
        if torch.is_grad_enabled():
            raise NotImplementedError("fast_attention has no second derivative: take the plain function")
        q, k, v, out, lse, mask = ctx.saved_tensors
        return *fast_attention_backward(dout, q, k, v, out, lse, mask, ctx.causal), None, None


def _longest(x, work):
    """The length of the longest vector in x."""
    lengths = torch.linalg.vector_norm(x, dim=-1, dtype=work)
    return lengths.max().item() if lengths.numel() else 0.0


def _attend(q, k, v, mask, grid, bounded, scratch):
    """One block of queries, scaled, and the tiles of keys they see: output and log-sum-exp."""
    out, total = q.new_zeros(*q.shape[:-1], v.shape[-1]), q.new_zeros(*q.shape[:-1], 1)
    top = torch.full_like(total, 0.0 if bounded else torch.finfo(q.dtype).min / 2)  # finite: -inf - top must not be nan
    for rows, keys, diagonal in grid:
        k_tile, v_tile = (x[:, keys].to(q.dtype) for x in (k, v))  # (g, keys, d)
        p = shaped(scratch, len(q), q[:, rows].shape[1], k_tile.shape[1])
        torch.bmm(q[:, rows], k_tile.mT, out=p)  # (g, rows, keys)
        pairs = allowed(p, mask, rows, keys, diagonal)
        if not bounded:
            _lower(p, pairs, top[:, rows], total[:, rows], out[:, rows])
        p.exp2_()
        if pairs is not None:
            p *= pairs.view(torch.uint8)  # bytes multiply four times as fast as booleans
        total[:, rows].add_(p.sum(dim=-1, keepdim=True))
        out[:, rows].baddbmm_(p, v_tile)
    out /= total.masked_fill(total == 0.0, 1.0)  # (T_q, d_v) numbers are divided, not (T_q, T_k)
    return out, math.log(2.0) * (top + total.log2())[..., 0]


def _lower(scores, pairs, top, total, out):
    """Subtract each row's largest score so far, and shrink what was summed before by as much. All in place."""
    if pairs is not None:
        scores.masked_fill_(~pairs, -math.inf)
    higher = torch.maximum(top, scores.amax(dim=-1, keepdim=True))
    shrink = torch.exp2(top - higher)
    total *= shrink
    out *= shrink
    top.copy_(higher)
    scores -= higher
