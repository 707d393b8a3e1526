"""The decoder block: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import agree, exercise
from headstart.graders.transformer.encoder import LIBRARY
from headstart.graders.transformer.witness import (
    decoder_by_loops,
    draw_block,
    exchange,
    heads_of,
    norm,
    read,
    step,
    think,
)

decoder_block = exercise(
    "decoder_block",
    "transformer",
    needs=("layer_norm", "feed_forward", "multi_head_attention", "cross_attention"),
    bans=LIBRARY,
)

SHAPES = [((2,), 4, 5, 6, 8, 3), ((), 3, 2, 8, 3, 2), ((1,), 5, 5, 4, 6, 1), ((2, 2), 1, 3, 6, 4, 2)]


@decoder_block.law
def three_steps_in_their_order(candidate, draw):
    """Causal self-attention, cross-attention, feed-forward, each with its norm and residual: pre-norm and post-norm."""
    for lead, T_q, T_k, d_model, d_ff, H in SHAPES:
        x, source, weights = draw(*lead, T_q, d_model), draw(*lead, T_k, d_model), draw_block(draw, d_model, d_ff, 3)
        k, v = heads_of(source, weights, H)
        agree(candidate(x, k, v, weights), decoder_by_loops(x, source, weights, H), "the output (pre-norm by default)")
        for norm_first in (True, False):
            want = decoder_by_loops(x, source, weights, H, None, norm_first)
            got = candidate(x, k, v, weights, norm_first=norm_first)
            agree(got, want, f"the output with norm_first={norm_first}")


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
    x, source, weights = draw(3, 4, 6), draw(3, 4, 6), draw_block(draw, 6, 5, 3)
    k, v = heads_of(source, weights, 2)
    nothing = draw.mask(3, 1, 4)
    nothing[1] = False
    for mask in (draw.mask(3, 1, 4), draw.mask(3, 4, 4), draw.mask(4, 4), nothing):
        want = decoder_by_loops(x, source, weights, 2, mask)
        agree(candidate(x, k, v, weights, mask), want, f"the output under a mask {mask.shape}")


@decoder_block.law(wings=("in_torch",))
def decoder_passes_gradients(candidate, draw):
    """x gets its gradient through all three sub-layers, the source's keys and values get theirs."""
    x, source, weights, g = draw(3, 4), draw(2, 4), draw_block(draw, 4, 3, 3), draw(3, 4)
    k, v = heads_of(source, weights, 2)
    wanted = slopes(lambda *xkv: _right(*xkv, weights), g, x, k, v)
    for got, want in zip(candidate.gradients(g, x, k, v, weights)[:3], wanted, strict=True):
        agree(got, want, "the gradient")


def block_of(residual=step, arrange=lambda s: s, causal=lambda T: np.tri(T, dtype=bool), reading=read):
    """A decoder block around a (wrong) residual step, order of sub-layers, mask or cross-attention."""

    def block(x, k, v, weights, mask=None, norm_first=True):
        sublayers = [
            (lambda y: exchange(y, weights, k.shape[-3], causal(y.shape[-2])), weights["norm_1"]),
            (lambda y: reading(y, k, v, weights, mask), weights["norm_2"]),
            (lambda y: think(y, weights), weights["norm_3"]),
        ]
        for sublayer, norm_weights in arrange(sublayers):
            x = residual(x, sublayer, norm_weights, norm_first)
        return x

    return block


_right = block_of()


@decoder_block.mutant("a decoder block whose self-attention is not causal: it reads the answer it should predict")
def sees_the_future(*args, **kwargs):
    return block_of(causal=lambda T: np.ones((T, T), dtype=bool))(*args, **kwargs)


@decoder_block.mutant("a decoder block whose causal mask is off by one: every token sees the next one too")
def sees_the_next_token(*args, **kwargs):
    return block_of(causal=lambda T: np.tri(T, k=1, dtype=bool))(*args, **kwargs)


@decoder_block.mutant("a decoder block whose causal mask hides the token itself: tril(-1)")
def hides_itself(*args, **kwargs):
    return block_of(causal=lambda T: np.tri(T, k=-1, dtype=bool))(*args, **kwargs)


@decoder_block.mutant(
    "a decoder block without its own self-attention: cross-attention and feed-forward alone (document 004)"
)
def without_self_attention(*args, **kwargs):
    return block_of(arrange=lambda s: s[1:])(*args, **kwargs)


@decoder_block.mutant("an encoder block: the decoder never reads from the source")
def without_cross_attention(*args, **kwargs):
    return block_of(arrange=lambda s: [s[0], s[2]])(*args, **kwargs)


@decoder_block.mutant("a decoder block with cross-attention before self-attention")
def reads_first(*args, **kwargs):
    return block_of(arrange=lambda s: [s[1], s[0], s[2]])(*args, **kwargs)


@decoder_block.mutant("a decoder block that ignores the source's padding")
def decoder_reads_padding(*args, **kwargs):
    return block_of(reading=lambda y, k, v, weights, mask: read(y, k, v, weights))(*args, **kwargs)


@decoder_block.mutant("a decoder block with a causal mask on the source as well")
def causal_on_the_source(*args, **kwargs):
    def reading(y, k, v, weights, mask):
        causal = np.tri(y.shape[-2], k.shape[-2], dtype=bool)
        return read(y, k, v, weights, causal if mask is None else mask & causal)

    return block_of(reading=reading)(*args, **kwargs)


@decoder_block.mutant("a decoder block with pre-norm and post-norm mixed up")
def decoder_pre_and_post_mixed_up(*args, **kwargs):
    return block_of(lambda x, f, n, first: step(x, f, n, not first))(*args, **kwargs)


@decoder_block.mutant("a decoder block without residual connections")
def decoder_without_residuals(*args, **kwargs):
    return block_of(lambda x, f, n, first: f(norm(x, *n)) if first else norm(f(x), *n))(*args, **kwargs)


@decoder_block.mutant("a decoder block whose norms are used in another order: norm_2 for the feed-forward network")
def norms_exchanged(*args, **kwargs):
    return block_of(arrange=lambda s: [s[0], (s[1][0], s[2][1]), (s[2][0], s[1][1])])(*args, **kwargs)


@decoder_block.mutant("a decoder block that concatenates its result with its input instead of adding (document 004)")
def decoder_concatenates(x, *args, **kwargs):
    return np.concatenate([x, _right(x, *args, **kwargs)], axis=-1)


@decoder_block.style
def decoder_written_out(x, k, v, weights, mask=None, norm_first=True):
    """No helper, two branches, the causal mask from indices."""
    place = np.arange(x.shape[-2])
    causal, H = place[:, None] >= place, k.shape[-3]
    if norm_first:
        x = x + exchange(norm(x, *weights["norm_1"]), weights, H, causal)
        x = x + read(norm(x, *weights["norm_2"]), k, v, weights, mask)
        return x + think(norm(x, *weights["norm_3"]), weights)
    x = norm(x + exchange(x, weights, H, causal), *weights["norm_1"])
    x = norm(x + read(x, k, v, weights, mask), *weights["norm_2"])
    return norm(x + think(x, weights), *weights["norm_3"])


@decoder_block.style
def decoder_in_float32(x, k, v, weights, mask=None, norm_first=True):
    """float32 throughout."""
    weights = {name: tuple(w.astype(np.float32) for w in group) for name, group in weights.items()}
    return _right(*(a.astype(np.float32) for a in (x, k, v)), weights, mask, norm_first)
