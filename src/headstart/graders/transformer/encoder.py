"""The encoder block: laws. Its known mistakes and accepted styles are in encoder_answers.py."""

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    lifted,
    lifting,
    one_hidden_one_closed,
)
from headstart.graders.kit import again, agree, exercise
from headstart.graders.transformer.gradients import gradients_agree
from headstart.graders.transformer.witness import draw_block, encode_with, encoder_by_loops

NEEDS = ("layer_norm", "feed_forward", "multi_head_attention")
LIBRARY = (*FUSED, "torch.nn.TransformerEncoderLayer", "torch.nn.TransformerDecoderLayer")

encoder_block = exercise("encoder_block", "transformer", needs=NEEDS, bans=LIBRARY)

SHAPES = [((2,), 5, 6, 8, 3), ((), 4, 8, 3, 2), ((1,), 3, 4, 9, 1), ((2, 2), 1, 6, 5, 2)]


@encoder_block.law
def two_steps_in_either_order_of_norms(candidate, draw):
    """Attention, then the feed-forward network, each with its own norm and its own residual: pre-norm and post-norm."""
    for lead, T, d_model, d_ff, H in again(*SHAPES):
        x, weights = draw(*lead, T, d_model), draw_block(draw, d_model, d_ff)
        pre, post = (encoder_by_loops(x, weights, H, None, norm_first) for norm_first in (True, False))
        agree(candidate(x, weights, H), pre, "the output (pre-norm by default)")
        agree(candidate(x, weights, H, norm_first=True), pre, "the output with norm_first=True")
        agree(candidate(x, weights, H, norm_first=False), post, "the output with norm_first=False")


@encoder_block.law
def block_under_masks(candidate, draw):
    """The mask reaches the attention, pre-norm and post-norm: one for all, per sentence, padding, rows without keys."""
    x, weights = draw(3, 3, 6), draw_block(draw, 6, 5)
    some, nothing = draw.mask(3, 1, 3), draw.mask(3, 3, 3)
    some[2], nothing[1, 2] = False, False
    for mask, orders in ((draw.mask(3, 3), (True,)), (some, (True, False)), (nothing, (True, False))):
        for norm_first in orders:
            want = encoder_by_loops(x, weights, 2, mask, norm_first)
            agree(candidate(x, weights, 2, mask, norm_first), want, f"under a mask {mask.shape}")
    x, weights = draw(2, 2, 3, 4), draw_block(draw, 4, 2)
    mask = draw.mask(2, 2, 1, 3)  # the axis of heads stands right before the tokens
    agree(candidate(x, weights, 2, mask), encoder_by_loops(x, weights, 2, mask), f"under a mask {mask.shape}")


@encoder_block.law
def large_scores_in_a_block(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden token that fits best leaves no trace."""
    x, weights = lifted(draw(5, 8)), draw_block(draw, 8, 4)
    W_q, W_k, *rest = weights["attention"]
    weights["attention"], mask = (lifting(W_q, 2), lifting(W_k, 2), *rest), best_forbidden(5, 5)
    want = encoder_by_loops(x, weights, 2, mask, False)  # post-norm: attention reads x as it is
    agree(candidate(x, weights, 2, mask, False), want, "the output with large scores", **ROUGH)


@encoder_block.law
def silent_sublayers_leave_x(candidate, draw):
    """With W_o, W_2 and b_2 all zero a pre-norm block is the identity: the residual path is never normalised."""
    x, weights = draw(2, 4, 6), draw_block(draw, 6, 5)
    *W, W_o = weights["attention"]
    W_1, b_1, W_2, b_2 = weights["feed_forward"]
    weights |= {"attention": (*W, 0 * W_o), "feed_forward": (W_1, b_1, 0 * W_2, 0 * b_2)}
    agree(candidate(x, weights, 3), x, "the output of silent sub-layers")


@encoder_block.law(wings=("in_torch",))
def block_passes_gradients(candidate, draw):
    """x and every weight get their gradients, pre-norm and post-norm, also where a token may attend to nothing."""
    x, weights, mask, g = draw(3, 4), draw_block(draw, 4, 6), one_hidden_one_closed(3, 3), draw(3, 4)
    for norm_first in (True, False):
        gradients_agree(candidate, draw, encode_with, g, x, weights, 2, mask, norm_first)
