"""The PyTorch layer: judged by what it computes with given weights, not by what its attributes are called."""

import numpy as np

from headstart.graders.attention.witness import FUSED, ROUGH, best_forbidden, one_hidden_one_closed, slopes
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.multi_head.function import (
    NEEDS,
    fused_projection,
    head_by_head,
    heads_in_the_batch,
    layer_by_loops,
)
from headstart.graders.multi_head.witness import MASKED, draw_layer, draw_lifted, masks_of_every_kind

MultiHeadAttention = exercise(
    "MultiHeadAttention", "multi_head", wings=("in_torch",), needs=(*NEEDS, "multi_head_attention"), bans=FUSED
)


def single(arrays):
    """float32, the type of a layer's own parameters."""
    return [array.astype(np.float32) for array in arrays]


def asked(candidate, W, num_heads):
    """The candidate as a layer with these weights."""
    names = ("W_q", "W_k", "W_v", "W_o")
    return candidate.made({"d_model": len(W[0]), "num_heads": num_heads}, dict(zip(names, W, strict=True)))


@MultiHeadAttention.law
def layer_equals_the_definition(candidate, draw):
    """With given weights the layer computes multi-head attention from x_q to x_kv, for every shape."""
    for lead, T_q, T_k, d_model, H in (((2,), 5, 5, 6, 3), ((), 4, 7, 8, 2), ((3,), 3, 3, 4, 1), ((2, 2), 3, 2, 6, 2)):
        x_q, x_kv, *W = single(draw_layer(draw, lead, T_q, T_k, d_model))
        agree(asked(candidate, W, H)(x_q, x_kv), layer_by_loops(x_q, x_kv, *W, H), f"the output with {H} heads")


@MultiHeadAttention.law
def attends_to_itself_by_default(candidate, draw):
    """Without x_kv the layer is self-attention."""
    x, _, *W = single(draw_layer(draw, (2,), 5, 5, 6))
    agree(asked(candidate, W, 3)(x), layer_by_loops(x, x, *W, 3), "the output of self-attention")


@MultiHeadAttention.law
def layer_obeys_masks(candidate, draw):
    """One mask serves all heads: causal, per batch element, padding; a query without keys gets zeros."""
    for *shape, d_model, H in MASKED:
        x_q, x_kv, *W = single(draw_layer(draw, *shape, d_model))
        for mask in masks_of_every_kind(draw, *shape):
            want = layer_by_loops(x_q, x_kv, *W, H, mask)
            agree(asked(candidate, W, H)(x_q, x_kv, mask), want, f"the output under a mask {mask.shape}")


