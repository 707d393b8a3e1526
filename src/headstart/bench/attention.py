"""The course's code beside PyTorch's own: time of a forward pass, as ratios.

Absolute times belong to a machine. The contestants take turns, so that a busy moment slows all of them.
"""

import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from headstart.in_numpy.attention import scaled_dot_product_attention as numpy_attention
from headstart.in_torch.attention import scaled_dot_product_attention as torch_attention
from headstart.in_torch.multi_head import MultiHeadAttention

B, H, T, D_HEAD, ROUNDS = 2, 8, 512, 64, 15


def attentions():
    """Causal attention of a batch of heads in float32; the first is the yardstick."""
    q, k, v = (torch.randn(B, H, T, D_HEAD) for _ in range(3))
    mask = torch.ones(T, T, dtype=torch.bool).tril()
    arrays = [x.numpy() for x in (q, k, v, mask)]
    return {
        "F.scaled_dot_product_attention": lambda: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
        "in_torch.scaled_dot_product_attention": lambda: torch_attention(q, k, v, mask),
        "in_numpy.scaled_dot_product_attention": lambda: numpy_attention(*arrays),
    }


def layers():
    """A layer under a causal mask, forward only; the first is the yardstick."""
    x, mask = torch.randn(B, T, H * D_HEAD), torch.ones(T, T, dtype=torch.bool).tril()
    theirs, ours = nn.MultiheadAttention(H * D_HEAD, H, bias=False, batch_first=True), MultiHeadAttention(H * D_HEAD, H)
    return {
        "nn.MultiheadAttention": lambda: theirs(x, x, x, attn_mask=~mask, need_weights=False),
        "nn.MultiheadAttention, weights too": lambda: theirs(x, x, x, attn_mask=~mask),
        "in_torch.MultiHeadAttention": lambda: ours(x, mask=mask),
    }


def ratios(contestants):
    """Median time of each contestant as a multiple of the first one's."""
    times = {name: [] for name in contestants}
    for turn in range(ROUNDS + 1):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            if turn:  # the first turn warms up
                times[name].append(time.perf_counter() - started)
    medians = [statistics.median(each) for each in times.values()]
    return dict(zip(times, (median / medians[0] for median in medians), strict=True))


def compare():
    """The ratios of each group of contestants, by its title."""
    torch.manual_seed(0)
    with torch.inference_mode():
        return {"attention": ratios(attentions()), "layer": ratios(layers())}


def lines(groups):
    """The groups as lines of text."""
    yield f"causal, B {B}, H {H}, T {T}, d_head {D_HEAD}, float32, forward"
    for title, group in groups.items():
        yield from (f"{title:<10} {name:<40} {ratio:5.1f}" for name, ratio in group.items())
