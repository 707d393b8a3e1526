"""The Triton kernel beside the fastest of PyTorch's own attention kernels, on a CUDA device."""

import math
import statistics
from functools import partial

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from headstart.bench.race import row_of
from headstart.in_torch.triton_attention import triton_attention, why_not

B, H, T = 4, 16, 4096
BACKENDS = (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION)


def rows(quick):
    """bfloat16, d_head 64 and 128, causal and not. Raises RuntimeError with a sentence where there is no device."""
    if why_not():
        raise RuntimeError(why_not())
    for d_head in (64, 128):
        for kind, causal in (("full", False), ("causal", True)):
            q, k, v = (torch.randn(B, H, T, d_head, device="cuda", dtype=torch.bfloat16) for _ in range(3))
            turns = 5 if quick else 30
            ours = seconds_of(partial(triton_attention, q, k, v, causal), turns)
            theirs = [seconds_of(partial(fused, q, k, v, causal, kernel), turns) for kernel in BACKENDS]
            measured = row_of(ours, min(theirs, key=statistics.median))
            what = f"Triton, forward, {kind}, T {T}, d_head {d_head}, error {error(q, k, v, causal):.0e}"
            work = 4 * B * H * T * T * d_head / (2 if causal else 1) / 1e12
            tflops = {"tflops": work / measured["ours"], "theirs_tflops": work / measured["theirs"]}
            yield {"what": what, "against": "torch SDPA, best kernel", "goal": 1 / 0.6} | measured | tflops


def fused(q, k, v, causal, kernel):
    """One of PyTorch's kernels; it raises RuntimeError where it does not run."""
    with sdpa_kernel(kernel):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def seconds_of(run, turns):
    """Seconds of each turn by the device's own clock; a kernel that refuses never wins."""
    try:
        run()
    except RuntimeError:
        return [math.inf] * turns
    seconds = []
    for _ in range(turns):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        seconds.append(start.elapsed_time(end) / 1e3)
    return seconds


def error(q, k, v, causal):
    """The largest difference from float64 for one head, on the same bfloat16 inputs."""
    few = [x[:1, :1] for x in (q, k, v)]
    exact = F.scaled_dot_product_attention(*(x.double() for x in few), is_causal=causal)
    return (triton_attention(*few, causal).double() - exact).abs().max().item()
