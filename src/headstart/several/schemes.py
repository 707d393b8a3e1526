"""Causal attention on several ranks: head-parallel, all-to-all, and the ring. Each returns what one process would."""

import math

import torch
import torch.distributed as dist

from headstart.in_numpy.ranks import kv_heads_of_rank
from headstart.in_torch.multi_head import merge_heads, split_heads
from headstart.in_torch.ring import attention_with_lse, merge_attention
from headstart.several.exchanges import Exchange, IntoHeads, OutOfHeads, pass_on


def shares(num_heads, num_kv_heads, rank, num_ranks):
    """A rank's query heads, the key and value heads that they read, and which of these each query head reads."""
    mine = list(range(rank * num_heads // num_ranks, (rank + 1) * num_heads // num_ranks))
    read = kv_heads_of_rank(num_heads, num_kv_heads, rank, num_ranks)
    return mine, read, [read.index(h * num_kv_heads // num_heads) for h in mine]


def causal_attention(q, k, v):
    """Attention of one process under the causal mask."""
    T = q.shape[-2]
    return attention_with_lse(q, k, v, torch.ones(T, T, dtype=torch.bool, device=q.device).tril())[0]


def head_parallel(x, W_q, W_k, W_v, W_o, num_heads, num_kv_heads, group=None):
    """Causal self-attention of the whole layer, from this rank's shard of the weights (`shard_layer`).

    x       (..., T, d_model)   the same on every rank
    return  (..., T, d_out)     the same on every rank
    """
    mine, read, at = shares(num_heads, num_kv_heads, dist.get_rank(group), dist.get_world_size(group))
    x = IntoHeads.apply(x, group)
    q, k, v = split_heads(x @ W_q, len(mine)), split_heads(x @ W_k, len(read)), split_heads(x @ W_v, len(read))
    out = causal_attention(q, k[..., at, :, :], v[..., at, :, :])
    return OutOfHeads.apply(merge_heads(out) @ W_o, group)


def all_to_all(q, k, v, group=None):
    """Causal attention over the tokens of all ranks: tokens are swapped for heads, and back.

    q       (H, n, d_head)   this rank's n tokens, the ranks in the order of the text; R divides H
    k, v    (G, n, d_head)   G heads, a multiple or a divisor of R
    return  (H, n, d_head)
    """
    R, (H, n, _) = dist.get_world_size(group), q.shape
    parts = [shares(H, len(k), r, R) for r in range(R)]
    parcels = torch.stack([torch.cat([q[mine], k[read], v[read]]) for mine, read, _ in parts])  # (to, h + 2g, n, d)
    arrived = Exchange.apply(parcels, group).transpose(0, 1).flatten(1, 2)  # (h + 2g, R·n, d)
    mine, read, at = parts[dist.get_rank(group)]
    q, k, v = arrived.split([len(mine), len(read), len(read)])
    parcels = causal_attention(q, k[at], v[at]).unflatten(1, (R, n)).transpose(0, 1)  # (to, h, n, d)
    return Exchange.apply(parcels, group).flatten(0, 1)


def ring(q, k, v, positions, group=None):
    """Causal attention over the tokens of all ranks, in whatever order these are shared out.

    q          (H, n, d_head)   this rank's n tokens
    k, v       (G, n, d_head)   G heads, a divisor of H; only these travel
    positions  (R, n)           the places of every rank's tokens in the text, whole numbers
    return     (H, n, d_v)
    """
    grouped = q.reshape(len(k), -1, q.shape[-1])  # (G, H/G·n, d_head): heads that share keys are just more queries
    return Ring.apply(grouped, k, v, positions, group).reshape(*q.shape[:-1], -1)


class Ring(torch.autograd.Function):
    """Ring attention; what is kept for the way back is q, k, v, the output and one log-sum-exp a query."""

    @staticmethod
    def forward(ctx, q, k, v, positions, group):
        rank, R = dist.get_rank(group), dist.get_world_size(group)
        out, lse, block = q.new_zeros(*q.shape[:-1], v.shape[-1]), torch.full_like(q[..., 0], -math.inf), [k, v]
        for step in range(R):
            mask = allowed(q, positions, rank, (rank - step) % R)
            out, lse = merge_attention(out, lse, *attention_with_lse(q, *block, mask))
            block = pass_on(block, group) if step < R - 1 else block
        ctx.save_for_backward(q, k, v, positions, out, lse)
        ctx.group = group
        return out

    @staticmethod
    def backward(ctx, dout):
        q, k, v, positions, out, lse = ctx.saved_tensors
        rank, R = dist.get_rank(ctx.group), dist.get_world_size(ctx.group)
        dq, block, gradients = torch.zeros_like(q), [k, v], [torch.zeros_like(k), torch.zeros_like(v)]
        for step in range(R):
            mask = allowed(q, positions, rank, (rank - step) % R)
            more, *parts = backward_from_output(dout, q, *block, out, lse, mask)
            dq, gradients = dq + more, [a + b for a, b in zip(gradients, parts, strict=True)]
            gradients = pass_on(gradients, ctx.group)  # once more than the block itself: they have to come home
            block = pass_on(block, ctx.group) if step < R - 1 else block
        return dq, *gradients, None, None


def allowed(q, positions, rank, block):
    """Which of a rank's queries may attend to which keys of a block; several query heads may lie one after another."""
    places = positions[rank].repeat(q.shape[-2] // positions.shape[-1])
    return positions[block] <= places[:, None]


def backward_from_output(dout, q, k, v, out, lse, mask):
    """Go back through attention to one block of keys, by the saved output and log-sum-exp (chapter 04)."""
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    weights = torch.exp(scores - lse.masked_fill(lse == -math.inf, 0.0)[..., None])
    D = (dout * out).sum(-1, keepdim=True)
    dscores = weights * (dout @ v.mT - D) / math.sqrt(q.shape[-1])
    return dscores @ k, dscores.mT @ q, weights.mT @ dout
