"""The fast attention of the NumPy wing beside PyTorch's fused operator and beside the textbook's three lines."""

import math
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from headstart.bench.race import race
from headstart.in_numpy.fast import fast_attention
from headstart.in_numpy.fast_backward import fast_attention_backward

H, D_HEAD = 8, 64
KINDS = {"full": False, "causal": True}


def rows(quick):
    """Every comparison: forward, against the textbook, forward and backward, two threads, memory."""
    sizes = (512, 1024) if quick else (512, 1024, 2048, 4096, 8192)
    seconds = 1.0 if quick else 4.0
    for T in sizes:
        for kind, causal in KINDS.items():
            yield forward(T, kind, causal, seconds)
    for T in (1024,) if quick else (4096, 8192):
        for kind, causal in KINDS.items():
            yield textbook_too(T, kind, causal, seconds)
    for T in sizes:
        for kind, causal in KINDS.items():
            yield both_ways(T, kind, causal, seconds)
    for T in sizes:
        for kind, causal in KINDS.items():
            yield two_threads(T, kind, causal, seconds)
    yield memory(2048 if quick else 16384)


def heads(T, count=3):
    """Arrays (H, T, d_head) in float32, and the same memory as tensors (1, H, T, d_head)."""
    arrays = np.random.default_rng(0).standard_normal((count, H, T, D_HEAD), dtype=np.float32)
    return list(arrays), list(torch.from_numpy(arrays)[:, None])  # on three axes torch leaves its fast kernel unused


def forward(T, kind, causal, seconds):
    """One thread, forward."""
    arrays, tensors = heads(T)
    fused = partial(F.scaled_dot_product_attention, *tensors, is_causal=causal)
    measured = race(partial(fast_attention, *arrays, causal=causal), fused, seconds=seconds, clock=time.thread_time)
    what = f"NumPy tiled, forward, {kind}, T {T}"
    return {"what": what, "against": "torch SDPA", "goal": 1.2 if causal else 1.25} | measured


def textbook(q, k, v, mask=None):
    """What a textbook prints: product, softmax, product."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (H, T, T)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ v


def textbook_too(T, kind, causal, seconds):
    """One thread, against the textbook; it takes long, so the goal is set from T 4096 on."""
    arrays, _ = heads(T)
    slow = partial(textbook, *arrays, np.tri(T, dtype=bool) if causal else None)
    measured = race(partial(fast_attention, *arrays, causal=causal), slow, seconds=seconds, clock=time.thread_time)
    goal = None if T < 4096 else 1 / 6 if causal else 1 / 3
    return {"what": f"NumPy tiled, forward, {kind}, T {T}", "against": "textbook NumPy", "goal": goal} | measured


def both_ways(T, kind, causal, seconds):
    """One thread, forward and backward."""
    (q, k, v, dout), tensors = heads(T, 4)
    leaves, slope = [x.requires_grad_() for x in tensors[:3]], tensors[3]

    def ours():
        out, lse = fast_attention(q, k, v, causal=causal, return_lse=True)
        return fast_attention_backward(dout, q, k, v, out, lse, causal=causal)

    def theirs():
        return torch.autograd.grad(F.scaled_dot_product_attention(*leaves, is_causal=causal), leaves, slope)

    measured = race(ours, theirs, seconds=seconds, clock=time.thread_time)
    return {
        "what": f"NumPy tiled, forward and backward, {kind}, T {T}",
        "against": "torch SDPA",
        "goal": 1.2,
    } | measured


def two_threads(T, kind, causal, seconds):
    """Two Python threads, half the heads each (NumPy lets go of the interpreter's lock), against two of torch's."""
    arrays, tensors = heads(T)
    halves = [np.split(x, 2) for x in arrays]
    torch.set_num_threads(2)
    with ThreadPoolExecutor(2) as pool:
        ours = lambda: np.concatenate(list(pool.map(partial(fast_attention, causal=causal), *halves)))  # noqa: E731
        theirs = partial(F.scaled_dot_product_attention, *tensors, is_causal=causal)
        measured = race(ours, theirs, seconds=seconds, settle=0.005)
    torch.set_num_threads(1)
    return {"what": f"NumPy tiled, two threads, {kind}, T {T}", "against": "torch SDPA, two", "goal": 1.6} | measured


def memory(T):
    """Bytes that NumPy holds at the worst moment besides the output, as a multiple of the output's."""
    arrays, _ = heads(T)
    tracemalloc.start()
    size = fast_attention(*arrays, causal=True).nbytes
    extra = tracemalloc.get_traced_memory()[1] - size
    tracemalloc.stop()
    ratio = extra / size
    exact = {"ratio": ratio, "low": ratio, "high": ratio, "ours": extra, "theirs": size}
    return {"what": f"NumPy tiled, extra memory, T {T}", "against": "its output", "goal": 2.0, "unit": "bytes"} | exact
