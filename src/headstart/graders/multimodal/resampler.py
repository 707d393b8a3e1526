"""The resampler: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import FUSED, ROUGH, by_loops, lifted, lifting, plain_softmax, scores_of
from headstart.graders.kit import agree, exercise

NEEDS = ("softmax", "attention_weights", "scaled_dot_product_attention")

resample = exercise("resample", "multimodal", wings=("in_numpy",), needs=NEEDS, bans=FUSED)

SHAPES = [((2,), 5, 3, 4, 2), ((), 7, 2, 3, 5), ((1,), 2, 4, 4, 4), ((2, 3), 1, 1, 2, 3)]  # lead, T, M, d_model, d_head


def draw_resampler(draw, lead, T, M, d_model, d_head):
    """Tokens, latents and the three matrices."""
    return (
        draw(*lead, T, d_model), draw(M, d_model), draw(d_model, d_head), draw(d_model, d_head),
        draw(d_model, d_model) / 2,
    )  # fmt: skip


def one_at_a_time(x, latents, W_q, W_k, W_v, mask=None):
    """Each sequence alone, its padding cut out before anything is computed."""
    lead, T = x.shape[:-2], x.shape[-2]
    real = np.broadcast_to(True if mask is None else mask, (*lead, T))
    out = np.zeros((*lead, *latents.shape))
    for at in np.ndindex(*lead):
        tokens = np.concatenate([x[at][real[at]], latents])
        out[at] = latents + by_loops(latents @ W_q, tokens @ W_k, tokens @ W_v)
    return out


@resample.law
def latents_read_tokens_and_each_other(candidate, draw):
    """M latents come back, each with what it read from the tokens and from the latents, for every shape."""
    for shape in SHAPES:
        arrays = draw_resampler(draw, *shape)
        agree(candidate(*arrays), one_at_a_time(*arrays))


@resample.law
def padding_is_as_if_cut_off(candidate, draw):
    """Tokens that are not real leave no trace; a sequence without any real token gives what the latents alone give."""
    for shape in SHAPES:
        arrays, mask = draw_resampler(draw, *shape), draw.rng.random((*shape[0], shape[1])) < 0.6
        agree(candidate(*arrays, mask), one_at_a_time(*arrays, mask), f"the output under a mask {mask.shape}")
    arrays = draw_resampler(draw, *SHAPES[0])
    for mask in (draw.mask(5), np.array([[True], [False]]), np.zeros((2, 5), dtype=bool)):
        agree(candidate(*arrays, mask), one_at_a_time(*arrays, mask), f"the output under a mask {mask.shape}")
    wild = arrays[0].copy()
    wild[:, 3:] = 1e3
    want = one_at_a_time(*arrays, np.arange(5) < 3)
    agree(candidate(wild, *arrays[1:], np.arange(5) < 3), want, "the output with other padding")


@resample.law
def order_does_not_matter(candidate, draw):
    """Shuffling the tokens changes nothing, and shuffling the latents shuffles the rows of the answer."""
    x, latents, *matrices = draw_resampler(draw, *SHAPES[1])
    want = one_at_a_time(x, latents, *matrices)
    agree(candidate(x[draw.rng.permutation(7)], latents, *matrices), want, "the output for shuffled tokens")
    agree(candidate(x, latents[::-1].copy(), *matrices), want[::-1], "the output for latents in reverse order")


@resample.law
def resampling_stands_large_scores(candidate, draw):
    """Scores in the thousands overflow nothing, and padding that fits best leaves no trace."""
    x, latents, W_q, W_k, W_v = draw_resampler(draw, (), 5, 3, 4, 2)
    x, latents = lifted(x), lifted(latents)
    latents[:, -1] = 60.0
    arrays = x, latents, lifting(W_q), -lifting(W_k), W_v  # tokens unlike the latents fit best
    for mask in (None, x[:, -1] > 0):
        agree(candidate(*arrays, mask), one_at_a_time(*arrays, mask), **ROUGH)


@resample.law
def sequences_do_not_meet(candidate, draw):
    """Each sequence of a batch is resampled as it would be alone."""
    x, *others = draw_resampler(draw, *SHAPES[0])
    agree(np.asarray(candidate(x, *others))[1], one_at_a_time(x[1], *others), "the output of the second sequence")


def resampled(x, latents, W_q, W_k, W_v, mask=None, keys="both", scale=None, residual=True):
    """The resampler with its parts to be changed: what the mistakes are made of."""
    lead, M = x.shape[:-2], len(latents)
    learned = np.broadcast_to(latents, (*lead, *latents.shape))
    tokens = x if keys == "x" else np.concatenate([x, learned], axis=-2)
    if mask is not None:
        real = np.broadcast_to(mask, x.shape[:-1])
        mask = real if keys == "x" else np.concatenate([real, np.ones((*lead, M), bool)], axis=-1)
        mask = mask[..., None, :]
    read = plain_softmax(scores_of(latents @ W_q, tokens @ W_k, mask, scale)) @ (tokens @ W_v)
    return learned + read if residual else read


@resample.mutant("latents that read the tokens and not each other: keys and values were made of x alone")
def tokens_alone(x, latents, W_q, W_k, W_v, mask=None):
    return resampled(x, latents, W_q, W_k, W_v, mask, keys="x")


@resample.mutant("what the latents read, without the latents added")
def latents_not_added(x, latents, W_q, W_k, W_v, mask=None):
    return resampled(x, latents, W_q, W_k, W_v, mask, residual=False)


@resample.mutant("a resampler that ignores the mask: padding is read like an image")
def padding_is_read(x, latents, W_q, W_k, W_v, mask=None):
    return resampled(x, latents, W_q, W_k, W_v)


@resample.mutant("a resampler without the 1/√d_head factor")
def resampled_unscaled(x, latents, W_q, W_k, W_v, mask=None):
    return resampled(x, latents, W_q, W_k, W_v, mask, scale=1.0)


@resample.mutant("a resampler with the mask inverted: True read as padding")
def padding_and_tokens_exchanged(x, latents, W_q, W_k, W_v, mask=None):
    return resampled(x, latents, W_q, W_k, W_v, None if mask is None else ~mask)


@resample.mutant("a resampler in which padding is set to zero but still attended to")
def padding_set_to_zero(x, latents, W_q, W_k, W_v, mask=None):
    x = x if mask is None else np.where(np.broadcast_to(mask, x.shape[:-1])[..., None], x, 0.0)
    return resampled(x, latents, W_q, W_k, W_v)


@resample.mutant("latents that were not projected to queries: W_q is missing and W_k stands twice")
def queries_by_W_k(x, latents, W_q, W_k, W_v, mask=None):
    return resampled(x, latents, W_k, W_k, W_v, mask)


@resample.style
def two_sums(x, latents, W_q, W_k, W_v, mask=None):
    """Tokens and latents scored apart, one softmax over both."""
    q = latents @ W_q / np.sqrt(W_q.shape[1])
    outside = np.einsum("md,...td->...mt", q, x @ W_k)
    if mask is not None:
        outside = np.where(mask[..., None, :], outside, -np.inf)
    inside = np.broadcast_to(q @ (latents @ W_k).T, (*outside.shape[:-1], len(latents)))
    weights = plain_softmax(np.concatenate([outside, inside], axis=-1))
    T = x.shape[-2]
    return latents + weights[..., :T] @ (x @ W_v) + weights[..., T:] @ (latents @ W_v)


@resample.style
def resampled_in_loops(x, latents, W_q, W_k, W_v, mask=None):
    """One sequence after the other, in float32."""
    x, latents, W_q, W_k, W_v = (a.astype(np.float32) for a in (x, latents, W_q, W_k, W_v))
    return one_at_a_time(x, latents, W_q, W_k, W_v, mask)
