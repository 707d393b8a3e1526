"""What one more token costs when keys and values are cached: its growth beside the growth of the bytes read."""

import time
from functools import partial

import numpy as np
import torch

from headstart.bench.race import race
from headstart.in_numpy.fast import fast_attention as numpy_attention
from headstart.in_torch.fast import fast_attention as torch_attention

H, D_HEAD, FEW = 8, 64, 16


def rows(quick):
    """Cost at a long context over cost at a tenth of it, in units of the bytes' growth."""
    for T in (2560,) if quick else (4096, 16384):  # 16 MiB of cache, 64 MiB
        cache = np.random.default_rng(0).standard_normal((2, H, T, D_HEAD), dtype=np.float32)  # keys and values
        token = np.ones((H, 1, D_HEAD), np.float32)
        yield growth("NumPy", partial(steps, numpy_attention, cache, token), T, quick)
        with torch.inference_mode():
            yield growth("PyTorch", partial(steps, torch_attention, *map(torch.from_numpy, (cache, token))), T, quick)


def growth(wing, decode, T, quick):
    """One row: steps at T beside steps at a tenth of it. The goal holds where both fit the processor's caches."""
    long, short = partial(decode, T), partial(decode, T // 10)
    measured = race(long, short, seconds=1.0 if quick else 4.0, clock=time.thread_time)
    for part in ("ratio", "low", "high"):
        measured[part] /= 10.0  # the bytes grow tenfold
    what = f"{wing}, one cached token at T {T}, beside T {T // 10}"
    return {"what": what, "against": "growth of the bytes read", "goal": 1.0 if T <= 4096 else None} | measured


def steps(attend, cache, token, length):
    """A few decoding steps: write the newest row in place, attend to all rows so far."""
    for at in range(length - FEW, length):
        cache[:, :, at] = token[:, 0]
        attend(token, cache[0, :, : at + 1], cache[1, :, : at + 1])
