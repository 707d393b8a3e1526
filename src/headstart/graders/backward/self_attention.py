"""Back through self-attention, three gradients into one x: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes_at_once
from headstart.graders.backward.attention import NEEDS, back
from headstart.graders.backward.linear import linear_by_loops
from headstart.graders.backward.witness import agree_all, closed, forward, loud
from headstart.graders.kit import exercise

SELF_NEEDS = (*NEEDS, "attention_backward", "linear_backward")

self_attention_backward = exercise(
    "self_attention_backward", "backward_layer", chapter="backward", wings=("in_numpy",), needs=SELF_NEEDS
)

NAMES = ("dx", "dW_q", "dW_k", "dW_v")


def attend_to_itself(x, W_q, W_k, W_v, mask=None):
    """Self-attention by the definition."""
    return forward(x @ W_q, x @ W_k, x @ W_v, mask)


def draw_self(draw, lead, T, d_model, d_head, d_v):
    """The gradient of the output, tokens, and weights that keep the scores moderate."""
    weights = (draw(d_model, d, scale=1.5 * d_model**-0.5) for d in (d_head, d_head, d_v))
    return draw(*lead, T, d_v), draw(*lead, T, d_model), *weights


@self_attention_backward.law
def slopes_of_self_attention(candidate, draw):
    """dx and all three weight gradients equal finite differences, for every shape."""
    for sizes in (((), 3, 4, 2, 3), ((2,), 4, 3, 3, 3), ((1,), 1, 2, 4, 2), ((2, 2), 2, 3, 2, 2)):
        dout, *inputs = draw_self(draw, *sizes)
        agree_all(candidate(dout, *inputs), slopes_at_once(attend_to_itself, dout, *inputs), NAMES)


@self_attention_backward.law
def slopes_of_self_attention_under_masks(candidate, draw):
    """Masks hold on the way back, and a token that may attend to nothing still gets what others read from it."""
    dout, *inputs = draw_self(draw, (2,), 3, 3, 2, 2)
    for mask in (np.tri(3, dtype=bool), draw.mask(2, 3, 3), draw.mask(3), closed(draw.mask(3, 3), 1)):
        want = slopes_at_once(lambda *arrays, mask=mask: attend_to_itself(*arrays, mask), dout, *inputs)
        agree_all(candidate(dout, *inputs, mask), want, NAMES)


@self_attention_backward.law
def the_future_gives_nothing_back(candidate, draw):
    """Under a causal mask, a loss on the first outputs has no gradient at later tokens."""
    dout, *inputs = draw_self(draw, (), 5, 3, 2, 2)
    dout[2:] = 0.0
    mask = np.tri(5, dtype=bool)
    want = slopes_at_once(lambda *arrays: attend_to_itself(*arrays, mask), dout, *inputs)[0]
    want[2:] = 0.0
    agree_all(candidate(dout, *inputs, mask)[:1], (want,), NAMES[:1])


@self_attention_backward.law
def large_scores_in_self_attention(candidate, draw):
    """Scores in the thousands do not overflow: there only the values pass a gradient back."""
    q, x, mask, weights = loud()
    dout, W_v = draw(3, 2), draw(4, 2)
    W_q = np.vstack([q / 60.0, np.zeros((1, 4))])  # x is 60 times the identity, so x W_q = q
    got = candidate(dout, x, W_q, np.eye(4), W_v, mask)
    agree_all(got[:1], (weights.T @ dout @ W_v.T,), NAMES[:1], atol=1e-2)
    agree_all(got[3:], (x.T @ weights.T @ dout,), NAMES[3:])


def parts(dout, x, W_q, W_k, W_v, mask=None, through=back):
    """The three gradients into x, and the three of the weights."""
    grads = through(dout, x @ W_q, x @ W_k, x @ W_v, mask)
    pairs = [linear_by_loops(d, x, W)[:2] for d, W in zip(grads, (W_q, W_k, W_v), strict=True)]
    return [dx for dx, _ in pairs], [dW for _, dW in pairs]


def only(*which):
    """Self-attention backward with some of the three gradients into x."""

    def backward(*args):
        dx, dW = parts(*args)
        return sum(dx[i] for i in which), *dW

    return backward


@self_attention_backward.mutant("self-attention backward with the gradient through the queries alone in dx")
def queries_only(*args):
    return only(0)(*args)


@self_attention_backward.mutant("self-attention backward with the gradient through the keys alone in dx")
def keys_only(*args):
    return only(1)(*args)


@self_attention_backward.mutant("self-attention backward with the gradient through the values alone in dx")
def values_only(*args):
    return only(2)(*args)


@self_attention_backward.mutant("self-attention backward without the gradient through the keys in dx")
def keys_forgotten(*args):
    return only(0, 2)(*args)


@self_attention_backward.mutant("self-attention backward with the mean of the three gradients in dx, not their sum")
def mean_of_three(*args):
    dx, dW = parts(*args)
    return sum(dx) / 3, *dW


@self_attention_backward.mutant("self-attention backward without the factor 1/√d_head")
def self_not_scaled(*args):
    dx, dW = parts(*args, through=lambda *inputs: back(*inputs, scale=1.0))
    return sum(dx), *dW


@self_attention_backward.mutant("self-attention backward with the softmax Jacobian reduced to p(1 - p)")
def self_diagonal_jacobian(*args):
    dx, dW = parts(*args, through=lambda *inputs: back(*inputs, jacobian=lambda dp, p: dp * p * (1 - p)))
    return sum(dx), *dW


@self_attention_backward.mutant("self-attention backward that ignores the mask")
def self_without_mask(dout, x, W_q, W_k, W_v, mask=None):
    dx, dW = parts(dout, x, W_q, W_k, W_v)
    return sum(dx), *dW


@self_attention_backward.style
def stacked_weights(dout, x, W_q, W_k, W_v, mask=None):
    """One product with the three matrices side by side."""
    grads = np.concatenate(back(dout, x @ W_q, x @ W_k, x @ W_v, mask), axis=-1)
    W = np.concatenate([W_q, W_k, W_v], axis=1)
    rows = x.reshape(-1, x.shape[-1])
    dW = rows.T @ grads.reshape(len(rows), -1)
    cuts = np.cumsum([W_q.shape[1], W_k.shape[1]])
    return grads @ W.T, *np.split(dW, cuts, axis=1)


@self_attention_backward.style
def self_in_float32(dout, x, W_q, W_k, W_v, mask=None):
    """float32 throughout."""
    return stacked_weights(*(a.astype(np.float32) for a in (dout, x, W_q, W_k, W_v)), mask)
