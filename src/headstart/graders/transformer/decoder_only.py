"""The decoder-only model: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import again, agree, exercise
from headstart.graders.transformer.encoder import LIBRARY
from headstart.graders.transformer.gradients import gradients_agree
from headstart.graders.transformer.whole import (
    PLACES,
    VOCABULARY,
    causal_of,
    draw_gpt,
    draw_tokens,
    gpt_by_loops,
    gpt_of,
    start,
)
from headstart.graders.transformer.witness import encode_with, norm

NEEDS = ("layer_norm", "feed_forward", "multi_head_attention", "encoder_block")

decoder_only = exercise("decoder_only", "models", chapter="transformer", needs=NEEDS, bans=LIBRARY)


@decoder_only.law
def scores_by_the_definition(candidate, draw):
    """Embed, add positions, causal pre-norm blocks, one last norm, score against the embeddings, for every shape."""
    shapes = again(((2,), 4, 6, 3, 2), ((), PLACES, 4, 1, 1), ((1,), 3, 8, 2, 3), ((2, 2), 1, 6, 2, 2))
    for lead, T, d_model, H, num_layers in shapes:
        tokens, weights = draw_tokens(draw, *lead, T), draw_gpt(draw, d_model, num_layers=num_layers)
        agree(candidate(tokens, weights, H), gpt_by_loops(tokens, weights, H), "the scores")


@decoder_only.law
def a_later_token_moves_no_earlier_row(candidate, draw):
    """Changing token 3 leaves the scores after tokens 0, 1 and 2 as they were."""
    tokens, weights = draw_tokens(draw, 2, 5), draw_gpt(draw)
    moved = tokens.copy()
    moved[:, 3] = (moved[:, 3] + 1) % VOCABULARY
    before, after = np.asarray(candidate(tokens, weights, 2)), np.asarray(candidate(moved, weights, 2))
    agree(after[:, :3], before[:, :3], "the scores before the token that changed")


@decoder_only.law
def prefixes_agree(candidate, draw):
    """A prefix alone gives the same scores as the same prefix in a longer text."""
    tokens, weights = draw_tokens(draw, 2, 5), draw_gpt(draw)
    agree(candidate(tokens[:, :2], weights, 3), gpt_by_loops(tokens, weights, 3)[:, :2], "the scores of the prefix")


@decoder_only.law(wings=("in_torch",))
def gradients_reach_the_embeddings(candidate, draw):
    """Every weight gets its gradient through all blocks; the embeddings get it from both of their ends."""
    tokens, weights, g = draw_tokens(draw, 4), draw_gpt(draw, 4, 6), draw(4, VOCABULARY)
    gradients_agree(candidate, draw, gpt_of(), g, tokens, weights, 2)


@decoder_only.mutant("a decoder-only model without a causal mask: every row has read the token it should predict")
def gpt_sees_the_future(*args):
    return gpt_of(mask=lambda T: None)(*args)


@decoder_only.mutant("a decoder-only model whose mask is off by one: row t has read token t + 1")
def gpt_sees_the_next(*args):
    return gpt_of(mask=lambda T: np.tri(T, k=1, dtype=bool))(*args)


@decoder_only.mutant("a decoder-only model without positions")
def gpt_without_positions(*args):
    return gpt_of(begin=lambda tokens, weights: weights["tokens"][tokens])(*args)


@decoder_only.mutant("a decoder-only model that multiplies the embeddings by √d_model, as in 2017")
def gpt_scaled_embeddings(*args):
    def begin(tokens, weights):
        return start(tokens, weights) + (weights["tokens"].shape[1] ** 0.5 - 1) * weights["tokens"][tokens]

    return gpt_of(begin=begin)(*args)


@decoder_only.mutant("a decoder-only model whose first token stands at position 1")
def gpt_positions_from_one(*args):
    return gpt_of(begin=lambda tokens, weights: start(tokens, weights, 1))(*args)


@decoder_only.mutant("a decoder-only model without the norm after the last block")
def gpt_without_last_norm(*args):
    return gpt_of(last=lambda x, gain, bias: x)(*args)


@decoder_only.mutant("a decoder-only model with post-norm blocks")
def gpt_post_norm(*args):
    return gpt_of(first=False)(*args)


@decoder_only.mutant("a decoder-only model that uses its first block in every layer")
def gpt_first_block_only(*args):
    return gpt_of(blocks=lambda blocks: [blocks[0]] * len(blocks))(*args)


@decoder_only.mutant("the probabilities of the next token: the contract asks for the scores before the softmax")
def gpt_probabilities(*args):
    return plain_softmax(gpt_of()(*args))


@decoder_only.mutant("the scores after the last token alone: training needs a row for every prefix")
def gpt_last_row(*args):
    return gpt_of()(*args)[..., -1, :]


@decoder_only.style
def gpt_one_hot(tokens, weights, num_heads):
    """Embedding by one-hot product, blocks in a fold."""
    E = weights["tokens"]
    x = np.eye(len(E))[tokens] @ E + weights["positions"][: tokens.shape[-1]]
    for block in weights["blocks"]:
        x = encode_with(x, block, num_heads, causal_of(tokens.shape[-1]))
    return np.einsum("...td,nd->...tn", norm(x, *weights["norm"]), E)


@decoder_only.style
def gpt_prefix_by_prefix(tokens, weights, num_heads):
    """One forward pass for every prefix, no mask at all inside: slow and right."""
    rows = []
    for t in range(tokens.shape[-1]):
        x = start(tokens[..., : t + 1], weights)
        for block in weights["blocks"]:
            x = encode_with(x, block, num_heads, causal_of(t + 1))
        rows.append(norm(x[..., -1, :], *weights["norm"]) @ weights["tokens"].T)
    return np.stack(rows, axis=-2)
