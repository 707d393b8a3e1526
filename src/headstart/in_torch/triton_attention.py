"""The tiles of the fast attention as one kernel for a CUDA device, written in Triton: the forward pass.

One program takes a block of queries of one head and walks along the keys. Scores and weights never leave the chip.
Triton comes with PyTorch's CUDA builds; without it, or without a device, `why_not` says so and nothing else happens.
"""

import functools
import math
import os

import torch

from headstart.contract import ShapeError

try:
    import triton
    import triton.language as tl
    from triton.language import constexpr
except ImportError:
    triton = constexpr = None

WIDTHS = (64, 128)
# rows, keys, warps, stages; the last for devices with little memory on the chip
TRIALS = ((128, 128, 8, 3), (128, 64, 8, 3), (128, 64, 4, 3), (64, 64, 4, 3), (64, 32, 4, 2))


def why_not():
    """Say in one sentence why the kernel cannot run here; None if it can."""
    if triton is None:
        return "Triton is not installed: it comes with PyTorch's CUDA builds."
    if not torch.cuda.is_available() and not interpreted():
        return "There is no CUDA device here."
    return None


def interpreted():
    """Whether Triton's interpreter runs the kernel, tile by tile in NumPy: slow, and right on any machine."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def triton_attention(q, k, v, causal=False):
    """Compute scaled_dot_product_attention(q, k, v) on a CUDA device. There is no backward pass here.

    q       (B, H, T_q, d_head)   bfloat16 or float16; d_head 64 or 128; any strides
    k, v    (B, H, T_k, d_head)   of q's type
    causal  bool                  the last query sees all keys, the one before it all but the last, …
    return  (B, H, T_q, d_head)   of q's type; a query that sees nothing gets zeros

    Raises RuntimeError with why_not()'s sentence, ShapeError (a ValueError) or TypeError.
    Source: Dao 2024, algorithm 1 (one program a block of queries).
    """
    if why_not():
        raise RuntimeError(f"triton_attention: {why_not()}")
    B, H, T_q, d_head = q.shape
    if d_head not in WIDTHS or k.shape != v.shape or (*k.shape[:2], k.shape[3]) != (B, H, d_head):
        raise ShapeError(f"triton_attention: q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)} do not fit")
    if q.dtype not in (torch.bfloat16, torch.float16) or {k.dtype, v.dtype} != {q.dtype}:
        raise TypeError(f"triton_attention: one half precision type is needed, got {q.dtype}, {k.dtype}, {v.dtype}")
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    strides = [stride for x in (q, k, v, out) for stride in x.stride()]
    scale = math.log2(math.e) / math.sqrt(d_head)  # exp2 is the device's own instruction
    grid = lambda chosen: (triton.cdiv(T_q, chosen["ROWS"]), B * H)  # noqa: E731
    if out.numel():
        compiled()[grid](q, k, v, out, scale, *strides, H, T_q, k.shape[2], CAUSAL=causal, D=d_head)
    return out


@functools.cache
def compiled():
    """The kernel, with its block sizes tried out on the device, once for each width and kind."""
    trials = TRIALS[:1] if interpreted() else TRIALS  # an interpreter has nothing to try out
    configs = [triton.Config({"ROWS": r, "KEYS": k}, num_warps=w, num_stages=s) for r, k, w, s in trials]
    return triton.autotune(configs, key=["CAUSAL", "D"])(triton.jit(kernel))


def kernel(
    q, k, v, out, scale,
    q_b, q_h, q_t, q_d, k_b, k_h, k_t, k_d, v_b, v_h, v_t, v_d, o_b, o_h, o_t, o_d,
    H, T_q, T_k, CAUSAL: constexpr, D: constexpr, ROWS: constexpr, KEYS: constexpr,
):  # fmt: skip
    """Attend from one block of ROWS queries of one head to all keys it sees, KEYS at a time."""
    first = tl.program_id(0) * ROWS
    b, h = (tl.program_id(1) // H).to(tl.int64), (tl.program_id(1) % H).to(tl.int64)  # 64 bit: a cache can be large
    rows, some, d = tl.arange(0, ROWS), tl.arange(0, KEYS), tl.arange(0, D)
    q_at = q + b * q_b + h * q_h + (first + rows)[:, None] * q_t + d[None, :] * q_d
    k_at = k + b * k_b + h * k_h + some[None, :] * k_t + d[:, None] * k_d  # (D, KEYS): read as kᵀ
    v_at = v + b * v_b + h * v_h + some[:, None] * v_t + d[None, :] * v_d
    out_at = out + b * o_b + h * o_h + (first + rows)[:, None] * o_t + d[None, :] * o_d
    inside = (first + rows < T_q)[:, None]
    queries = tl.load(q_at, mask=inside, other=0.0)  # (ROWS, D): stays on the chip

    sees = T_k  # how many keys the block's first query sees …
    end = T_k  # … and its last
    if CAUSAL:
        sees = tl.minimum(T_k, T_k - T_q + first + 1)
        end = tl.minimum(T_k, T_k - T_q + first + ROWS)
    clear = tl.maximum(sees, 0) // KEYS * KEYS  # up to here no pair has to be hidden

    top = tl.full([ROWS], -1.0e30, tl.float32)  # finite: -inf - top must not be nan
    total = tl.zeros([ROWS], tl.float32)
    mixed = tl.zeros([ROWS, D], tl.float32)
    for hiding in tl.static_range(2):  # the tiles without a mask, then those at the diagonal and the ragged end
        for start in range(clear if hiding else 0, end if hiding else clear, KEYS):
            keys = start + some
            if hiding:
                k_tile = tl.load(k_at + start * k_t, mask=(keys < T_k)[None, :], other=0.0)
                v_tile = tl.load(v_at + start * v_t, mask=(keys < T_k)[:, None], other=0.0)
            else:
                k_tile = tl.load(k_at + start * k_t)
                v_tile = tl.load(v_at + start * v_t)
            scores = tl.dot(queries, k_tile) * scale  # (ROWS, KEYS), float32
            if hiding:
                seen = (keys < T_k)[None, :]
                if CAUSAL:
                    seen = seen & (keys[None, :] <= T_k - T_q + first + rows[:, None])
                scores = tl.where(seen, scores, float("-inf"))
            higher = tl.maximum(top, tl.max(scores, 1))
            p = tl.exp2(scores - higher[:, None])
            shrink = tl.exp2(top - higher)
            total = total * shrink + tl.sum(p, 1)
            mixed = tl.dot(p.to(v_tile.dtype), v_tile, mixed * shrink[:, None])
            top = higher
    total = tl.where(total == 0.0, 1.0, total)
    tl.store(out_at, (mixed / total[:, None]).to(out.dtype.element_ty), mask=inside)