@MultiHeadAttention.law
def layer_stands_large_scores(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden key that fits best leaves no trace."""
    x_q, x_kv, *W = single(draw_lifted(draw, (2,), 4, 5, 8, 2))
    for mask in (None, best_forbidden(4, 5)):
        agree(asked(candidate, W, 2)(x_q, x_kv, mask), layer_by_loops(x_q, x_kv, *W, 2, mask), **ROUGH)


@MultiHeadAttention.law
def layer_keeps_the_batch_apart(candidate, draw):
    """Changing one batch element leaves the answers of the others as they were."""
    x, _, *W = single(draw_layer(draw, (3,), 4, 4, 6))
    moved = x.copy()
    moved[1] += 1.0
    before, after = (np.asarray(asked(candidate, W, 2)(a)) for a in (x, moved))
    agree(after[[0, 2]], before[[0, 2]], "the output of the batch elements that did not change")


@MultiHeadAttention.law
def a_call_leaves_nothing_behind(candidate, draw):
    """The same layer answers a second call as if there had been no first: no mask, key or value is kept."""
    x_q, x_kv, *W = single(draw_layer(draw, (2,), 3, 4, 4))
    calls = ("__call__", x_q, x_kv, draw.mask(3, 4)), ("__call__", x_q), ("__call__", x_q, x_kv)
    _, alone, after = asked(candidate, W, 2).run(*calls)
    agree(alone, layer_by_loops(x_q, x_q, *W, 2), "the output of self-attention after another call")
    agree(after, layer_by_loops(x_q, x_kv, *W, 2), "the output without a mask after a call with one")


@MultiHeadAttention.law(wings=("in_torch",))
def layer_trains(candidate, draw):
    """The inputs get the gradients of every path, equal to finite differences, and masked rows give zeros."""
    x_q, x_kv, *W = single(draw_layer(draw, (), 3, 4, 4))
    x_q, x_kv, mask, g = x_q[None], x_kv[None], one_hidden_one_closed(3, 4), draw(1, 3, 4).astype(np.float32)
    wanted = slopes(lambda a, b: fused_projection(a, b, *W, 2, mask), g, x_q.astype(float), x_kv.astype(float))
    for got, want in zip(asked(candidate, W, 2).gradients(g, x_q, x_kv, mask), wanted, strict=True):
        agree(got, want, "the gradient", rtol=1e-3, atol=1e-4)


@MultiHeadAttention.law(wings=("in_torch",))
def loaded_weights_learn(candidate, draw):
    """The weights are parameters of the layer, and all four get the gradients that they should."""
    x_q, x_kv, *W = draw_layer(draw, (2,), 3, 4, 4)
    g = draw(2, 3, 4)
    wanted = slopes(lambda *W: fused_projection(x_q, x_kv, *W, 2), g, *W)
    x_q, x_kv, g, *W = single((x_q, x_kv, g, *W))
    size, want = map(norm_of_all, (asked(candidate, W, 2).parameter_gradients(g, x_q, x_kv), wanted))
    expect(
        size > 0.9999 * want,  # float32 keeps more than that
        f"the gradients of its parameters have norm {size:.5g}, those of W_q, W_k, W_v and W_o have {want:.5g}: "
        "some weights are no parameters, or frozen, or detached",
    )


@MultiHeadAttention.law(wings=("in_torch",))
def fresh_layer_learns(candidate, draw):
    """A new layer works before any weights are loaded, and can learn: its parameters do not all start at zero."""
    x, g = single((draw(2, 3, 6), draw(2, 3, 6)))
    gradients = candidate.made({"d_model": 6, "num_heads": 2}).parameter_gradients(g, x)
    size, count = norm_of_all(gradients), sum(np.size(gradient) for gradient in gradients)
    expect(count >= 4 * 36, f"a new layer has {count} parameters, its four matrices alone are {4 * 36} numbers")
    expect(0 < size < np.inf, f"the gradients of a new layer's parameters have norm {size:.4g}: it cannot learn")


def norm_of_all(arrays):
    """The norm of all numbers together."""
    return float(np.sqrt(sum(np.sum(np.square(array, dtype=float)) for array in arrays)))


@MultiHeadAttention.law
def layer_refuses_heads_that_do_not_divide(candidate, draw):
    """Making a layer of 10 features and 4 heads raises an exception: no head gets two and a half features."""
    for d_model, H in ((10, 4), (10, 3)):
        refused = candidate.made({"d_model": d_model, "num_heads": H}).refuses()
        expect(refused, f"it made a layer of {d_model} features and {H} heads, it should raise ValueError")


def as_layer(function):
    """A class around a function, for mistakes and styles that are written as functions."""

    class Layer:
        def __init__(self, d_model, num_heads):
            if d_model % num_heads:
                raise ValueError("the heads do not divide the features")
            self.num_heads = num_heads

        def load(self, **weights):
            self.weights = weights

        def __call__(self, x_q, x_kv=None, mask=None):
            W = [self.weights[name] for name in ("W_q", "W_k", "W_v", "W_o")]
            return function(x_q, x_q if x_kv is None else x_kv, *W, self.num_heads, mask)

    Layer.__name__ = function.__name__
    return Layer


for style in (fused_projection, head_by_head, heads_in_the_batch):
    MultiHeadAttention.style(as_layer(style))
