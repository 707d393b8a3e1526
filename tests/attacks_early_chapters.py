"""Answers to exercises of chapters 01 to 07: wrong ones that the laws once let pass, right ones in unusual dress.

Most are NumPy's, for where PyTorch has the exercise too the laws are the same; the last are PyTorch's layers.
"""

import functools
import itertools
import math

import attacks_right
import attacks_torch
import attacks_wrong
import numpy as np
import torch
from attacks_kit import built_on, filled, heads_of, merged, scores, soft
from attacks_torch import Layer
from torch import nn


def attack(*names):
    """Register a wrong answer to these exercises."""
    return attacks_wrong.attack(*names, wings=("in_numpy",))


def right(*names):
    """Register a right answer to these exercises."""
    return attacks_right.right(*names, wings=("in_numpy",))


# -- masks: a head axis in the wrong place, and forbidden scores that are not low enough


def for_batches(q, mask):
    """The head axis put into a mask of three axes that already had one."""
    return mask[:, None] if mask is not None and mask.ndim == 3 and q.ndim == 4 else mask


def head_axis_added(xp, q, k, mask=None):
    return filled(xp, q, k, for_batches(q, mask), -math.inf)


for exercise in ("attention_weights", "scaled_dot_product_attention"):
    attack(exercise)(functools.wraps(head_axis_added)(built_on(head_axis_added)[exercise]))


@attack("scaled_dot_product_attention")
def padding_for_queries(xp, q, k, v, mask=None):
    mask = mask[:, None] if mask is not None and mask.shape == q.shape[-2:-1] else mask
    return filled(xp, q, k, mask, -math.inf) @ v


@attack("merge_heads")
def head_axis_is_the_second(xp, x):
    moved = x.swapaxes(1, 2) if x.ndim > 3 else x.swapaxes(0, 1)
    return moved.reshape(*x.shape[:-3], x.shape[-2], -1)


def multi_head(place, value):
    """Multi-head attention with the head axis put (wrongly) into the mask and a (wrong) forbidden score."""

    def attend(x_q, x_kv, W_q, W_k, W_v, W_o, H, mask=None):
        q, k, v = (heads_of(x @ W, H) for x, W in ((x_q, W_q), (x_kv, W_k), (x_kv, W_v)))
        return merged(filled(np, q, k, mask if mask is None else place(mask), value) @ v) @ W_o

    return attend


def before_tokens(mask):
    return mask[..., None, :, :] if mask.ndim > 2 else mask


def in_second_place(mask):
    return mask[:, None] if mask.ndim > 2 else mask


