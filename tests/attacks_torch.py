"""Answers that only PyTorch can give: wrong and right ways with gradients, wrong and right layers.

An answer here takes its arguments as the exercise has them, without the array library in front.
"""

import math

import torch
import torch.nn.functional as F
from attacks_kit import built_on, heads_of, merged, scores, soft
from torch import nn

WRONG, RIGHT = [], []  # (name of the exercise, words, answer)


def weights_of(kind, words, weights):
    """Register weights for all that is built on them."""
    for name, answer in built_on(weights).items():
        kind.append((name, words, lambda *args, answer=answer, **kwargs: answer(torch, *args, **kwargs)))


def nan_to_num_after_bias(xp, q, k, mask=None):
    bias = 0.0 if mask is None else torch.zeros(mask.shape).masked_fill(~mask, -math.inf)
    return torch.nan_to_num(F.softmax(scores(q, k) + bias, -1))  # NaN gradients in rows without keys


def nan_to_num_after_fill(xp, q, k, mask=None):
    s = scores(q, k)
    return torch.nan_to_num(F.softmax(s if mask is None else s.masked_fill(~mask, -math.inf), -1))


def filled_in_place(xp, q, k, mask=None):
    s = scores(q, k)
    if mask is None:
        return s.softmax(-1)
    s.masked_fill_(~mask.expand_as(s), -1e9)
    return s.softmax(-1).masked_fill(~mask.any(-1, keepdim=True), 0.0)


def smallest_number(xp, q, k, mask=None):
    s = torch.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5
    return F.softmax(s, -1) if mask is None else F.softmax(s.masked_fill(~mask, torch.finfo(s.dtype).min), -1) * mask


def without_gradient_of_keys(xp, q, k, mask=None):
    return smallest_number(xp, q, k.detach(), mask)


weights_of(WRONG, "nan_to_num_after_bias", nan_to_num_after_bias)
weights_of(WRONG, "without_gradient_of_keys", without_gradient_of_keys)
weights_of(RIGHT, "nan_to_num_after_fill", nan_to_num_after_fill)
weights_of(RIGHT, "filled_in_place", filled_in_place)
weights_of(RIGHT, "smallest_number", smallest_number)


def through_float16(q, k, mask=None):
    return smallest_number(torch, q.float(), k.float(), mask).half().to(q.dtype)


def additive(activate, soften):
    """Additive attention from a (wrong) score and softmax."""

    def answer(q, k, v, W_q, W_k, w, mask=None):
        s = activate(torch.tanh((q @ W_q).unsqueeze(-2) + (k @ W_k).unsqueeze(-3)), w)
        return soften(s, torch.ones((), dtype=torch.bool) if mask is None else mask) @ v

    return answer


def cautious(s, mask):
    return F.softmax(s.masked_fill(~mask, -1e9), -1) * mask


def careless(s, mask):
    return torch.nan_to_num(F.softmax(s + torch.zeros_like(s).masked_fill(~mask, -math.inf), -1))


WRONG += [
    ("softmax", "detached", lambda x, axis=-1: soft(torch, x, axis).detach()),
    ("softmax", "nan_to_num", lambda x, axis=-1: x.softmax(axis).nan_to_num()),
    ("look_up", "detached_weights", lambda query, keys, values: soft(torch, (keys @ query).detach()) @ values),
    ("look_up", "keys_detached", lambda query, keys, values: soft(torch, keys.detach() @ query) @ values),
    ("additive_attention", "nan_to_num_after_bias", additive(lambda h, w: h @ w, careless)),
    ("split_heads", "chunk", lambda x, num_heads: torch.stack(x.chunk(num_heads, -1), -3)),
    ("safe_attention_weights", "through_float16", through_float16),
    ("additive_attention", "w_detached", additive(lambda h, w: h @ w.detach(), cautious)),
]
RIGHT += [
    ("softmax", "module", type("Soft", (nn.Module,), {"forward": lambda self, x, axis=-1: soft(torch, x, axis)})()),
    ("look_up", "sum_of_products", lambda query, keys, values: (F.softmax(keys.mv(query), 0)[:, None] * values).sum(0)),
    ("additive_attention", "linear", additive(lambda h, w: F.linear(h, w[None]).squeeze(-1), cautious)),
    ("split_heads", "unflatten", lambda x, num_heads: x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)),
    ("merge_heads", "contiguous", lambda x: x.transpose(-3, -2).contiguous().flatten(-2)),
    ("merge_heads", "unbind", lambda x: torch.cat(x.unbind(-3), -1)),
]


