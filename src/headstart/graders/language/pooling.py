"""Pooling without padding, by a mean and by a learned query: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, slopes, softmax_by_loops
from headstart.graders.kit import again, agree, exercise

masked_mean = exercise("masked_mean", "pooling", chapter="language")
attention_pool = exercise("attention_pool", "pooling", chapter="language", needs=("softmax",))

SHAPES = (((), 4, 3), ((1,), 5, 2), ((2, 3), 3, 4), ((3,), 1, 2))


def draw_texts(draw, lead, T, d):
    """Vectors of tokens, and lengths as a mask: the last text of several is empty."""
    lengths = draw.rng.integers(1, T + 1, size=lead)
    if lead and lead != (1,):
        lengths[(-1,) * len(lead)] = 0
    return draw(*lead, T, d), np.arange(T) < np.asarray(lengths)[..., None]


def mean_by_loops(x, real):
    """Add up the real tokens of each text and divide by their number."""
    out = np.zeros((*x.shape[:-2], x.shape[-1]))
    for at in np.ndindex(x.shape[:-2]):
        tokens = [x[at][t] for t in range(x.shape[-2]) if real[at][t]]
        out[at] = sum(tokens) / len(tokens) if tokens else 0.0
    return out


def pool_by_loops(x, query, real):
    """Weigh the real tokens of each text by the softmax of their scores."""
    out = np.zeros((*x.shape[:-2], x.shape[-1]))
    for at in np.ndindex(x.shape[:-2]):
        scores = [float(token @ query) / len(query) ** 0.5 for token in x[at]]
        weights = softmax_by_loops([s if ok else -np.inf for s, ok in zip(scores, real[at], strict=True)])
        out[at] = sum(w * token for w, token in zip(weights, x[at], strict=True))
    return out


def gaps(draw, T=6):
    """A mask with holes in it, one for each of three texts."""
    return draw.mask(3, T)


@masked_mean.law
def the_mean_of_the_real_tokens(candidate, draw):
    """The mean goes over the real tokens alone, for every shape; a text without real tokens gives zeros."""
    for shape in again(*SHAPES):
        x, real = draw_texts(draw, *shape)
        agree(candidate(x, real), mean_by_loops(x, real), f"x {x.shape}: the mean")
    x, real = draw(3, 6, 2), gaps(draw)
    agree(candidate(x, real), mean_by_loops(x, real), "padding in the middle: the mean")


@masked_mean.law
def more_padding_changes_nothing(candidate, draw):
    """A text gets the same vector alone and in a batch with longer ones."""
    x = draw(2, 3, 4)
    padded = np.concatenate([x, draw(2, 4, 4) + 3.0], axis=1)
    want = mean_by_loops(x, np.ones((2, 3), dtype=bool))
    agree(candidate(padded, np.tile(np.arange(7) < 3, (2, 1))), want, "four places of padding added: the mean")


@masked_mean.law
def rubbish_in_the_padding(candidate, draw):
    """What stands in the padding may be anything: large numbers, infinity, NaN."""
    x, real = draw(3, 4, 2), np.array([[True] * 4, [True, True, False, False], [False] * 4])
    want = mean_by_loops(x, real)
    for rubbish in (1e6, np.inf, np.nan):
        agree(candidate(np.where(real[..., None], x, rubbish), real), want, f"padding filled with {rubbish}: the mean")


@masked_mean.law
def one_mask_for_all(candidate, draw):
    """A mask (T,), or one with axes of size 1, serves every text."""
    x, real = draw(2, 3, 5, 2), np.arange(5) < 3
    want = mean_by_loops(x, np.broadcast_to(real, (2, 3, 5)))
    agree(candidate(x, real), want, "one mask (T,): the mean")
    agree(candidate(x, real[None]), want, "one mask (1, T): the mean")
    agree(candidate(x, np.array([False])), np.zeros((2, 3, 2)), "nothing real in any text: the mean")


@masked_mean.law(wings=("in_torch",))
def the_real_tokens_get_gradients(candidate, draw):
    """Every real token gets 1/n of the gradient; padding gets none, and no NaN where nothing is real."""
    x, real, g = draw(3, 4, 2), gaps(draw, 4), draw(3, 2)
    real[2] = False
    (want,) = slopes(lambda x: mean_by_loops(x, real), g, x)
    agree(candidate.gradients(g, x, real)[0], want, "the gradient for x")


@masked_mean.mutant("the mean over all places, padding included: the mask is not used")
def mean_of_everything(x, real):
    return x.mean(axis=-2)


@masked_mean.mutant("the sum of the real tokens divided by T: short texts get short vectors")
def divided_by_T(x, real):
    return np.where(real[..., None], x, 0.0).mean(axis=-2)


@masked_mean.mutant("the sum of the real tokens, not their mean")
def sum_of_the_real(x, real):
    return np.where(real[..., None], x, 0.0).sum(axis=-2)


@masked_mean.mutant("the mean of the padding: the mask is inverted")
def mean_of_the_padding(x, real):
    return mean_by_loops(x, np.broadcast_to(~real, x.shape[:-1]))


@masked_mean.mutant("the first token's vector: CLS pooling, not the mean")
def the_first_token(x, real):
    return np.where(real.any(axis=-1)[..., None], x[..., 0, :], 0.0)


@masked_mean.mutant("the maximum of the real tokens in every feature, not their mean")
def maximum_of_the_real(x, real):
    top = np.where(real[..., None], x, -np.inf).max(axis=-2)
    return np.where(np.isfinite(top), top, 0.0)


@masked_mean.mutant("the mean over real tokens, but NaN for a text without any: 0 / 0")
def nothing_divided_by_nothing(x, real):
    with np.errstate(invalid="ignore"):
        return np.where(real[..., None], x, 0.0).sum(axis=-2) / np.asarray(real.sum(axis=-1))[..., None]


@masked_mean.mutant("the mean over real tokens with padding multiplied by zero: 0 · NaN is NaN and comes through")
def padding_times_zero(x, real):
    with np.errstate(invalid="ignore"):
        return (x * real[..., None]).sum(axis=-2) / np.maximum(np.asarray(real.sum(axis=-1))[..., None], 1)


@masked_mean.style
def by_a_product(x, real):
    """Weights 1/n as a row vector, times the tokens."""
    real = np.broadcast_to(real, x.shape[:-1])
    weights = real / np.maximum(real.sum(axis=-1, keepdims=True), 1)
    return np.einsum("...t,...td->...d", weights, np.where(real[..., None], x, 0.0))


@masked_mean.style
def by_masked_arrays(x, real):
    """NumPy's masked arrays, in half the precision."""
    hidden = np.broadcast_to(~real[..., None], x.shape)
    return np.ma.masked_array(x.astype(np.float32), hidden).mean(axis=-2).filled(0.0)


