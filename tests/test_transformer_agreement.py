"""The blocks against torch.nn: the library's layers with the same weights give the same outputs."""

import numpy as np
import pytest
import torch
from torch import nn

from headstart.in_numpy import models as numpy_models
from headstart.in_numpy.transformer import encoder_block as numpy_encoder_block
from headstart.in_torch import models
from headstart.in_torch.feed_forward import gated_feed_forward
from headstart.in_torch.multi_head import split_heads
from headstart.in_torch.norms import layer_norm, rms_norm
from headstart.in_torch.transformer import decoder_block, encoder_block
from headstart.judge.border import walk

D_MODEL, H, D_FF = 12, 3, 20


def randomised(layer):
    """The layer in evaluation mode with every parameter random, but the biases of attention at zero as they start."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            bias_of_attention = "attn" in name and "bias" in name
            assert not bias_of_attention or (parameter == 0).all()
            if not bias_of_attention:
                parameter.normal_(std=0.4)
    return layer.eval()


def attention(layer):
    """W_q, W_k, W_v, W_o of an nn.MultiheadAttention, applied from the right."""
    return (*(W.T for W in layer.in_proj_weight.detach().chunk(3)), layer.out_proj.weight.detach().T)


def weights_of(layer):
    """Our dict of weights from an nn.TransformerEncoderLayer or nn.TransformerDecoderLayer."""
    linears = ((layer.linear1.weight.T, layer.linear1.bias), (layer.linear2.weight.T, layer.linear2.bias))
    weights = {"attention": attention(layer.self_attn), "feed_forward": tuple(w for pair in linears for w in pair)}
    if hasattr(layer, "multihead_attn"):
        W_q, W_k, W_v, W_o = attention(layer.multihead_attn)
        weights |= {"source": (W_k, W_v), "cross": (W_q, W_o)}
    norms = [getattr(layer, f"norm{n}") for n in (1, 2, 3) if hasattr(layer, f"norm{n}")]
    return weights | {f"norm_{n}": (norm.weight, norm.bias) for n, norm in enumerate(norms, start=1)}


@pytest.mark.parametrize("norm_first", [True, False])
def test_encoder_block_equals_the_library(norm_first):
    sizes = {"dim_feedforward": D_FF, "norm_first": norm_first, "batch_first": True, "dtype": torch.float64}
    layer = randomised(nn.TransformerEncoderLayer(D_MODEL, H, **sizes))
    weights, x = weights_of(layer), torch.randn(2, 5, D_MODEL, dtype=torch.float64)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    with torch.no_grad():
        torch.testing.assert_close(encoder_block(x, weights, H, None, norm_first), layer(x))
        torch.testing.assert_close(encoder_block(x, weights, H, causal, norm_first), layer(x, src_mask=~causal))
        ours, theirs = encoder_block(x, weights, H, real[:, None], norm_first), layer(x, src_key_padding_mask=~real)
        torch.testing.assert_close(ours[real], theirs[real])  # the library's fast path zeroes the padding's own rows
        as_arrays = walk(weights, lambda tensor: tensor.detach().numpy())
        from_numpy = numpy_encoder_block(x.numpy(), as_arrays, H, causal.numpy(), norm_first)
        np.testing.assert_allclose(from_numpy, layer(x, src_mask=~causal).numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("norm_first", [True, False])
def test_decoder_block_equals_the_library(norm_first):
    sizes = {"dim_feedforward": D_FF, "norm_first": norm_first, "batch_first": True, "dtype": torch.float64}
    layer = randomised(nn.TransformerDecoderLayer(D_MODEL, H, **sizes))
    weights, x = weights_of(layer), torch.randn(2, 4, D_MODEL, dtype=torch.float64)
    memory = torch.randn(2, 6, D_MODEL, dtype=torch.float64)
    real = torch.tensor([[True] * 6, [True] * 2 + [False] * 4])
    k, v = (split_heads(memory @ W, H) for W in weights["source"])
    future = torch.ones(4, 4, dtype=torch.bool).triu(1)  # True means blocked in the library
    with torch.no_grad():
        for mask, blocked in ((None, None), (real[:, None], ~real)):
            theirs = layer(x, memory, tgt_mask=future, memory_key_padding_mask=blocked)
            torch.testing.assert_close(decoder_block(x, k, v, weights, mask, norm_first), theirs)


def test_norms_equal_the_library():
    x, gain, bias = (torch.randn(*shape, dtype=torch.float64) for shape in ((2, 5, 8), (8,), (8,)))
    torch.testing.assert_close(layer_norm(x, gain, bias), nn.functional.layer_norm(x, (8,), gain, bias))
    torch.testing.assert_close(rms_norm(x, gain), nn.functional.rms_norm(x, (8,), gain, eps=1e-6))


def test_gate_equals_the_library():
    x, W_gate, W_up, W_down = (torch.randn(*shape, dtype=torch.float64) for shape in ((3, 4), (4, 6), (4, 6), (6, 4)))
    want = (nn.functional.silu(x @ W_gate) * (x @ W_up)) @ W_down
    torch.testing.assert_close(gated_feed_forward(x, W_gate, W_up, W_down), want)


def test_source_heads_made_once_serve_every_step():
    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64)

    def block(norms):
        square = [draw(6, 6) for _ in range(8)]
        parts = {"attention": square[:4], "source": square[4:6], "cross": square[6:]}
        parts["feed_forward"] = (draw(6, 8), draw(8), draw(8, 6), draw(6))
        return parts | {f"norm_{n + 1}": (draw(6), draw(6)) for n in range(norms)}

    torch.manual_seed(0)
    weights = {"tokens": draw(9, 6), "positions": draw(7, 6), "encoder": [block(2)], "decoder": [block(3), block(3)]}
    weights |= {"encoder_norm": (draw(6), draw(6)), "decoder_norm": (draw(6), draw(6))}
    source, target = torch.randint(9, (2, 5)), torch.randint(9, (2, 4))
    want = models.encoder_decoder(source, target, weights, 2)
    sources = models.source_heads(models.encode(source, weights, 2), weights, 2)
    steps = [models.decode(target[:, : t + 1], sources, weights)[:, -1] for t in range(4)]
    torch.testing.assert_close(torch.stack(steps, dim=1), want)
    arrays = walk(weights, lambda tensor: tensor.numpy())
    np.testing.assert_allclose(numpy_models.encoder_decoder(source.numpy(), target.numpy(), arrays, 2), want.numpy())
