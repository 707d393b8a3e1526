"""The decoder block: laws. Its known mistakes and accepted styles are in decoder_answers.py."""

import numpy as np

from headstart.graders.attention.witness import ROUGH, lifted, lifting, one_hidden_one_closed
from headstart.graders.kit import again, agree, exercise
from headstart.graders.transformer.encoder import LIBRARY
from headstart.graders.transformer.gradients import gradients_agree
from headstart.graders.transformer.witness import block_of_three, decoder_by_loops, draw_block, heads_of

decoder_block = exercise(
    "decoder_block",
    "transformer",
    needs=("layer_norm", "feed_forward", "multi_head_attention", "cross_attention"),
    bans=LIBRARY,
)

SHAPES = [((2,), 3, 4, 6, 8, 3), ((), 3, 2, 8, 3, 2), ((1,), 4, 4, 4, 6, 1), ((2, 2), 1, 3, 6, 4, 2)]


@decoder_block.law
def three_steps_in_their_order(candidate, draw):
    """Causal self-attention, cross-attention, feed-forward, each with its norm and residual: pre-norm and post-norm."""
    for lead, T_q, T_k, d_model, d_ff, H in again(*SHAPES):
        x, source, weights = draw(*lead, T_q, d_model), draw(*lead, T_k, d_model), draw_block(draw, d_model, d_ff, 3)
        k, v = heads_of(source, weights, H)
        pre, post = (decoder_by_loops(x, source, weights, H, None, norm_first) for norm_first in (True, False))
        agree(candidate(x, k, v, weights), pre, "the output (pre-norm by default)")
        agree(candidate(x, k, v, weights, norm_first=True), pre, "the output with norm_first=True")
        agree(candidate(x, k, v, weights, norm_first=False), post, "the output with norm_first=False")


@decoder_block.law
def the_future_of_the_target_stays_out(candidate, draw):
    """Changing a target token moves no earlier output."""
    x, weights = draw(2, 5, 6), draw_block(draw, 6, 4, 3)
    k, v = heads_of(draw(2, 3, 6), weights, 2)
    moved = x.copy()
    moved[:, 3] += draw(6)
    before, after = np.asarray(candidate(x, k, v, weights)), np.asarray(candidate(moved, k, v, weights))
    agree(after[:, :3], before[:, :3], "the output before the token that changed")


@decoder_block.law
def padding_of_the_source_stays_out(candidate, draw):
    """The mask is for the source: padding per sentence or any pattern, and it leaves self-attention alone."""
    x, source, weights = draw(3, 3, 6), draw(3, 3, 6), draw_block(draw, 6, 5, 3)
    k, v = heads_of(source, weights, 2)
    nothing = draw.mask(3, 1, 3)
    nothing[1] = False
    for mask, norm_first in ((draw.mask(3, 3, 3), True), (draw.mask(3, 3), False), (nothing, True), (nothing, False)):
        want = decoder_by_loops(x, source, weights, 2, mask, norm_first)
        got = candidate(x, k, v, weights, mask, norm_first)
        agree(got, want, f"the output under a mask {mask.shape} with norm_first={norm_first}")
    x, source, weights = draw(2, 2, 2, 4), draw(2, 2, 3, 4), draw_block(draw, 4, 2, 3)
    k, v, mask = *heads_of(source, weights, 2), draw.mask(2, 2, 1, 3)  # the axis of heads stands before the tokens
    want = decoder_by_loops(x, source, weights, 2, mask)
    agree(candidate(x, k, v, weights, mask), want, f"the output under a mask {mask.shape}")


@decoder_block.law
def large_scores_in_this_block(candidate, draw):
    """Scores in the thousands overflow nowhere, and what is forbidden leaves no trace, however well it fits."""
    x, source, weights = lifted(draw(4, 8)), draw(5, 8), draw_block(draw, 8, 4, 3)
    (W_q, W_k, *rest), (W_ks, W_vs) = weights["attention"], weights["source"]
    weights["attention"] = lifting(W_q, 2), -lifting(W_k, 2), *rest  # a token fits itself badly, the next one well
    weights["source"] = 1000 * W_ks, W_vs
    mask = np.arange(5) == np.array([[3], [0], [4], [2]])  # one source token for each
    want = decoder_by_loops(x, source, weights, 2, mask, False)  # post-norm: self-attention reads x as it is
    got = candidate(x, *heads_of(source, weights, 2), weights, mask, False)
    agree(got, want, "the output with large scores", **ROUGH)


@decoder_block.law(wings=("in_torch",))
def decoder_passes_gradients(candidate, draw):
    """x, the source's keys and values and every weight get their gradients, pre-norm and post-norm."""
    x, source, weights, g = draw(3, 4), draw(2, 4), draw_block(draw, 4, 6, 3), draw(3, 4)
    k, v, mask = *heads_of(source, weights, 2), one_hidden_one_closed(3, 2)
    for norm_first in (True, False):
        gradients_agree(candidate, draw, block_of_three(), g, x, k, v, weights, mask, norm_first)
