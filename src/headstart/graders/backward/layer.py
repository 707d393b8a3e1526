"""Back through the multi-head layer with biases, masks and dropout: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes_at_once
from headstart.graders.backward.attention import NEEDS, back
from headstart.graders.backward.linear import linear_by_loops
from headstart.graders.backward.witness import closed, draw_kept, forward, loud
from headstart.graders.kit import again, agree, exercise, expect
from headstart.graders.multi_head.function import for_heads
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops

LAYER_NEEDS = (*NEEDS, "attention_backward", "linear_backward", "split_heads", "merge_heads")

multi_head_backward = exercise("multi_head_backward", "backward_layer", chapter="backward", wings=("in_numpy",),
                               needs=LAYER_NEEDS)  # fmt: skip

NAMES = ("x_q", "x_kv", "W_q", "W_k", "W_v", "W_o", "b_q", "b_k", "b_v", "b_o")


def draw_biased(draw, lead, T_q, T_k, d_model, d_all, d_out):
    """The gradient of the output, tokens, matrices, the biases of queries and values."""
    matrices = [draw(d_model, d_all, scale=1.5 * d_model**-0.5) for _ in range(3)]
    tokens = draw(*lead, T_q, d_model), draw(*lead, T_k, d_model)
    return draw(*lead, T_q, d_out), *tokens, *matrices, draw(d_all, d_out), draw(d_all), draw(d_all)


def projected(triples, H):
    """x W + b for each triple, cut into heads."""
    return tuple(split_by_loops(x @ W + b, H) for x, W, b in triples)


def layer(x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, H, mask=None, kept=None, rate=0.0):
    """The layer forward, by the definition of its parts."""
    q, k, v = projected(((x_q, W_q, b_q), (x_kv, W_k, b_k), (x_kv, W_v, b_v)), H)
    return merge_by_loops(forward(q, k, v, for_heads(mask), kept, rate)) @ W_o + b_o


def layer_slopes(inputs, *rest):
    """Finite differences of the layer, by name."""
    dout, *arrays, b_q, b_v = inputs
    b_k, b_o = np.cos(np.arange(len(b_q))), np.zeros(dout.shape[-1])  # any b_k: the gradients do not depend on it
    found = slopes_at_once(lambda *moved: layer(*moved, *rest), dout, *arrays, b_q, b_k, b_v, b_o)
    return dict(zip(NAMES, found, strict=True))


def agree_by_name(got, want):
    """Compare a dict of gradients with what they should be, each under its name."""
    expect(isinstance(got, dict), f"the result is a {type(got).__name__}, it should be a dict: {', '.join(NAMES)}")
    for name, gradient in want.items():
        expect(name in got, f"the result has no entry {name!r}")
        agree(got[name], gradient, f"the gradient of {name}")


@multi_head_backward.law
def every_gradient_is_a_slope(candidate, draw):
    """All ten gradients equal finite differences, for self- and cross-attention shapes, one head and several."""
    for (lead, T_q, T_k, d_model, d_all, d_out), H in again(
        (((), 2, 3, 2, 6, 3), 3), (((2,), 2, 2, 4, 4, 2), 2), (((1,), 2, 1, 3, 2, 3), 1), (((2, 2), 1, 2, 2, 4, 2), 2),
    ):  # fmt: skip
        inputs = draw_biased(draw, lead, T_q, T_k, d_model, d_all, d_out)
        agree_by_name(candidate(*inputs, H), layer_slopes(inputs, H))


@multi_head_backward.law
def layer_slopes_under_masks(candidate, draw):
    """One mask serves all heads on the way back too, and a query without keys gets and gives zeros."""
    inputs = draw_biased(draw, (3,), 2, 3, 2, 2, 2)
    nothing = closed(draw.mask(2, 3), 1)
    for mask in (draw.mask(3, 2, 3), draw.mask(3, 1, 3), draw.mask(3), nothing):
        agree_by_name(candidate(*inputs, 2, mask), layer_slopes(inputs, 2, mask))
    inputs, mask = draw_biased(draw, (2, 2), 2, 2, 2, 2, 1), draw.mask(2, 2, 2, 2)  # the axis of heads is the third
    agree_by_name(candidate(*inputs, 2, mask), layer_slopes(inputs, 2, mask))


@multi_head_backward.law
def layer_slopes_under_dropout(candidate, draw):
    """Dropout of the weights, drawn for each head, holds on the way back; the default rate is 0."""
    inputs, mask = draw_biased(draw, (2,), 2, 3, 2, 4, 3), draw.mask(2, 2, 3)
    kept = draw_kept(draw, 2, 2, 2, 3)
    agree_by_name(candidate(*inputs, 2, mask, kept, 0.25), layer_slopes(inputs, 2, mask, kept, 0.25))
    agree_by_name(candidate(*inputs, 2, None, kept > 0), layer_slopes(inputs, 2, None, kept))
    agree_by_name(candidate(*inputs, 2, None, None, 0.25), layer_slopes(inputs, 2))  # no draw, no dropout


@multi_head_backward.law
def the_key_bias_has_no_gradient(candidate, draw):
    """b_k adds one number to a whole row of scores, so its gradient is zero; that of b_o is the sum of dout."""
    inputs = draw_biased(draw, (2,), 3, 4, 4, 6, 4)
    got = candidate(*inputs, 2)
    agree_by_name(got, {"b_k": np.zeros(6), "b_o": inputs[0].sum((0, 1))})


@multi_head_backward.law
def large_scores_in_the_layer(candidate, draw):
    """Scores in the thousands do not overflow, and a forbidden key gets nothing however well it matches."""
    x_q, x_kv, mask, weights = loud()
    dout, W_v, W_o, b_v = draw(3, 3), draw(4, 4), draw(4, 3), draw(4)
    got = candidate(dout, x_q, x_kv, np.eye(4), np.eye(4), W_v, W_o, np.zeros(4), b_v, 1, mask)
    merged, dv = weights @ (x_kv @ W_v + b_v), weights.T @ dout @ W_o.T
    agree_by_name(got, {"W_o": merged.T @ dout, "W_v": x_kv.T @ dv, "b_v": dv.sum(0)})
    for name in NAMES:
        expect(np.isfinite(got[name]).all(), f"the gradient of {name} is not finite")


def layer_back(dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_v, num_heads, mask=None, kept=None, rate=0.0,
               through=back, cut=split_by_loops, join=merge_by_loops, kv=np.add):  # fmt: skip
    """The layer's backward pass around (wrong) parts."""
    q, k, v = projected(((x_q, W_q, b_q), (x_kv, W_k, 0.0), (x_kv, W_v, b_v)), num_heads)
    merged = merge_by_loops(forward(q, k, v, for_heads(mask), kept, rate))
    dmerged, dW_o, db_o = linear_by_loops(dout, merged, W_o)
    grads = through(cut(dmerged, num_heads), q, k, v, for_heads(mask), kept, rate)
    (x_1, W_1, b_1), (x_2, W_2, b_2), (x_3, W_3, b_3) = (
        linear_by_loops(join(d), x, W) for d, x, W in zip(grads, (x_q, x_kv, x_kv), (W_q, W_k, W_v), strict=True)
    )
    return dict(zip(NAMES, (x_1, kv(x_2, x_3), W_1, W_2, W_3, dW_o, b_1, b_2, b_3, db_o), strict=True))


