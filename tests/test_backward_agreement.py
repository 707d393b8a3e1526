"""The gradients derived by hand equal autograd's to 1e-9 relative in float64, masks and dropout included."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from headstart.in_numpy import backward, backward_layer

SIZES = [((), 3, 5, 4, 6), ((1,), 4, 4, 3, 3), ((2, 3), 5, 7, 8, 2), ((2,), 1, 6, 5, 4), ((3,), 4, 1, 2, 3)]
NO_DROPOUT, DROPOUT = (None, 0.0), (True, 0.3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def close(ours, theirs, names):
    """Each gradient's largest error is below 1e-9 of the gradient's own size."""
    for name, got, want in zip(names, ours, theirs, strict=True):
        want = want.numpy()
        assert got.shape == want.shape, name
        assert np.abs(got - want).max() <= 1e-9 * np.abs(want).max(initial=1e-3), name


def autograd(function, dout, *arrays):
    """What PyTorch finds for the loss sum(dout · function(*arrays))."""
    tensors = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    return torch.autograd.grad((function(*tensors) * torch.tensor(dout)).sum(), tensors)


def attention(q, k, v, mask=None, keep=None):
    """Attention as PyTorch is told it, by the formula; rows with nothing allowed give zeros."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        mask = torch.as_tensor(mask)
        scores = scores.masked_fill(~mask, -1e30)  # finite, so that autograd meets no NaN
    weights = scores.softmax(-1)
    if mask is not None:
        weights = weights * mask.any(-1, keepdim=True)
    return (weights if keep is None else weights * torch.as_tensor(keep)) @ v