@attention_pool.law
def weights_by_the_query(candidate, draw):
    """The weights are the softmax of x·query/√d over the real tokens, for every shape; no real token gives zeros."""
    for lead, T, d in SHAPES:
        x, real = draw_texts(draw, lead, T, d)
        query = draw(d, scale=2.0)
        agree(candidate(x, query, real), pool_by_loops(x, query, real), f"x {x.shape}: the result")


@attention_pool.law
def a_query_of_zeros_gives_the_mean(candidate, draw):
    """A query of zeros gives the mean of the real tokens."""
    x, real = draw(3, 6, 4), gaps(draw)
    agree(candidate(x, np.zeros(4), real), mean_by_loops(x, real), "query of zeros: the result")


@attention_pool.law
def no_padding_leaks_in(candidate, draw):
    """Tokens in the padding change nothing, even those that the query likes best."""
    x, real, query = draw(3, 6, 4), gaps(draw), draw(4)
    want = pool_by_loops(x, query, real)
    for liked in (5.0, -5.0, 1000.0):
        padded = np.where(real[..., None], x, liked * query)
        agree(candidate(padded, query, real), want, f"{liked:g} · query in the padding: the result")


@attention_pool.law
def scores_far_from_zero(candidate, draw):
    """Scores near -2000 or 2000 neither overflow nor vanish; the best real token gets nearly all."""
    x, query = np.round(8 * draw(2, 4, 4)) / 8, np.full(4, 64.0)
    x[0, :, 0] += 60.0
    x[1, :, 0] -= 60.0
    real = np.array([[True, True, True, False], [False, True, True, True]])
    agree(candidate(x, query, real), pool_by_loops(x, query, real), "large scores: the result", rtol=2e-3, atol=2e-3)