@multi_head_backward.style
def head_by_head(dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_v, num_heads, mask=None, kept=None, rate=0.0):
    """A loop over the heads, each with its own columns and rows, gradients added up."""
    d = W_q.shape[1] // num_heads
    got = dict.fromkeys(("x_q", "x_kv"), 0.0) | {"b_o": dout.sum(tuple(range(dout.ndim - 1)))}
    pieces = {name: [] for name in ("W_q", "W_k", "W_v", "W_o", "b_q", "b_k", "b_v")}
    for h in range(num_heads):
        s = slice(h * d, (h + 1) * d)
        own = None if kept is None else kept[..., h, :, :][..., None, :, :]
        matrices = (W_q[:, s], W_k[:, s], W_v[:, s], W_o[s], b_q[s], b_v[s])
        part = layer_back(dout, x_q, x_kv, *matrices, 1, mask, own, rate)
        got |= {name: got[name] + part[name] for name in ("x_q", "x_kv")}
        for name, found in pieces.items():
            found.append(part[name])
    return got | {name: np.concatenate(found, axis=0 if name == "W_o" else -1) for name, found in pieces.items()}


@multi_head_backward.style
def layer_back_in_float32(*args):
    """float32 throughout."""
    return layer_back(*(a.astype(np.float32) if getattr(a, "dtype", None) == np.float64 else a for a in args))