def masks(rng, *shape):
    """No mask, a random one, one with a closed row, a causal one aligned at the bottom right."""
    some = rng.random(shape) < 0.6
    some[..., 0] = True
    closed = some.copy()
    closed[..., 0, :] = False
    return [None, some, closed, np.tri(*shape[-2:], shape[-1] - shape[-2], dtype=bool)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize(("dropped", "rate"), [NO_DROPOUT, DROPOUT])
def test_attention(rng, sizes, which, dropped, rate):
    lead, T_q, T_k, d_head, d_v = sizes
    dout, q, v = (
        rng.normal(size=(*lead, T_q, d_v)),
        rng.normal(size=(*lead, T_q, d_head)),
        rng.normal(size=(*lead, T_k, d_v)),
    )
    k = rng.normal(size=(*lead, T_k, d_head))
    mask, kept = masks(rng, *lead, T_q, T_k)[which], dropped and rng.random((*lead, T_q, T_k)) < 0.7
    keep = None if kept is None else kept / (1 - rate)
    theirs = autograd(lambda q, k, v: attention(q, k, v, mask, keep), dout, q, k, v)
    close(backward.attention_backward(dout, q, k, v, mask, kept, rate), theirs, ("dq", "dk", "dv"))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("which", range(4))
def test_attention_from_its_output(rng, sizes, which):
    lead, T_q, T_k, d_head, d_v = sizes
    q, k, v = (rng.normal(size=(*lead, T, d)) for T, d in ((T_q, d_head), (T_k, d_head), (T_k, d_v)))
    dout, mask = rng.normal(size=(*lead, T_q, d_v)), masks(rng, *lead, T_q, T_k)[which]
    scores = torch.tensor(q @ k.mT / math.sqrt(d_head))
    lse = (scores if mask is None else scores.masked_fill(~torch.tensor(mask), -math.inf)).logsumexp(-1).numpy()
    out = attention(*map(torch.tensor, (q, k, v)), mask).numpy()
    theirs = autograd(lambda q, k, v: attention(q, k, v, mask), dout, q, k, v)
    close(backward.attention_backward_from_output(dout, q, k, v, out, lse, mask), theirs, ("dq", "dk", "dv"))


@pytest.mark.parametrize("num_heads", [1, 2, 4])
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize(("dropped", "rate"), [NO_DROPOUT, DROPOUT])
def test_layer(rng, num_heads, which, dropped, rate):
    T_q, T_k, d_model, d_all, d_out = 4, 6, 5, 8, 3
    x_q, x_kv, dout = (rng.normal(size=(2, T, d)) for T, d in ((T_q, d_model), (T_k, d_model), (T_q, d_out)))
    W_q, W_k, W_v = (rng.normal(size=(d_model, d_all)) / 2 for _ in range(3))
    W_o, b_o, (b_q, b_k, b_v) = rng.normal(size=(d_all, d_out)), rng.normal(size=d_out), rng.normal(size=(3, d_all))
    mask, kept = masks(rng, 2, T_q, T_k)[which], dropped and rng.random((2, num_heads, T_q, T_k)) < 0.7
    keep = None if kept is None else kept / (1 - rate)

    def layer(x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o):
        projections = (x_q @ W_q + b_q, x_kv @ W_k + b_k, x_kv @ W_v + b_v)
        q, k, v = (a.unflatten(-1, (num_heads, -1)).transpose(-3, -2) for a in projections)
        heads = attention(q, k, v, None if mask is None else mask[:, None] if mask.ndim > 2 else mask, keep)
        return heads.transpose(-3, -2).flatten(-2) @ W_o + b_o

    names = ("x_q", "x_kv", "W_q", "W_k", "W_v", "W_o", "b_q", "b_k", "b_v", "b_o")
    theirs = autograd(layer, dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o)
    inputs = (dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_v, num_heads, mask, kept, rate)
    ours = backward_layer.multi_head_backward(*inputs)
    close([ours[name] for name in names], theirs, names)


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_the_library_layer(rng, causal):
    x, dout = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 5, 6))
    library = torch.nn.MultiheadAttention(6, 1, bias=False, batch_first=True, dtype=torch.float64)
    mask = np.tri(5, dtype=bool) if causal else None
    tokens = torch.tensor(x, requires_grad=True)
    with torch.no_grad():
        library.out_proj.weight.copy_(torch.eye(6))
    blocked = None if mask is None else ~torch.tensor(mask)
    library(tokens, tokens, tokens, attn_mask=blocked)[0].backward(torch.tensor(dout))
    W_q, W_k, W_v = (W.T.numpy() for W in library.in_proj_weight.detach().chunk(3))
    dW = [W.T for W in library.in_proj_weight.grad.chunk(3)]
    ours = backward_layer.self_attention_backward(dout, x, W_q, W_k, W_v, mask)
    close(ours, [tokens.grad, *dW], ("dx", "dW_q", "dW_k", "dW_v"))


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 5)])
def test_the_smaller_ones(rng, shape):
    dout, x, gain, bias = rng.normal(size=shape), rng.normal(size=shape), *rng.normal(size=(2, shape[-1]))
    p = torch.tensor(x).softmax(-1).numpy()
    close([backward.softmax_backward(dout, p)], autograd(lambda x: x.softmax(-1), dout, x), ["softmax"])

    theirs = autograd(lambda x, gain, bias: F.layer_norm(x, shape[-1:], gain, bias), dout, x, gain, bias)
    close(backward_layer.layer_norm_backward(dout, x, gain), theirs, ("dx", "dgain", "dbias"))

    W, b, above = rng.normal(size=(shape[-1], 3)), rng.normal(size=3), rng.normal(size=(*shape[:-1], 3))
    close(
        backward.linear_backward(above, x, W), autograd(lambda x, W, b: x @ W + b, above, x, W, b), ("dx", "dW", "db")
    )

    kept = rng.random(shape) < 0.5
    theirs = autograd(lambda x: x * torch.tensor(kept) / 0.5, dout, x)
    close([backward.dropout_backward(dout, kept, 0.5)], theirs, ["dropout"])


def test_cross_entropy_with_padding(rng):
    logits, labels = rng.normal(size=(3, 4, 5)), rng.integers(5, size=(3, 4))
    labels[0, 2:] = -100
    targets = np.eye(5)[labels.clip(0)] * (labels >= 0)[..., None]
    theirs = autograd(lambda x: F.cross_entropy(x.flatten(0, 1), torch.tensor(labels).flatten()), np.array(1.0), logits)
    close([backward.cross_entropy_backward(logits, targets)], theirs, ["logits"])
