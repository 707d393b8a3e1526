"""`check` refuses what the marks refuse, by whatever path, and leaves PyTorch as it was."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headstart.judge import course
from headstart.judge.candidate import local
from headstart.judge.trial import hold


def verdict(name, answer):
    exercise, wing = course.find(name)
    return hold(exercise, wing, local(answer, wing, exercise.bans), name, seed=0).verdict


class Wrapped(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.layer = nn.MultiheadAttention(d_model, num_heads, bias=False, batch_first=True)

    def load(self, W_q, W_k, W_v, W_o):
        with torch.no_grad():
            self.layer.in_proj_weight.copy_(torch.cat([W_q.T, W_k.T, W_v.T]))
            self.layer.out_proj.weight.copy_(W_o.T)

    def forward(self, x_q, x_kv=None, mask=None):
        x_kv = x_q if x_kv is None else x_kv
        return self.layer(x_q, x_kv, x_kv, attn_mask=None if mask is None else ~mask)[0]


FORBIDDEN = {
    "the function": (
        "scaled_dot_product_attention_torch",
        lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, mask),
    ),
    "the layer": ("MultiHeadAttention", Wrapped),
    "a method": ("softmax_torch", lambda x, axis=-1: x.softmax(axis)),
    "a cousin": ("softmax_torch", lambda x, axis=-1: torch.log_softmax(x, axis).exp()),
}


@pytest.mark.parametrize("path", FORBIDDEN)
def test_a_library_call_is_refused_where_writing_it_is_the_point(path):
    assert verdict(*FORBIDDEN[path]) == "forbidden"


def test_the_library_is_free_again_afterwards():
    verdict("softmax_torch", lambda x, axis=-1: x.softmax(axis))
    assert torch.ones(2).softmax(-1).sum() == 1


def test_a_library_softmax_within_attention_is_fine():
    def attention(q, k, v, mask=None):
        scores = q @ k.mT / q.shape[-1] ** 0.5
        scores = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        weights = F.softmax(scores, -1)
        return (weights if mask is None else weights * mask) @ v

    assert verdict("scaled_dot_product_attention_torch", attention) == "pass"