class Layer(nn.Module):
    """A right layer; its kin change one thing each."""

    value, refuses = torch.finfo(torch.float32).min, True

    def __init__(self, d_model, num_heads):
        super().__init__()
        if self.refuses:
            assert d_model % num_heads == 0
        self.H = num_heads
        self.q, self.o = nn.Linear(d_model, d_model, bias=False), nn.Linear(d_model, d_model, bias=False)
        self.kv = nn.Linear(d_model, 2 * d_model, bias=False)

    @torch.no_grad()
    def load(self, W_q, W_k, W_v, W_o):
        self.q.weight.copy_(W_q.T)
        self.kv.weight.copy_(torch.cat([W_k, W_v], 1).T)
        self.o.weight.copy_(W_o.T)

    def forward(self, x_q, x_kv=None, mask=None):
        q, k, v = self.projected(x_q, x_q if x_kv is None else x_kv)
        mask = mask.unsqueeze(-3) if mask is not None and mask.dim() > 2 else mask
        return self.o(merged(self.weights(q, k, mask) @ v))

    def projected(self, x_q, x_kv):
        return tuple(heads_of(x, self.H) for x in (self.q(x_q), *self.kv(x_kv).chunk(2, -1)))

    def weights(self, q, k, mask):
        s = scores(q, k)
        return F.softmax(s, -1) if mask is None else F.softmax(s.masked_fill(~mask, self.value), -1) * mask


class WithoutParameters(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        self.W = [p.detach() for p in (self.q.weight, *self.kv.weight.chunk(2), self.o.weight)]
        del self.q, self.kv, self.o

    def load(self, *W, **named):
        self.W = [W.T for W in (*W, *named.values())]

    def forward(self, x_q, x_kv=None, mask=None):
        self.o = lambda x: x @ self.W[3].T
        return super().forward(x_q, x_kv, mask)

    def projected(self, x_q, x_kv):
        return tuple(heads_of(x @ W.T, self.H) for x, W in zip((x_q, x_kv, x_kv), self.W, strict=False))


class AllZero(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        for p in self.parameters():
            nn.init.zeros_(p)


class Frozen(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        self.requires_grad_(False)


class KeysFrozen(Layer):
    def projected(self, x_q, x_kv):
        k, v = x_kv @ self.kv.weight.detach().T[:, : x_q.shape[-1]], self.kv(x_kv)[..., x_q.shape[-1] :]
        return tuple(heads_of(x, self.H) for x in (self.q(x_q), k, v))


class OnlyAfterLoad(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        self.d_model = d_model
        del self.q, self.kv, self.o

    def load(self, **W):
        for name, width in (("q", 1), ("kv", 2), ("o", 1)):
            setattr(self, name, nn.Linear(self.d_model, width * self.d_model, bias=False))
        super().load(**W)


class NaNGradients(Layer):
    def weights(self, q, k, mask):
        return nan_to_num_after_bias(torch, q, k, mask)


class NoMaximum(Layer):
    def weights(self, q, k, mask):
        e = torch.exp(scores(q, k)) * (1 if mask is None else mask)
        return e / e.sum(-1, keepdim=True).clamp_min(1e-30)


class ThreeAxes(Layer):
    def forward(self, x_q, x_kv=None, mask=None):
        _, _, _ = x_q.shape
        return super().forward(x_q, x_kv, mask)


class TwoAxesOfMask(Layer):
    def forward(self, x_q, x_kv=None, mask=None):
        assert mask is None or mask.dim() > 1
        return super().forward(x_q, x_kv, mask)


class HeadAxisSecond(Layer):
    def forward(self, x_q, x_kv=None, mask=None):
        q, k, v = self.projected(x_q, x_q if x_kv is None else x_kv)
        mask = mask.unsqueeze(1) if mask is not None and mask.dim() > 2 else mask
        return self.o(merged(self.weights(q, k, mask) @ v))


class WithBias(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        self.o = nn.Linear(d_model, d_model)
        nn.init.zeros_(self.o.bias)


class ZeroOutput(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        nn.init.zeros_(self.o.weight)  # its gradient is not zero: it learns


class HeadByHead(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads:
            raise ValueError("the heads must divide the features")
        self.W = nn.ParameterList([torch.randn(num_heads, d_model, d_model // num_heads) for _ in range(3)])
        self.out = nn.Parameter(torch.randn(d_model, d_model))

    @torch.no_grad()
    def load(self, W_q, W_k, W_v, W_o):
        for mine, W in zip(self.W, (W_q, W_k, W_v), strict=True):
            mine.copy_(torch.stack(W.chunk(len(mine), 1)))
        self.out.copy_(W_o)

    def forward(self, x_q, x_kv=None, mask=None):
        x_kv = x_q if x_kv is None else x_kv
        return torch.cat([smallest_number(torch, x_q @ a, x_kv @ b, mask) @ (x_kv @ c)
                          for a, b, c in zip(*self.W, strict=True)], -1) @ self.out  # fmt: skip


Uneven = type("Uneven", (Layer,), {"refuses": False})
Minus100 = type("Minus100", (Layer,), {"value": -100.0})
WRONG += [
    ("MultiHeadAttention", kin.__name__, kin)
    for kin in (
        WithoutParameters, AllZero, Frozen, KeysFrozen, OnlyAfterLoad, NaNGradients, NoMaximum, ThreeAxes,
        TwoAxesOfMask, HeadAxisSecond, Uneven, Minus100,
    )
]  # fmt: skip
RIGHT += [("MultiHeadAttention", kin.__name__, kin) for kin in (Layer, WithBias, ZeroOutput, HeadByHead)]
