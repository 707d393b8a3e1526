"""The reference against outside witnesses: PyTorch's own operators, finite differences, one wing against the other."""

import importlib
import inspect

import contracts
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from headstart.graders import exercises
from headstart.in_numpy.multimodal import gated_cross_attention
from headstart.in_torch.attention import attention_weights, scaled_dot_product_attention, softmax
from headstart.in_torch.multi_head import MultiHeadAttention, multi_head_attention, split_heads
from headstart.judge.border import leaves, walk

WINGS = ("in_numpy", "in_torch")
TOLERANCE = {torch.float32: {"rtol": 1e-4, "atol": 1e-5}, torch.float64: {"rtol": 1e-10, "atol": 1e-12}}
LENGTHS = [(1, 1), (5, 5), (3, 8), (8, 3), (1, 6)]


def draw(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, dtype=dtype, generator=generator)


def draw_qkv(T_q, T_k, dtype=torch.float64, lead=(2, 3), d_head=4, d_v=5):
    return (
        draw(*lead, T_q, d_head, dtype=dtype),
        draw(*lead, T_k, d_head, dtype=dtype, seed=1),
        draw(*lead, T_k, d_v, dtype=dtype, seed=2),
    )


def masks(T_q, T_k):
    """No mask, causal (bottom-right: the last query sees every key), padding, one for each head, all allowed."""
    random = draw(2, 3, T_q, T_k) > 0
    random[..., 0] = True
    causal = torch.ones(T_q, T_k, dtype=torch.bool).tril(T_k - T_q)
    padding = torch.arange(T_k)[None] < max(1, T_k - 2)  # (1, T_k)
    masks = {"none": None, "causal": causal, "padding": padding, "random": random, "all": torch.ones_like(causal)}
    return masks if T_q <= T_k else {name: mask for name, mask in masks.items() if name != "causal"}  # empty rows


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("T_q", "T_k"), LENGTHS)
def test_attention_equals_the_fused_operator(T_q, T_k, dtype):
    q, k, v = draw_qkv(T_q, T_k, dtype)
    for name, mask in masks(T_q, T_k).items():
        want = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        torch.testing.assert_close(scaled_dot_product_attention(q, k, v, mask), want, **TOLERANCE[dtype], msg=name)


def test_square_causal_mask_is_what_is_causal_means():
    q, k, v = draw_qkv(6, 6)
    want = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(scaled_dot_product_attention(q, k, v, masks(6, 6)["causal"]), want)


def test_a_query_without_keys_gets_zeros_and_gives_zero_gradients():
    q, k, v = (x.requires_grad_() for x in draw_qkv(4, 5))
    mask = masks(4, 5)["random"].clone()
    mask[:, :, 2] = False
    out = scaled_dot_product_attention(q, k, v, mask)
    assert (out[:, :, 2] == 0).all()
    gradients = torch.autograd.grad(out.sum(), (q, k, v))
    assert (gradients[0][:, :, 2] == 0).all()
    assert all(gradient.isfinite().all() for gradient in gradients)
    nothing = scaled_dot_product_attention(q, k, v, torch.zeros(4, 5, dtype=torch.bool))
    assert all((gradient == 0).all() for gradient in (nothing, *torch.autograd.grad(nothing.sum(), (q, k, v))))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_equals_torch(axis, dtype):
    x = draw(3, 4, 5, dtype=dtype) * 30
    torch.testing.assert_close(softmax(x, axis), F.softmax(x, axis), **TOLERANCE[dtype])


def layers(num_heads, dtype=torch.float64):
    """Our layer and torch.nn.MultiheadAttention with the same weights."""
    W = [draw(6, 6, dtype=dtype, seed=seed) / 6**0.5 for seed in range(4)]
    ours = MultiHeadAttention(6, num_heads).to(dtype)
    ours.load(*W)
    theirs = nn.MultiheadAttention(6, num_heads, bias=False, batch_first=True, dtype=dtype)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([w.T for w in W[:3]]))
        theirs.out_proj.weight.copy_(W[3].T)
    return ours, theirs, W


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("num_heads", [1, 2, 3, 6])
def test_layer_equals_torch(num_heads, dtype):
    ours, theirs, W = layers(num_heads, dtype)
    x_q, x_kv = draw(2, 4, 6, dtype=dtype), draw(2, 7, 6, dtype=dtype, seed=1)
    for mask in (None, masks(4, 7)["causal"]):
        want, _ = theirs(x_q, x_kv, x_kv, attn_mask=None if mask is None else ~mask)  # True means blocked there
        torch.testing.assert_close(ours(x_q, x_kv, mask), want, **TOLERANCE[dtype])
        torch.testing.assert_close(multi_head_attention(x_q, x_kv, *W, num_heads, mask), want, **TOLERANCE[dtype])
    torch.testing.assert_close(ours(x_q), theirs(x_q, x_q, x_q)[0], **TOLERANCE[dtype])


