"""Wrong and unusual answers to the decoder block: known mistakes and accepted styles."""

import numpy as np

from headstart.graders.transformer.decoder import decoder_block
from headstart.graders.transformer.witness import block_of_three, exchange, norm, read, step, think


@decoder_block.mutant("a decoder block whose self-attention is not causal: it reads the answer it should predict")
def sees_the_future(*args, **kwargs):
    return block_of_three(causal=lambda T: np.ones((T, T), dtype=bool))(*args, **kwargs)


@decoder_block.mutant("a decoder block whose causal mask is off by one: every token sees the next one too")
def sees_the_next_token(*args, **kwargs):
    return block_of_three(causal=lambda T: np.tri(T, k=1, dtype=bool))(*args, **kwargs)


@decoder_block.mutant("a decoder block whose causal mask hides the token itself: tril(-1)")
def hides_itself(*args, **kwargs):
    return block_of_three(causal=lambda T: np.tri(T, k=-1, dtype=bool))(*args, **kwargs)


@decoder_block.mutant(
    "a decoder block without its own self-attention: cross-attention and feed-forward alone (document 004)"
)
def without_self_attention(*args, **kwargs):
    return block_of_three(arrange=lambda s: s[1:])(*args, **kwargs)


@decoder_block.mutant("an encoder block: the decoder never reads from the source")
def without_cross_attention(*args, **kwargs):
    return block_of_three(arrange=lambda s: [s[0], s[2]])(*args, **kwargs)


@decoder_block.mutant("a decoder block with cross-attention before self-attention")
def reads_first(*args, **kwargs):
    return block_of_three(arrange=lambda s: [s[1], s[0], s[2]])(*args, **kwargs)


@decoder_block.mutant("a decoder block that ignores the source's padding")
def decoder_reads_padding(*args, **kwargs):
    return block_of_three(reading=lambda y, k, v, weights, mask: read(y, k, v, weights))(*args, **kwargs)


@decoder_block.mutant("a decoder block with a causal mask on the source as well")
def causal_on_the_source(*args, **kwargs):
    def reading(y, k, v, weights, mask):
        causal = np.tri(y.shape[-2], k.shape[-2], dtype=bool)
        return read(y, k, v, weights, causal if mask is None else mask & causal)

    return block_of_three(reading=reading)(*args, **kwargs)


@decoder_block.mutant("a decoder block with pre-norm and post-norm mixed up")
def decoder_pre_and_post_mixed_up(*args, **kwargs):
    return block_of_three(lambda x, f, n, first: step(x, f, n, not first))(*args, **kwargs)


@decoder_block.mutant("a decoder block without residual connections")
def decoder_without_residuals(*args, **kwargs):
    return block_of_three(lambda x, f, n, first: f(norm(x, *n)) if first else norm(f(x), *n))(*args, **kwargs)


@decoder_block.mutant("a decoder block whose norms are used in another order: norm_2 for the feed-forward network")
def norms_exchanged(*args, **kwargs):
    return block_of_three(arrange=lambda s: [s[0], (s[1][0], s[2][1]), (s[2][0], s[1][1])])(*args, **kwargs)


@decoder_block.mutant("a decoder block that concatenates its result with its input instead of adding (document 004)")
def decoder_concatenates(x, *args, **kwargs):
    return np.concatenate([x, block_of_three()(x, *args, **kwargs)], axis=-1)


@decoder_block.mutant("a decoder block that passes its mask on in pre-norm alone")
def source_mask_in_pre_norm_alone(x, k, v, weights, mask=None, norm_first=True):
    return block_of_three()(x, k, v, weights, mask if norm_first else None, norm_first)


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
    return block_of_three()(*(a.astype(np.float32) for a in (x, k, v)), weights, mask, norm_first)
