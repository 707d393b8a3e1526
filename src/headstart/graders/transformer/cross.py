"""Cross-attention with the source's keys and values made beforehand: laws; see cross_answers.py for answers."""

import numpy as np

from headstart.graders.attention.witness import (
    FUSED,
    ROUGH,
    best_forbidden,
    lifted,
    lifting,
    one_hidden_one_closed,
)
from headstart.graders.kit import agree, exercise
from headstart.graders.multi_head.function import layer_by_loops
from headstart.graders.multi_head.heads import split_by_loops
from headstart.graders.transformer.gradients import gradients_agree
from headstart.graders.transformer.witness import read

cross_attention = exercise(
    "cross_attention",
    "transformer",
    needs=("softmax", "attention_weights", "scaled_dot_product_attention", "split_heads", "merge_heads"),
    bans=FUSED,
)

SHAPES = [  # leading axes, T_q, T_k, d_model, H, width of all heads, d_out
    ((2,), 3, 5, 6, 3, 6, 6),
    ((), 4, 2, 8, 2, 4, 4),
    ((1,), 1, 4, 4, 1, 6, 5),
    ((2, 2), 3, 3, 6, 2, 6, 6),
]


def draw_cross(draw, lead, T_q, T_k, d_model, d_all=None, d_out=None):
    """Target and source tokens, W_q, W_k, W_v and W_o."""
    d_all = d_all or d_model
    W = [draw(d_model, d_all, scale=1.5 * d_model**-0.5) for _ in range(3)]
    return draw(*lead, T_q, d_model), draw(*lead, T_k, d_model), *W, draw(d_all, d_out or d_model)


@cross_attention.law
def equals_attention_to_the_source(candidate, draw):
    """With the source's keys and values split into heads it is multi-head attention from target to source."""
    for lead, T_q, T_k, d_model, H, d_all, d_out in SHAPES:
        x, source, W_q, W_k, W_v, W_o = draw_cross(draw, lead, T_q, T_k, d_model, d_all, d_out)
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


@cross_attention.law
def padding_under_two_leading_axes(candidate, draw):
    """With more leading axes than one, the mask's head axis still stands right before its tokens."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (2, 2), 2, 3, 4)
    k, v, mask = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2), draw.mask(2, 2, 1, 3)
    want = layer_by_loops(x, source, W_q, W_k, W_v, W_o, 2, mask)
    agree(candidate(x, k, v, W_q, W_o, mask), want, f"the output under a mask {mask.shape}")


@cross_attention.law
def large_scores_from_the_source(candidate, draw):
    """Scores in the thousands neither overflow nor vanish, and a forbidden source token that fits best adds nothing."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (2,), 4, 5, 8)
    x, source, W_q, W_k = lifted(x), lifted(source), lifting(W_q, 2), lifting(W_k, 2)
    k, v = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2)
    for mask in (None, best_forbidden(4, 5)):
        want = layer_by_loops(x, source, W_q, W_k, W_v, W_o, 2, mask)
        agree(candidate(x, k, v, W_q, W_o, mask), want, "the output with large scores", **ROUGH)


@cross_attention.law(wings=("in_torch",))
def cross_attention_passes_gradients(candidate, draw):
    """Target, keys, values and both matrices get their gradients, also where a target token may read nothing."""
    x, source, W_q, W_k, W_v, W_o = draw_cross(draw, (), 3, 4, 4)
    k, v, mask = split_by_loops(source @ W_k, 2), split_by_loops(source @ W_v, 2), one_hidden_one_closed(3, 4)

    def crossed(x, k, v, W_q, W_o, mask):
        return read(x, k, v, {"cross": (W_q, W_o)}, mask)

    gradients_agree(candidate, draw, crossed, draw(3, 4), x, k, v, W_q, W_o, mask)
