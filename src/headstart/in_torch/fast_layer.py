"""The multi-head layer as one would use it: any attention inside, and weights only for those who ask."""

import math

import torch
import torch.nn.functional as F

from headstart.contract import shapes
from headstart.in_torch.fast_tiles import full
from headstart.in_torch.multi_head import MultiHeadAttention, merge_heads, split_heads

ROWS = 256  # queries at a time where the weights are asked for: one head's rows of scores stay in the cache


@shapes(q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", mask="bool ... T_q T_k")
def fused_attention(q, k, v, mask=None, causal=False):
    """PyTorch's fused operator under fast_attention's contract: causal counts from the last key, and joins the mask."""
    T_q, T_k = q.shape[-2], k.shape[-2]
    if causal and (mask is not None or T_q != T_k):
        below = torch.ones(T_q, T_k, dtype=torch.bool, device=q.device).tril_(T_k - T_q)
        mask, causal = below if mask is None else mask & below, False
    if mask is not None:
        mask = torch.atleast_2d(mask)  # the operator wants both axes
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)


class FastMultiHeadAttention(MultiHeadAttention):
    """MultiHeadAttention with the same parameters, where the attention inside is a choice.

    d_model    int        width of the tokens, in and out
    num_heads  int        H, must divide d_model, else ValueError
    attend     callable   attend(q, k, v, mask, causal): fused_attention, or fast_attention for one written by hand

    Law: with the same weights it equals MultiHeadAttention.
    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model, num_heads, attend=fused_attention):
        """Make the projections."""
        super().__init__(d_model, num_heads)
        self.attend = attend

    @shapes(x_q="... T_q d_model", x_kv="... T_k d_model", mask="bool ... T_q T_k")
    def forward(self, x_q, x_kv=None, mask=None, causal=False, need_weights=False):
        """Attend from x_q to x_kv, or from x_q to itself when x_kv is None.

        x_q           (..., T_q, d_model)
        x_kv          (..., T_k, d_model)
        mask          (..., T_q, T_k)        boolean, True where a query may attend; broadcasts; the same for every head
        causal        bool                   besides the mask: the last query sees all keys
        need_weights  bool                   return the weights too
        return        (..., T_q, d_model), and if asked for (..., T_q, T_k): the mean of the heads' weights
        """
        x_kv = x_q if x_kv is None else x_kv
        q, k, v = (split_heads(x, self.num_heads) for x in (self.W_q(x_q), self.W_k(x_kv), self.W_v(x_kv)))
        if mask is not None and mask.ndim > 2:
            mask = mask[..., None, :, :]  # (..., 1, T_q, T_k): one mask for all heads
        if not need_weights:
            return self.W_o(merge_heads(self.attend(q, k, v, mask, causal)))
        heads, weights = _attend_and_tell(q, k, v, mask, causal)
        return self.W_o(merge_heads(heads)), weights


def _attend_and_tell(q, k, v, mask, causal):
    """Output (..., H, T_q, d_head) and mean weights (..., T_q, T_k), a few queries at a time."""
    T_q, T_k = q.shape[-2], k.shape[-2]
    q = q / math.sqrt(q.shape[-1])  # T d numbers are divided, not T T
    k, v = k.contiguous(), v.contiguous()  # once, or each product below would do it
    outs, means = [], []
    for start in range(0, max(1, T_q), ROWS):  # no queries make one empty block
        few = q[..., start : start + ROWS, :]
        end = max(0, min(T_k, T_k - T_q + start + ROWS)) if causal else T_k  # these queries see no key beyond
        pairs = None if mask is None else full(mask, T_q, T_k)[..., start : start + ROWS, :end]
        if causal:
            below = torch.ones(few.shape[-2], end, dtype=torch.bool, device=q.device).tril_(T_k - T_q + start)
            pairs = below if pairs is None else pairs & below
        out, mean = _head_by_head(few, k[..., :end, :], v[..., :end, :], pairs)
        outs.append(out)
        means.append(F.pad(mean, (0, T_k - end)))
    return torch.cat(outs, dim=-2), torch.cat(means, dim=-2)


def _head_by_head(q, k, v, pairs):
    """A few queries: output (..., H, rows, d_head) and mean weights (..., rows, T_k), added up in the cache."""
    heads = [x.unbind(dim=-3) for x in (q, k, v)]
    if pairs is None:
        return _mean_over(heads)
    if pairs.ndim > 2:
        pairs = pairs[..., 0, :, :]  # one mask for all heads
    lowest = torch.finfo(q.dtype).min / 2  # finite, also with a score: a row with nothing allowed must not become nan
    out, mean = _mean_over(heads, torch.where(pairs, q.new_zeros(()), lowest))
    some = pairs.any(dim=-1, keepdim=True)  # and such a row gets zeros
    return out * some[..., None, :, :], mean * some


def _mean_over(heads, bias=None):
    """Attention in one head after the other, with a bias (..., rows, T_k) on the scores: outputs and mean weights."""
    outs, total = [], 0.0
    for q, k, v in zip(*heads, strict=True):
        scores = q @ k.mT  # (..., rows, T_k)
        if bias is not None:
            scores += bias
        p = torch.softmax(scores, dim=-1)
        outs.append(p @ v)
        total += p
    return torch.stack(outs, dim=-3), total / len(outs)
