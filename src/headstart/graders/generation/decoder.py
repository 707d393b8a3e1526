"""The decoder with a cache: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.generation.cache import cached_with
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.multi_head.heads import merge_by_loops, split_by_loops
from headstart.graders.transformer.encoder import LIBRARY
from headstart.graders.transformer.whole import PLACES, VOCABULARY, draw_gpt, draw_tokens, gpt_by_loops
from headstart.graders.transformer.witness import norm, think

NEEDS = ("layer_norm", "feed_forward", "split_heads", "merge_heads", "cached_attention")

decoder_step = exercise(
    "decoder_step", "generation", chapter="generation", wings=("in_numpy",), needs=NEEDS, bans=LIBRARY
)


def draw_caches(draw, lead, d_model, H, layers=2, T_max=PLACES):
    """Caches of every block, full of rubbish."""
    return [[5.0 * draw(*lead, H, T_max, d_model // H) for _ in "kv"] for _ in range(layers)]


def fed(candidate, tokens, caches, weights, H, pieces):
    """The scores of a text that is fed in pieces, and the caches after it."""
    rows, length = [], 0
    for new in pieces:
        result = candidate(tokens[..., length : length + new], caches, length, weights, H)
        expect(isinstance(result, tuple | list) and len(result) == 2, "the result should be two things: scores, caches")
        scores, caches = result
        expect(isinstance(caches, list | tuple), "the caches should come back as a list, one [keys, values] a block")
        expect(
            len(caches) == len(weights["blocks"]), f"{len(caches)} caches came back for {len(weights['blocks'])} blocks"
        )
        rows.append(np.asarray(scores))
        length += new
    return np.concatenate(rows, axis=-2), caches


@decoder_step.law
def cached_equals_uncached(candidate, draw):
    """A text fed in pieces, whatever their sizes, gets the scores that one pass without a cache gives it."""
    cases = ((), 6, 3, 1, (1, 1, 1)), ((2,), 6, 2, 2, (3, 1, 1)), ((1, 2), 4, 1, 3, (2, 2, 1)), ((3,), 4, 2, 2, (5,))
    for lead, d_model, H, layers, pieces in cases:
        tokens, weights = draw_tokens(draw, *lead, sum(pieces)), draw_gpt(draw, d_model, num_layers=layers)
        caches = draw_caches(draw, lead, d_model, H, layers)
        got, _ = fed(candidate, tokens, caches, weights, H, pieces)
        agree(got, gpt_by_loops(tokens, weights, H), f"the scores of a text fed in pieces of {pieces}")


@decoder_step.law
def every_block_has_its_own_cache(candidate, draw):
    """The past is read from the caches, each block's from its own: moving one block's past moves the scores."""
    tokens, weights, caches = draw_tokens(draw, 2, 4), draw_gpt(draw), draw_caches(draw, (2,), 6, 2)
    _, caches = fed(candidate, tokens[:, :3], caches, weights, 2, (3,))
    moved = [caches[0], [np.asarray(caches[1][0]), 0.0 * np.asarray(caches[1][1])]]
    got, _ = candidate(tokens[:, 3:], moved, 3, weights, 2)
    agree(got, right_step(tokens[:, 3:], moved, 3, weights, 2)[0], "the scores after block 1's past was set to zero")


@decoder_step.law
def two_continuations_of_one_past(candidate, draw):
    """From one cache two different tokens can follow: each gets the scores of its own text."""
    text, weights = draw_tokens(draw, 5), draw_gpt(draw)
    _, caches = fed(candidate, text[:4], draw_caches(draw, (), 6, 3), weights, 3, (4,))
    for token in (text[4], (text[4] + 1) % VOCABULARY):
        scores, _ = candidate(np.array([token]), caches, 4, weights, 3)
        want = gpt_by_loops(np.append(text[:4], token), weights, 3)[4:]
        agree(scores, want, f"the scores after token {token} follows the cached four")


@decoder_step.law
def a_full_cache_is_refused(candidate, draw):
    """A text that outgrows its caches, a length below zero, and other than one cache a block are refused."""
    weights, caches = draw_gpt(draw), draw_caches(draw, (), 6, 2, T_max=4)
    expect(candidate.refuses(draw_tokens(draw, 2), caches, 3, weights, 2), "it wrote token 4 into a cache of 4 rows")
    expect(candidate.refuses(draw_tokens(draw, 1), caches[:1], 0, weights, 2), "it took one cache for two blocks")
    expect(
        candidate.refuses(draw_tokens(draw, 1), [*caches, caches[0]], 0, weights, 2), "it took 3 caches for 2 blocks"
    )
    expect(candidate.refuses(draw_tokens(draw, 1), caches, -1, weights, 2), "it took a length of -1")
    shape = np.shape(candidate(draw_tokens(draw, 1), caches, 3, weights, 2)[0])
    expect(shape == (1, VOCABULARY), f"the scores of one token have shape {shape}, they should have (1, {VOCABULARY})")


def begin(tokens, weights, length):
    """Right embeddings at right positions."""
    return weights["tokens"][tokens] + weights["positions"][length + np.arange(tokens.shape[-1])]


def step_with(begin=begin, attend=None, choose=lambda caches, i: caches[i], last=lambda scores: scores):
    """A right step, or one with a wrong beginning, attention or choice of the cache."""
    attend = attend or cached_with()

    def run(tokens, caches, length, weights, H):
        assert len(caches) == len(weights["blocks"]), "one cache for each block"
        x, written = begin(tokens, weights, length), list(caches)
        for i, block in enumerate(weights["blocks"]):
            *W, W_o = block["attention"]
            y = norm(x, *block["norm_1"])
            q, k, v = (split_by_loops(y @ w, H) for w in W)
            out, *written[i] = attend(q, k, v, *choose(written, i), length)
            x = x + merge_by_loops(out) @ W_o
            x = x + think(norm(x, *block["norm_2"]), block)
        return last(norm(x, *weights["norm"]) @ weights["tokens"].T), written

    return run


right_step = step_with()


@decoder_step.mutant("the position not advanced: every new token gets the position vector 0")
def step_position_not_advanced(*args):
    return step_with(begin=lambda tokens, weights, length: begin(tokens, weights, 0))(*args)


@decoder_step.mutant("positions one too late: the first new token was given position length + 1")
def step_position_late(*args):
    return step_with(begin=lambda t, w, length: begin(t, w, np.minimum(length + 1, PLACES - t.shape[-1])))(*args)


@decoder_step.mutant("one cache shared between the layers: each block reads what the block before it wrote")
def step_shared_between_layers(*args):
    return step_with(choose=lambda caches, i: caches[max(0, i - 1)])(*args)


@decoder_step.mutant("one cache shared between the sequences of a batch")
def step_shared_between_sequences(tokens, caches, length, weights, H):
    if tokens.ndim > 1:
        caches = [[np.repeat(cache[:1], len(cache), axis=0) for cache in pair] for pair in caches]
    return right_step(tokens, caches, length, weights, H)


@decoder_step.mutant("new rows written at row 0 at every step, over the past")
def step_written_at_zero(*args):
    return step_with(attend=cached_with(at=lambda length: 0))(*args)


@decoder_step.mutant("a causal mask aligned at the top left: with a cache the new token sees the oldest ones only")
def step_top_left(*args):
    return step_with(attend=cached_with(mask=lambda T, end, length: np.tri(T, end, dtype=bool)))(*args)


@decoder_step.mutant("the past forgotten: only the new tokens are attended to")
def step_without_past(tokens, caches, length, weights, H):
    empty = [[np.zeros_like(cache) for cache in pair] for pair in caches]
    scores, _ = step_with(begin=lambda t, w, _: begin(t, w, length))(tokens, empty, 0, weights, H)
    return scores, right_step(tokens, caches, length, weights, H)[1]


@decoder_step.mutant("the caches given back as they came: the new rows are lost after the step")
def step_not_kept(tokens, caches, length, weights, H):
    return right_step(tokens, caches, length, weights, H)[0], caches


@decoder_step.mutant("the scores after the last token alone: the contract asks for a row for each new token")
def step_last_row(*args):
    return step_with(last=lambda scores: scores[..., -1, :])(*args)


@decoder_step.style
def step_by_concatenation(tokens, caches, length, weights, H):
    """No pre-allocated rows are used inside: the past is cut out, joined, and laid back at the end."""
    x, written = begin(tokens, weights, length), []
    for block, (keys, values) in zip(weights["blocks"], caches, strict=True):
        *W, W_o = block["attention"]
        y = norm(x, *block["norm_1"])
        q, k, v = (split_by_loops(y @ w, H) for w in W)
        full = cached_with()(q, k, v, keys, values, length)
        x = x + merge_by_loops(full[0]) @ W_o
        x = x + think(norm(x, *block["norm_2"]), block)
        written.append((full[1], full[2]))
    return np.einsum("...td,nd->...tn", norm(x, *weights["norm"]), weights["tokens"]), written


@decoder_step.style
def step_token_by_token(tokens, caches, length, weights, H):
    """One right step for each new token, even in a prompt."""
    rows = []
    for t in range(tokens.shape[-1]):
        scores, caches = right_step(tokens[..., t : t + 1], caches, length + t, weights, H)
        rows.append(scores)
    return np.concatenate(rows, axis=-2), caches
