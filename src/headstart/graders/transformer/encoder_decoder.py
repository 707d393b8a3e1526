"""The encoder-decoder: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.transformer.decoder_only import NEEDS
from headstart.graders.transformer.encoder import LIBRARY
from headstart.graders.transformer.gradients import gradients_agree
from headstart.graders.transformer.whole import (
    PLACES,
    VOCABULARY,
    causal_of,
    draw_pair,
    draw_tokens,
    pair_by_loops,
    pair_of,
)
from headstart.graders.transformer.witness import encode_with

encoder_decoder = exercise(
    "encoder_decoder",
    "models",
    chapter="transformer",
    needs=(*NEEDS, "split_heads", "cross_attention", "decoder_block"),
    bans=LIBRARY,
)


@encoder_decoder.law
def translated_by_the_definition(candidate, draw):
    """Encoder, its norm, causal decoder that reads the memory in every block, its norm, scores, for every shape."""
    shapes = ((2,), 4, 3, 6, 3, 2), ((), 2, PLACES, 4, 1, 1), ((1,), 2, 2, 4, 2, 3), ((2, 2), 2, 1, 6, 2, 1)
    for lead, T_k, T_q, d_model, H, num_layers in shapes:
        source, target = draw_tokens(draw, *lead, T_k), draw_tokens(draw, *lead, T_q)
        weights = draw_pair(draw, d_model, num_layers=num_layers)
        agree(candidate(source, target, weights, H), pair_by_loops(source, target, weights, H), "the scores")


@encoder_decoder.law
def source_padding_is_never_read(candidate, draw):
    """Padding, wherever it stands, is hidden in the encoder and from the decoder: what fills it changes nothing."""
    source, target, weights = draw_tokens(draw, 4, 3), draw_tokens(draw, 4, 3), draw_pair(draw, 4)
    real = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
    other = np.where(real, source, (source + 1) % VOCABULARY)
    want = pair_by_loops(source, target, weights, 2, real)
    agree(candidate(source, target, weights, 2, real), want, "the scores with padding")
    agree(candidate(other, target, weights, 2, real), want, "the scores with other tokens as padding")
    agree(candidate(other[1], target[1], weights, 2, real[1]), want[1], "the scores of one sentence with padding")
    pairs = [array.reshape(2, 2, *array.shape[1:]) for array in (source, target, real, want)]
    got = candidate(*pairs[:2], weights, 2, pairs[2])
    agree(got, pairs[3], "the scores of two times two sentences with padding")


@encoder_decoder.law
def target_is_causal_source_is_not(candidate, draw):
    """A later target token moves no earlier row; the last source token moves every row."""
    source, target, weights = draw_tokens(draw, 2, 3), draw_tokens(draw, 2, 4), draw_pair(draw, 4, num_layers=1)
    later, turned = target.copy(), source.copy()
    later[:, 2] = (later[:, 2] + 1) % VOCABULARY
    turned[:, -1] = (turned[:, -1] + 1) % VOCABULARY
    before = np.asarray(candidate(source, target, weights, 2))
    agree(np.asarray(candidate(source, later, weights, 2))[:, :2], before[:, :2], "the scores before the change")
    change = np.abs(np.asarray(candidate(turned, target, weights, 2)) - before).max(axis=-1)
    expect((change > 1e-6).all(), "a row of scores does not depend on the last source token")


@encoder_decoder.law(wings=("in_torch",))
def gradients_reach_the_source(candidate, draw):
    """Every weight gets its gradient, those of the encoder through the decoder, also beside an empty source."""
    source, target, g = draw_tokens(draw, 2, 4), draw_tokens(draw, 2, 3), draw(2, 3, VOCABULARY)
    real = np.array([[False, True, True, False], [False] * 4])
    gradients_agree(candidate, draw, pair_of(), g, source, target, draw_pair(draw, 4, 6, 1), 2, real)


@encoder_decoder.mutant("an encoder-decoder whose encoder is causal: a source token does not see those after it")
def causal_encoder(*args):
    def encoding(x, block, H, mask):
        causal = causal_of(x.shape[-2])
        return encode_with(x, block, H, causal if mask is None else mask & causal)

    return pair_of(encoding=encoding)(*args)


@encoder_decoder.mutant("an encoder-decoder whose decoder is not causal: it reads the answer it should write")
def open_decoder(*args):
    return pair_of(causal=lambda T: None)(*args)


@encoder_decoder.mutant(
    "an encoder-decoder that hides the padding from the decoder alone: the encoder still mixes it in"
)
def padding_in_the_encoder(*args):
    return pair_of(hide=("decoder",))(*args)


@encoder_decoder.mutant("an encoder-decoder that hides the padding in the encoder alone: the decoder still reads it")
def padding_in_the_decoder(*args):
    return pair_of(hide=("encoder",))(*args)


@encoder_decoder.mutant("an encoder-decoder that ignores padding altogether")
def padding_everywhere(*args):
    return pair_of(hide=())(*args)


@encoder_decoder.mutant("an encoder-decoder without the norm after the encoder")
def memory_without_norm(*args):
    return pair_of(last=lambda x, gain, bias: x)(*args)


@encoder_decoder.mutant("an encoder-decoder whose decoder blocks all read with the first block's W_k and W_v")
def one_source_projection(*args):
    return pair_of(heads=lambda blocks: blocks[0])(*args)


@encoder_decoder.mutant("an encoder-decoder whose decoder reads the first encoder block's output, not the last one's")
def reads_too_early(*args):
    return pair_of(ready=lambda blocks: blocks[:1])(*args)


@encoder_decoder.style
def with_a_full_mask(source, target, weights, num_heads, real=None):
    """An all-True mask where none is given."""
    real = np.ones(source.shape, dtype=bool) if real is None else real
    return pair_of()(source, target, weights, num_heads, real)


@encoder_decoder.style
def target_step_by_step(source, target, weights, num_heads, real=None):
    """The decoder run once a prefix, as when generating."""
    prefixes = [target[..., : t + 1] for t in range(target.shape[-1])]
    rows = [pair_of()(source, prefix, weights, num_heads, real)[..., -1, :] for prefix in prefixes]
    return np.stack(rows, axis=-2)