@attention_pool.law
def one_mask_serves_all(candidate, draw):
    """A mask (T,), or one with axes of size 1, serves every text."""
    x, real, query = draw(2, 3, 5, 2), np.arange(5) < 3, draw(2)
    want = pool_by_loops(x, query, np.broadcast_to(real, (2, 3, 5)))
    agree(candidate(x, query, real), want, "one mask (T,): the result")
    agree(candidate(x, query, real[None]), want, "one mask (1, T): the result")
    agree(candidate(x, query, np.array([False])), np.zeros((2, 3, 2)), "nothing real in any text: the result")


@attention_pool.law(wings=("in_torch",))
def tokens_and_query_get_gradients(candidate, draw):
    """Gradients reach tokens and query, equal to finite differences; a text without real tokens makes no NaN."""
    x, query, real, g = draw(2, 4, 3), draw(3), gaps(draw, 4)[:2], draw(2, 3)
    real[1] = False
    wanted = slopes(lambda x, query: pool_by_loops(x, query, real), g, x, query)
    for got, want, name in zip(candidate.gradients(g, x, query, real), wanted, ("x", "query"), strict=True):
        agree(got, want, f"the gradient for {name}")


def pooled(x, weights):
    """Tokens under weights (..., T)."""
    return (weights[..., None] * x).sum(axis=-2)


def scored(x, query, scale=None):
    """Scores of all tokens."""
    return x @ query / np.sqrt(len(query)) if scale is None else x @ query * scale


@attention_pool.mutant("attention pooling without the 1/√d factor")
def pool_unscaled(x, query, real):
    return pooled(x, plain_softmax(np.where(real, scored(x, query, 1.0), -np.inf)))


@attention_pool.mutant("attention pooling over all places: padding takes part in the softmax")
def pool_everything(x, query, real):
    return pooled(x, plain_softmax(scored(x, query)))


@attention_pool.mutant("attention pooling with the mask inverted: only the padding is read")
def pool_the_padding(x, query, real):
    return pooled(x, plain_softmax(np.where(real, -np.inf, scored(x, query))))


@attention_pool.mutant("attention pooling with padding set to zero after the softmax: the weights do not sum to one")
def pool_not_renormalised(x, query, real):
    return pooled(x, plain_softmax(scored(x, query)) * real)


@attention_pool.mutant("attention pooling with scores multiplied by the mask: a score of zero is not a blocked one")
def pool_zero_scores(x, query, real):
    return pooled(x, plain_softmax(scored(x, query) * real))


@attention_pool.mutant("attention pooling that loses real tokens: the largest score subtracted is that of the padding")
def pool_largest_in_the_padding(x, query, real):
    s = scored(x, query)
    e = np.exp(s - s.max(axis=-1, keepdims=True)) * real
    total = e.sum(axis=-1, keepdims=True)
    return pooled(x, e / np.where(total == 0, 1.0, total))


@attention_pool.mutant("the mean of the real tokens: the query is not used")
def pool_ignores_the_query(x, query, real):
    return pooled(x, plain_softmax(np.where(real, 0.0 * scored(x, query), -np.inf)))


@attention_pool.mutant("the one token with the highest score, not a weighted mean: a hard argmax")
def pool_the_best(x, query, real):
    scores = np.where(real, scored(x, query), -np.inf)
    return pooled(x, (np.arange(x.shape[-2]) == scores.argmax(axis=-1)[..., None]) & real)


@attention_pool.mutant(
    "attention pooling that gives the mean of the padding, not zeros, where no token is real: a finite mask"
)
def pool_finite_mask(x, query, real):
    return pooled(x, plain_softmax(np.where(real, scored(x, query), -1e30)))


@attention_pool.style
def pool_text_by_text(x, query, real):
    """A loop over texts that cuts the padding off."""
    out, real = np.zeros((*x.shape[:-2], x.shape[-1])), np.broadcast_to(real, x.shape[:-1])
    for at in np.ndindex(x.shape[:-2]):
        tokens = x[at][real[at]]
        if len(tokens):
            out[at] = plain_softmax(tokens @ query / len(query) ** 0.5) @ tokens
    return out


@attention_pool.style
def pool_by_einsum(x, query, real):
    """A finite mask, renormalised by hand, in float32."""
    x, query, real = x.astype(np.float32), query.astype(np.float32), np.broadcast_to(real, x.shape[:-1])
    scores = np.where(real, np.einsum("...td,d->...t", x, query) / np.float32(len(query)) ** 0.5, -1e9)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True)) * real
    return np.einsum("...t,...td->...d", e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-9), x)
