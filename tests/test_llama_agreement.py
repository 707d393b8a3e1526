"""Our pieces against `transformers`: a small random Llama, its attention and the whole model; GPT-2's size."""

import math

import pytest
import torch

from headstart.in_numpy.transformer_counts import transformer_parameters
from headstart.in_torch.feed_forward import gated_feed_forward
from headstart.in_torch.multi_head import merge_heads, split_heads
from headstart.in_torch.norms import rms_norm
from headstart.in_torch.rotary import rotary_attention

transformers = pytest.importorskip("transformers")

H, H_KV, D_HEAD, LAYERS, T = 4, 2, 6, 2, 7
BASE = 10_000.0


@pytest.fixture(scope="module")
def llama():
    """A Llama of two layers with random weights, grouped keys and values, gains unlike one."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=31, hidden_size=H * D_HEAD, intermediate_size=40, num_hidden_layers=LAYERS, num_attention_heads=H,
        num_key_value_heads=H_KV, max_position_embeddings=16, attn_implementation="eager",
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def frequencies():
    """Radians a position for each pair of features."""
    return BASE ** (-torch.arange(0, D_HEAD, 2, dtype=torch.float64) / D_HEAD)


def attention(x, layer):
    """Llama's attention from our pieces: rotary, causal, each key and value head serving a group of query heads."""
    q = split_heads(x @ layer.q_proj.weight.T, H)  # (B, H, T, d_head)
    k, v = (split_heads(x @ linear.weight.T, H_KV) for linear in (layer.k_proj, layer.v_proj))
    k, v = (a.repeat_interleave(H // H_KV, dim=-3) for a in (k, v))  # (B, H, T, d_head)
    return merge_heads(rotary_attention(q, k, v, frequencies())) @ layer.o_proj.weight.T


def model_from_our_pieces(tokens, llama):
    """The whole of Llama: pre-norm with RMS norm, rotary attention, SwiGLU, a last norm, an output matrix."""
    eps = llama.config.rms_norm_eps
    x = llama.model.embed_tokens.weight[tokens]
    for layer in llama.model.layers:
        x = x + attention(rms_norm(x, layer.input_layernorm.weight, eps), layer.self_attn)
        W = (layer.mlp.gate_proj.weight.T, layer.mlp.up_proj.weight.T, layer.mlp.down_proj.weight.T)
        x = x + gated_feed_forward(rms_norm(x, layer.post_attention_layernorm.weight, eps), *W)
    return rms_norm(x, llama.model.norm.weight, eps) @ llama.lm_head.weight.T


@torch.no_grad()
def test_attention_equals_llamas(llama):
    x, layer = torch.randn(2, T, H * D_HEAD, dtype=torch.float64), llama.model.layers[0].self_attn
    places = torch.arange(T)[None]
    blocked = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)[None, None]
    theirs, _ = layer(x, position_embeddings=llama.model.rotary_emb(x, places), attention_mask=blocked)
    torch.testing.assert_close(attention(x, layer), theirs, rtol=1e-5, atol=1e-6)  # its angles are float32


@torch.no_grad()
def test_whole_model_equals_llama(llama):
    tokens = torch.randint(31, (2, T))
    torch.testing.assert_close(model_from_our_pieces(tokens, llama), llama(tokens).logits, rtol=1e-5, atol=1e-5)


def test_gpt_2_is_as_large_as_we_count():
    with torch.device("meta"):
        gpt2 = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    assert sum(p.numel() for p in gpt2.parameters()) == sum(transformer_parameters(12, 768, 3072, 50257, 1024).values())
