"""Cross-attention with the source's keys and values made beforehand: laws; see cross_answers.py for answers."""

import numpy as np

from headstart.graders.attention.witness import FUSED, slopes
from headstart.graders.kit import agree, exercise
from headstart.graders.multi_head.function import attend, layer_by_loops
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops

cross_attention = exercise(
    "cross_attention",
    "transformer",
    needs=("softmax", "attention_weights", "scaled_dot_product_attention", "split_heads", "merge_heads"),
    bans=FUSED,
)

SHAPES = [((2,), 3, 5, 6, 3, 6), ((), 4, 2, 8, 2, 4), ((1,), 1, 4, 4, 1, 5), ((2,), 5, 5, 6, 2, 6)]


def draw_cross(draw, lead, T_q, T_k, d_model, d_out=None):
    """Target and source tokens, W_q, W_k, W_v and W_o."""
    W = [draw(d_model, d_model, scale=1.5 * d_model**-0.5) for _ in range(3)]
    return draw(*lead, T_q, d_model), draw(*lead, T_k, d_model), *W, draw(d_model, d_out or d_model)


@cross_attention.law
def equals_attention_to_the_source(candidate, draw):
    """With the source's keys and values split into heads it is multi-head attention from target to source."""
    for lead, T_q, T_k, d_model, H, d_out in SHAPES:
        x, source, W_q, W_k, W_v, W_o = draw_cross(draw, lead, T_q, T_k, d_model, d_out)
        k, v = split_by_loops(source @ W_k, H), split_by_loops(source @ W_v, H)
        want = layer_by_loops(x, source, W_q, W_k, W_v, W_o, H)
        agree(candidate(x, k, v, W_q, W_o), want, f"the output with {H} heads")


@cross_attention.law
def one_target_token_at_a_time(candidate, draw):
    """Step by step it gives the same rows as all at once: no target token looks at another, and none is masked."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (2,), 4, 4, 6)
    k, v = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2)
    rows = [np.asarray(candidate(x[:, t : t + 1], k, v, W_q, W_o)) for t in range(4)]
    agree(np.concatenate(rows, axis=1), layer_by_loops(x, source, W_q, W_k, W_v, W_o, 2), "the rows made one by one")


@cross_attention.law
def padding_of_the_source(candidate, draw):
    """The mask hides source tokens: padding per sentence, any pattern; a query that may read nothing gets zeros."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (3,), 4, 5, 6)
    k, v = split_by_loops(source @ W_k, 3), split_by_loops(source @ W_v, 3)
    nothing = draw.mask(3, 4, 5)
    nothing[1, 2] = False
    for mask in (draw.mask(3, 1, 5), draw.mask(3, 4, 5), draw.mask(4, 5), draw.mask(5), nothing):
        want = layer_by_loops(x, source, W_q, W_k, W_v, W_o, 3, mask)
        agree(candidate(x, k, v, W_q, W_o, mask), want, f"the output under a mask {mask.shape}")


@cross_attention.law(wings=("in_torch",))
def cross_attention_passes_gradients(candidate, draw):
    """Target, keys, values and both matrices get their gradients."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (), 2, 3, 4)
    k, v, mask, g = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2), draw.mask(2, 3), draw(2, 4)
    inputs = (x, k, v, W_q, W_o)
    for got, want in zip(candidate.gradients(g, *inputs, mask), slopes(_plain(mask), g, *inputs), strict=True):
        agree(got, want, "the gradient")


def _plain(mask):
    """Cross-attention head by head, for finite differences."""

    def function(x, k, v, W_q, W_o):
        q = split_by_loops(x @ W_q, len(k))
        return merge_by_loops(np.stack([attend(*heads, mask) for heads in zip(q, k, v, strict=True)])) @ W_o

    return function
