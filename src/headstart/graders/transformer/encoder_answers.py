"""Wrong and unusual answers to the encoder block: known mistakes and accepted styles."""

import numpy as np

from headstart.graders.transformer.encoder import encoder_block
from headstart.graders.transformer.witness import exchange, norm, step, think


def block_of(residual, arrange=lambda sublayers: sublayers):
    """An encoder block around a (wrong) residual step, its sub-layers (wrongly) arranged."""

    def block(x, weights, num_heads, mask=None, norm_first=True):
        sublayers = [
            (lambda y: exchange(y, weights, num_heads, mask), weights["norm_1"]),
            (lambda y: think(y, weights), weights["norm_2"]),
        ]
        for sublayer, norm_weights in arrange(sublayers):
            x = residual(x, sublayer, norm_weights, norm_first)
        return x

    return block


@encoder_block.mutant("a block with pre-norm and post-norm mixed up: norm_first is read the wrong way round")
def pre_and_post_mixed_up(*args, **kwargs):
    return block_of(lambda x, f, n, first: step(x, f, n, not first))(*args, **kwargs)


@encoder_block.mutant("a block that ignores norm_first and is always post-norm")
def always_post_norm(*args, **kwargs):
    return block_of(lambda x, f, n, first: step(x, f, n, False))(*args, **kwargs)


@encoder_block.mutant("a block that ignores norm_first and is always pre-norm")
def always_pre_norm(*args, **kwargs):
    return block_of(lambda x, f, n, first: step(x, f, n, True))(*args, **kwargs)


@encoder_block.mutant("a block whose residual starts after the norm: norm(x) + sublayer(norm(x))")
def residual_after_the_norm(*args, **kwargs):
    def residual(x, f, n, first):
        return norm(x, *n) + f(norm(x, *n)) if first else step(x, f, n, first)

    return block_of(residual)(*args, **kwargs)


@encoder_block.mutant("a block that norms the sub-layer's output alone, before the sum: x + norm(sublayer(x))")
def norm_inside_the_branch(*args, **kwargs):
    return block_of(lambda x, f, n, first: step(x, f, n, first) if first else x + norm(f(x), *n))(*args, **kwargs)


@encoder_block.mutant("a block without residual connections")
def without_residuals(*args, **kwargs):
    return block_of(lambda x, f, n, first: f(norm(x, *n)) if first else norm(f(x), *n))(*args, **kwargs)


@encoder_block.mutant("a block without its first residual: attention replaces x instead of being added (document 004)")
def first_residual_missing(x, weights, num_heads, mask=None, norm_first=True):
    y = norm(x, *weights["norm_1"]) if norm_first else x
    x = exchange(y, weights, num_heads, mask)
    x = x if norm_first else norm(x, *weights["norm_1"])
    return step(x, lambda y: think(y, weights), weights["norm_2"], norm_first)


@encoder_block.mutant(
    "a block that concatenates the feed-forward output to its input instead of adding it (document 004)"
)
def concatenated(x, weights, num_heads, mask=None, norm_first=True):
    x = step(x, lambda y: exchange(y, weights, num_heads, mask), weights["norm_1"], norm_first)
    y = norm(x, *weights["norm_2"]) if norm_first else x
    return np.concatenate([x, think(y, weights)], axis=-1)


@encoder_block.mutant("a block without norms")
def without_norms(*args, **kwargs):
    return block_of(lambda x, f, n, first: x + f(x))(*args, **kwargs)


@encoder_block.mutant("a block that uses norm_1 for both sub-layers")
def one_norm_for_both(*args, **kwargs):
    return block_of(step, lambda s: [s[0], (s[1][0], s[0][1])])(*args, **kwargs)


@encoder_block.mutant("a block with the feed-forward network first and attention second")
def thinks_first(*args, **kwargs):
    return block_of(step, lambda s: s[::-1])(*args, **kwargs)


@encoder_block.mutant(
    "a parallel block: both sub-layers read the same x, instead of the second reading the first's result"
)
def in_parallel(x, weights, num_heads, mask=None, norm_first=True):
    if not norm_first:
        return block_of(step)(x, weights, num_heads, mask, norm_first)
    mixed = exchange(norm(x, *weights["norm_1"]), weights, num_heads, mask)
    return x + mixed + think(norm(x, *weights["norm_2"]), weights)


@encoder_block.mutant("a block that ignores its mask")
def block_without_mask(x, weights, num_heads, mask=None, norm_first=True):
    return block_of(step)(x, weights, num_heads, None, norm_first)


@encoder_block.mutant("a block that passes its mask on in pre-norm alone")
def mask_in_pre_norm_alone(x, weights, num_heads, mask=None, norm_first=True):
    return block_of(step)(x, weights, num_heads, mask if norm_first else None, norm_first)


@encoder_block.style
def written_out(x, weights, num_heads, mask=None, norm_first=True):
    """No helper, two branches."""
    if norm_first:
        x = x + exchange(norm(x, *weights["norm_1"]), weights, num_heads, mask)
        return x + think(norm(x, *weights["norm_2"]), weights)
    x = norm(x + exchange(x, weights, num_heads, mask), *weights["norm_1"])
    return norm(x + think(x, weights), *weights["norm_2"])


@encoder_block.style
def block_in_float32(x, weights, num_heads, mask=None, norm_first=True):
    """float32 throughout."""
    weights = {name: tuple(w.astype(np.float32) for w in group) for name, group in weights.items()}
    return written_out(x.astype(np.float32), weights, num_heads, mask, norm_first)
