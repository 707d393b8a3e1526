"""The encoder block: laws. Its known mistakes and accepted styles are in encoder_answers.py."""

import numpy as np

from headstart.graders.attention.witness import FUSED, slopes
from headstart.graders.kit import agree, exercise
from headstart.graders.transformer.witness import draw_block, encoder_by_loops

NEEDS = ("layer_norm", "feed_forward", "multi_head_attention")
LIBRARY = (*FUSED, "torch.nn.TransformerEncoderLayer", "torch.nn.TransformerDecoderLayer")

encoder_block = exercise("encoder_block", "transformer", needs=NEEDS, bans=LIBRARY)

SHAPES = [((2,), 5, 6, 8, 3), ((), 4, 8, 3, 2), ((1,), 3, 4, 9, 1), ((2, 2), 1, 6, 5, 2)]


@encoder_block.law
def two_steps_in_either_order_of_norms(candidate, draw):
    """Attention, then the feed-forward network, each with its own norm and its own residual: pre-norm and post-norm."""
    for lead, T, d_model, d_ff, H in SHAPES:
        x, weights = draw(*lead, T, d_model), draw_block(draw, d_model, d_ff)
        agree(candidate(x, weights, H), encoder_by_loops(x, weights, H), "the output (pre-norm by default)")
        for norm_first in (True, False):
            want = encoder_by_loops(x, weights, H, None, norm_first)
            agree(candidate(x, weights, H, norm_first=norm_first), want, f"the output with norm_first={norm_first}")


@encoder_block.law
def block_under_masks(candidate, draw):
    """The mask reaches the attention: causal, per batch element, padding; a token without keys still gets its x."""
    x, weights = draw(3, 4, 6), draw_block(draw, 6, 5)
    nothing = draw.mask(4, 4)
    nothing[2] = False
    for mask in (np.tri(4, dtype=bool), draw.mask(3, 4, 4), draw.mask(3, 1, 4), nothing):
        agree(candidate(x, weights, 2, mask), encoder_by_loops(x, weights, 2, mask), f"under a mask {mask.shape}")


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
    """x gets its gradient along the residual path and through both sub-layers."""
    x, weights, mask, g = draw(3, 4), draw_block(draw, 4, 3), np.tri(3, dtype=bool), draw(3, 4)
    for norm_first in (True, False):
        (want,) = slopes(lambda y, first=norm_first: encoder_by_loops(y, weights, 2, mask, first), g, x)
        agree(candidate.gradients(g, x, weights, 2, mask, norm_first)[0], want, "the gradient of x")