def test_layer_equals_torch_under_padding():
    ours, theirs, _ = layers(2)
    x = draw(2, 5, 6)
    real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])  # (B, T)
    want, _ = theirs(x, x, x, key_padding_mask=~real)
    torch.testing.assert_close(ours(x, mask=real[:, None, :]), want)


def test_layer_owns_four_matrices_and_no_bias():
    parameters = [tuple(parameter.shape) for parameter in MultiHeadAttention(6, 2).parameters()]
    assert parameters == [(6, 6)] * 4


def test_weights_that_torch_returns_are_the_average_over_the_heads():
    _, theirs, (W_q, W_k, *_) = layers(3)
    x = draw(2, 5, 6)
    weights = attention_weights(split_heads(x @ W_q, 3), split_heads(x @ W_k, 3))  # (B, H, T, T)
    torch.testing.assert_close(weights.mean(1), theirs(x, x, x, need_weights=True)[1])
    separate = theirs(x, x, x, need_weights=True, average_attn_weights=False)[1]
    torch.testing.assert_close(weights, separate)


def wings(exercise):
    return [getattr(importlib.import_module(f"headstart.{wing}.{exercise.home}"), exercise.name) for wing in WINGS]


def takes_floats(exercise):
    return any(kind is float for _, kind in contracts.tables(inspect.getdoc(wings(exercise)[1])).values())


BOTH = [pytest.param(exercise, id=name) for name, exercise in exercises().items() if len(exercise.wings) == 2]
FLOATS = [each for each in BOTH if takes_floats(each.values[0])]
SIZE = st.integers(1, 5)


@pytest.mark.parametrize("exercise", BOTH)
@settings(derandomize=True, deadline=None, max_examples=15, database=None)
@given(B=SIZE, H=SIZE, d_head=SIZE, T_q=SIZE, T_k=SIZE, seed=st.integers(0, 2**32 - 1))
def test_the_wings_agree(exercise, B, H, d_head, T_q, T_k, seed):
    numpy, pytorch = wings(exercise)
    sizes = {
        "...": B,
        "H": H,
        "num_heads": H,
        "d_head": d_head,
        "d_model": H * d_head,
        "T": T_q,
        "2T-1": 2 * T_q - 1,
        "T_q": T_q,
        "T_k": T_k,
    }
    arguments = contracts.inputs(numpy, sizes, seed)
    want = numpy(**arguments)
    got = pytorch(**contracts.converted(arguments, "in_torch"))
    for ours, theirs in zip(leaves(want), leaves(got), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exercise", FLOATS)
def test_the_dtype_stays(exercise, dtype):
    for wing, function in zip(WINGS, wings(exercise), strict=True):
        arguments = contracts.cast(contracts.inputs(function), dtype)
        results = leaves(function(**contracts.converted(arguments, wing)))
        assert {str(result.dtype).removeprefix("torch.") for result in results} == {dtype}


def test_a_gate_of_one_number_does_not_change_the_type_of_the_stream():
    arguments = contracts.cast(contracts.inputs(gated_cross_attention), "float32")
    assert gated_cross_attention(**arguments).dtype == np.float32


@pytest.mark.parametrize("exercise", FLOATS)
def test_gradients_equal_finite_differences(exercise):
    _, function = wings(exercise)
    arguments = contracts.converted(contracts.inputs(function, seed=1), "in_torch")

    def is_float(leaf):
        return torch.is_tensor(leaf) and leaf.is_floating_point()

    def with_floats(*xs):
        rest = iter(xs)
        return function(**walk(arguments, lambda leaf: next(rest) if is_float(leaf) else leaf))

    floats = [leaf.requires_grad_() for leaf in leaves(arguments) if is_float(leaf)]
    assert torch.autograd.gradcheck(with_floats, floats)