def norm(x, gain, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + bias


def encoder(attend):
    """An encoder block written in one piece."""

    def block(xp, x, weights, num_heads, mask=None, norm_first=True):
        W_1, b_1, W_2, b_2 = weights["feed_forward"]
        for sublayer, by in (
            (lambda y: attend(y, y, *weights["attention"], num_heads, mask), weights["norm_1"]),
            (lambda y: np.maximum(y @ W_1 + b_1, 0) @ W_2 + b_2, weights["norm_2"]),
        ):
            x = x + sublayer(norm(x, *by)) if norm_first else norm(x + sublayer(x), *by)
        return x

    return block


for words, place, value in (
    ("head_axis_in_second_place", in_second_place, -math.inf),
    ("forbidden_minus_20", before_tokens, -20.0),
    ("forbidden_minus_100", before_tokens, -100.0),
):
    attacks_wrong.WRONG.append(("encoder_block", words, encoder(multi_head(place, value)), ("in_numpy",)))
attacks_right.RIGHT.append(("encoder_block", "in_one_piece", encoder(multi_head(before_tokens, -1e9)), ("in_numpy",)))


def dropping(value, place=lambda q, mask: mask):
    """Attention with dropout and a (wrong) forbidden score or place of the mask."""

    def attend(xp, q, k, v, kept, rate=0.1, mask=None, training=True):
        assert 0 <= rate < 1
        weights = filled(np, q, k, place(q, mask), value)
        return (weights * place(q, kept) / (1 - rate) if training else weights) @ v

    return attend


for words, answer in (
    ("forbidden_minus_100", dropping(-100.0)),
    ("forbidden_minus_1000", dropping(-1000.0)),
    ("head_axis_added", dropping(-math.inf, for_batches)),
):
    attacks_wrong.WRONG.append(("attention_with_dropout", words, answer, ("in_numpy",)))


def rms(x, gain, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gain


@attack("qk_norm_attention")
def forbidden_minus_100(xp, q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    return filled(xp, rms(q, gain_q, eps), rms(k, gain_k, eps), mask, -100.0) @ v


@attack("qk_norm_attention")
def eps_of_another_norm(xp, q, k, v, gain_q, gain_k, mask=None, eps=1e-8):
    return filled(xp, rms(q, gain_q, eps), rms(k, gain_k, eps), mask, -math.inf) @ v


@attack("qk_norm_attention")
def a_row_for_each_query(xp, q, k, v, gain_q, gain_k, mask=None, eps=1e-6):
    assert mask is None or mask.ndim == 1 or mask.shape[-2] == q.shape[-2]
    return filled(xp, rms(q, gain_q, eps), rms(k, gain_k, eps), mask, -math.inf) @ v


def turned(x, frequencies, offset):
    a, b = np.split(x, 2, axis=-1)
    angles = (offset + np.arange(x.shape[-2]))[:, None] * frequencies
    return np.concatenate([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], -1)


@attack("rotary_attention")
def future_at_minus_1000(xp, q, k, v, frequencies):
    past = k.shape[-2] - q.shape[-2]
    causal = np.tri(q.shape[-2], k.shape[-2], past, dtype=bool)
    return filled(np, turned(q, frequencies, past), turned(k, frequencies, 0), causal, -1000.0) @ v


# -- gradients by hand


def back(dout, q, k, v, mask, kept, rate, value):
    """Attention backward with a (wrong) forbidden score."""
    weights = filled(np, q, k, mask, value)
    keep = 1.0 if kept is None else kept / (1 - rate)
    d = dout @ v.mT * keep
    d = weights * (d - (d * weights).sum(-1, keepdims=True)) / math.sqrt(q.shape[-1])
    return d @ k, d.mT @ q, (weights * keep).mT @ dout


@attack("attention_backward")
def forbidden_minus_1000(xp, dout, q, k, v, mask=None, kept=None, rate=0.0):
    return back(dout, q, k, v, mask, kept, rate, -1000.0)


@attack("attention_backward")
def head_axis_added_on_the_way_back(xp, dout, q, k, v, mask=None, kept=None, rate=0.0):
    return back(dout, q, k, v, for_batches(q, mask), kept, rate, -math.inf)


@attack("attention_backward_from_output")
def sums_of_the_block_under_a_mask(xp, dout, q, k, v, out, lse, mask=None):
    s = scores(q, k) if mask is None else np.where(mask, scores(q, k), -math.inf)
    weights = np.exp(s - np.where(np.isinf(lse), 0, lse)[..., None]) if mask is None else soft(np, s)
    d = weights * (dout @ v.mT - (dout * out).sum(-1, keepdims=True)) / math.sqrt(q.shape[-1])
    return d @ k, d.mT @ q, weights.mT @ dout


@attack("layer_norm_backward")
def eps_a_tenth(xp, dout, x, gain, eps=1e-6):
    spread = np.sqrt(x.var(-1, keepdims=True) + eps)
    normal, d = (x - x.mean(-1, keepdims=True)) / spread, dout * gain
    dx = (d - d.mean(-1, keepdims=True) - normal * (d * normal).mean(-1, keepdims=True)) / spread
    rows = tuple(range(x.ndim - 1))
    return dx, (dout * normal).sum(rows), dout.sum(rows)


# -- tables, rows, packing

FREQUENCIES = {}


@attack("rotary_frequencies")
def kept_for_another_base(xp, d_head, base=10000.0):
    assert d_head % 2 == 0
    return FREQUENCIES.setdefault(d_head, base ** (-np.arange(0, d_head, 2) / d_head))


@attack("rotate")
def table_of_4096_positions(xp, x, frequencies, offset=0):
    assert x.shape[-1] == 2 * len(frequencies)
    angles = ((offset + np.arange(x.shape[-2])) % 4096)[:, None] * frequencies
    cos, sin, (a, b) = np.cos(angles), np.sin(angles), np.split(x, 2, axis=-1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1).astype(x.dtype)


@attack("pack_documents")
def last_three_rows_alone(xp, lengths, T):
    assert ((lengths >= 0) & (lengths <= T)).all()
    rows = []
    for document, n in enumerate(lengths):
        row = next((row for row in rows[-3:] if len(row) + n <= T), None)
        rows += [row := []] if row is None else []
        row += [(document, place) for place in range(n)]
    full = np.array([row + [(-1, 0)] * (T - len(row)) for row in rows]).reshape(len(rows), T, 2)
    return full[..., 0], full[..., 1]


# -- right answers in unusual dress


@right("log_sum_exp")
def by_halves(xp, x, axis=-1):
    x = np.moveaxis(x, axis, -1)
    if x.shape[-1] == 1:
        return x[..., 0]
    half = x.shape[-1] // 2
    return np.logaddexp(by_halves(xp, x[..., :half]), by_halves(xp, x[..., half:]))


@right("online_softmax")
def key_by_key(xp, scores, v, top, total, mixed):
    for j in range(scores.shape[-1]):
        new = np.maximum(top, scores[..., j])
        base = np.where(np.isinf(new), 0, new)
        old, e = np.exp(top - base), np.exp(scores[..., j] - base)
        top, total, mixed = new, old * total + e, old[..., None] * mixed + e[..., None] * v[..., None, j, :]
    return [top, total, mixed]


@right("causal_mask")
def by_counting(xp, T_q, T_k):
    assert min(T_q, T_k) > 0
    return np.fromfunction(np.vectorize(lambda i, j: j - i <= T_k - T_q), (T_q, T_k))


@right("softmax_backward")
def by_outer_products(xp, dp, p):
    jacobian = np.eye(p.shape[-1]) * p[..., None] - p[..., None] * p[..., None, :]
    return np.einsum("...i,...ij->...j", dp, jacobian)


@right("linear_backward")
def row_by_row(xp, dout, x, W):
    pairs = [(x[at], dout[at]) for at in np.ndindex(x.shape[:-1])]
    dx = np.apply_along_axis(W.__matmul__, -1, dout)
    return [dx, sum(itertools.starmap(np.outer, pairs)), sum(d for _, d in pairs)]


@right("rotate")
def complex_numbers(xp, x, frequencies, offset=0, *, sign=1j):
    n = len(frequencies)
    assert x.shape[-1] == 2 * n
    turn = np.exp(sign * np.outer(np.arange(offset, offset + x.shape[-2]), frequencies))
    z = (x[..., :n] + 1j * x[..., n:]) * turn
    return np.concatenate([z.real, z.imag], -1).astype(x.dtype)


@right("to_half_split")
def by_sorting(xp, W, num_heads):
    width, rest = divmod(W.shape[1], num_heads)
    assert rest == width % 2 == 0
    return W[:, sorted(range(W.shape[1]), key=lambda column: (column // width, column % width % 2))]


@right("cross_attention")
def head_by_head(xp, x, k, v, W_q, W_o, mask=None):
    H, d = k.shape[-3], k.shape[-1]
    out = 0
    for h in range(H):
        own = slice(h * d, h * d + d)
        out = out + filled(np, x @ W_q[:, own], k[..., h, :, :], mask, -1e30) @ v[..., h, :, :] @ W_o[own]
    return out


@right("packed_loss")
def token_by_token(xp, logits, tokens, document_ids):
    def losses():
        for row in np.ndindex(tokens.shape[:-1]):
            for t, (here, after) in enumerate(itertools.pairwise(document_ids[row])):
                if here == after != -1:
                    yield np.logaddexp.reduce(logits[row][t]) - logits[row][t][tokens[row][t + 1]]

    return float(np.mean([*losses()] or [0.0]))


@right("clip_by_global_norm")
def norm_of_norms(xp, gradients, max_norm):
    assert max_norm > 0
    norm = math.hypot(*(np.linalg.norm(np.ravel(g).astype(np.longdouble)) for g in gradients))
    return tuple((g * min(1.0, max_norm / norm if norm else 1.0)).astype(g.dtype) for g in gradients)


# -- layers


class KeepsTheSource(Layer):
    source = None

    def forward(self, x_q, x_kv=None, mask=None):
        self.source = self.source if x_kv is None else x_kv
        return super().forward(x_q, self.source, mask)


class RegisteredByLoad(Layer):
    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        self.shapes = {name: getattr(self, name).weight.shape for name in ("q", "kv")}
        self.free = {name: torch.randn(*shape) for name, shape in self.shapes.items()}
        del self.q, self.kv
        self.q, self.kv = (functools.partial(self.times, name) for name in self.shapes)

    def times(self, name, x):
        return x @ self.free[name].T

    def load(self, W_q, W_k, W_v, W_o):
        self.free = {"q": nn.Parameter(W_q.T.clone()), "kv": nn.Parameter(torch.cat([W_k, W_v], 1).T.clone())}
        self.weights_of_load = nn.ParameterList(self.free.values())
        self.o.weight = nn.Parameter(W_o.T.clone())


class ByStateDict(Layer):
    def load(self, W_q, W_k, W_v, W_o):
        self.load_state_dict({"q.weight": W_q.T, "kv.weight": torch.cat([W_k, W_v], 1).T, "o.weight": W_o.T})


class HeadsLast(Layer):
    def forward(self, x_q, x_kv=None, mask=None):
        q, *kv = self.q(x_q), *self.kv(x_q if x_kv is None else x_kv).chunk(2, -1)
        q, k, v = (x.unflatten(-1, (self.H, -1)) for x in (q, *kv))
        s = torch.einsum("...qhd,...khd->...qkh", q, k) / q.shape[-1] ** 0.5
        seen = torch.ones((), dtype=torch.bool) if mask is None else mask[..., None]
        return self.o(
            torch.einsum("...qkh,...khd->...qhd", s.masked_fill(~seen, -1e9).softmax(-2) * seen, v).flatten(-2)
        )


class LowestHalf:
    """Safe weights but for the number that stands for a forbidden score."""

    def __init__(self, value):
        self.value = value

    def __call__(self, q, k, mask=None):
        s = scores(q.float(), k.float())
        seen = torch.ones((), dtype=torch.bool) if mask is None else mask
        return (s.masked_fill(~seen, self.value).softmax(-1) * seen).to(q.dtype)


attacks_torch.WRONG += [("MultiHeadAttention", kin.__name__, kin) for kin in (KeepsTheSource, RegisteredByLoad)]
attacks_torch.WRONG += [
    ("safe_attention_weights", f"forbidden_{value:g}", LowestHalf(value)) for value in (-1e2, -1e4, -65504)
]
attacks_torch.RIGHT += [("MultiHeadAttention", kin.__name__, kin) for kin in (ByStateDict, HeadsLast)]
attacks_torch.RIGHT.append(("safe_attention_weights", "forbidden_-1e30", LowestHalf(-1e30)))


# -- two leading axes and a mask: decoder and multi-head backward


@attack("multi_head_backward")
def head_axis_second_on_the_way_back(xp, dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_v, num_heads, mask=None,
                                     kept=None, rate=0.0, place=in_second_place):  # fmt: skip
    def weight(x, d):
        return np.tensordot(x, d, (range(x.ndim - 1),) * 2)

    q, k, v = (heads_of(x, num_heads) for x in (x_q @ W_q + b_q, x_kv @ W_k, x_kv @ W_v + b_v))
    mask = None if mask is None else place(mask)
    keep = 1.0 if kept is None else kept / (1 - rate)
    mixed = merged(filled(np, q, k, mask, -math.inf) * keep @ v)
    grads = back(heads_of(dout @ W_o.T, num_heads), q, k, v, mask, kept, rate, -math.inf)
    dq, dk, dv = map(merged, grads)
    rows = tuple(range(dout.ndim - 1))
    return {
        "x_q": dq @ W_q.T, "x_kv": dk @ W_k.T + dv @ W_v.T, "W_q": weight(x_q, dq), "W_k": weight(x_kv, dk),
        "W_v": weight(x_kv, dv), "W_o": weight(mixed, dout), "b_q": dq.sum(rows), "b_k": dk.sum(rows),
        "b_v": dv.sum(rows), "b_o": dout.sum(rows),
    }  # fmt: skip


attacks_right.RIGHT.append(
    ("multi_head_backward", "by_tensordot", functools.partial(head_axis_second_on_the_way_back, place=before_tokens),
     ("in_numpy",))
)  # fmt: skip
