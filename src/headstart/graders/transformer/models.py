"""The decoder-only model and the encoder-decoder: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, slopes
from headstart.graders.kit import agree, exercise
from headstart.graders.transformer.encoder import LIBRARY
from headstart.graders.transformer.norms import layer_norm_by_loops
from headstart.graders.transformer.witness import (
    decoder_by_loops,
    draw_block,
    encoder_by_loops,
    exchange,
    heads_of,
    norm,
    read,
    step,
    think,
)

NEEDS = ("layer_norm", "feed_forward", "multi_head_attention", "encoder_block")

decoder_only = exercise("decoder_only", "models", chapter="transformer", needs=NEEDS, bans=LIBRARY)
encoder_decoder = exercise(
    "encoder_decoder",
    "models",
    chapter="transformer",
    needs=(*NEEDS, "split_heads", "cross_attention", "decoder_block"),
    bans=LIBRARY,
)

VOCABULARY, PLACES = 7, 6


def draw_embeddings(draw, d_model):
    """Token and position vectors."""
    return {"tokens": draw(VOCABULARY, d_model), "positions": draw(PLACES, d_model)}


def draw_norm(draw, d_model):
    """Gain and bias of a norm."""
    return 1.0 + 0.3 * draw(d_model), 0.5 * draw(d_model)


def draw_gpt(draw, d_model=6, d_ff=5, num_layers=2):
    """Weights of a decoder-only model."""
    blocks = [draw_block(draw, d_model, d_ff) for _ in range(num_layers)]
    return draw_embeddings(draw, d_model) | {"blocks": blocks, "norm": draw_norm(draw, d_model)}


def draw_pair(draw, d_model=6, d_ff=5, num_layers=2):
    """Weights of an encoder-decoder; the encoder has one block more than the decoder."""
    return draw_embeddings(draw, d_model) | {
        "encoder": [draw_block(draw, d_model, d_ff) for _ in range(num_layers + 1)],
        "encoder_norm": draw_norm(draw, d_model),
        "decoder": [draw_block(draw, d_model, d_ff, 3) for _ in range(num_layers)],
        "decoder_norm": draw_norm(draw, d_model),
    }


def draw_tokens(draw, *shape):
    """Token numbers."""
    return draw.rng.integers(VOCABULARY, size=shape)


def embedded(tokens, weights):
    """Token vectors plus position vectors, one at a time."""
    out = np.zeros((*tokens.shape, weights["tokens"].shape[1]))
    for at in np.ndindex(tokens.shape):
        out[at] = weights["tokens"][tokens[at]] + weights["positions"][at[-1]]
    return out


def gpt_by_loops(tokens, weights, H):
    """The decoder-only model from loops."""
    x, causal = embedded(tokens, weights), np.tri(tokens.shape[-1], dtype=bool)
    for block in weights["blocks"]:
        x = encoder_by_loops(x, block, H, causal)
    return layer_norm_by_loops(x, *weights["norm"]) @ weights["tokens"].T


def pair_by_loops(source, target, weights, H, real=None):
    """The encoder-decoder from loops."""
    memory, x = embedded(source, weights), embedded(target, weights)
    mask = None if real is None else real[..., None, :]
    for block in weights["encoder"]:
        memory = encoder_by_loops(memory, block, H, mask)
    memory = layer_norm_by_loops(memory, *weights["encoder_norm"])
    for block in weights["decoder"]:
        x = decoder_by_loops(x, memory, block, H, mask)
    return layer_norm_by_loops(x, *weights["decoder_norm"]) @ weights["tokens"].T


@decoder_only.law
def scores_by_the_definition(candidate, draw):
    """Embed, add positions, causal pre-norm blocks, one last norm, score against the embeddings, for every shape."""
    for lead, T, d_model, H in (((2,), 4, 6, 3), ((), PLACES, 4, 1), ((1,), 3, 8, 2), ((2, 2), 1, 6, 2)):
        tokens, weights = draw_tokens(draw, *lead, T), draw_gpt(draw, d_model)
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
    """Every position vector gets its gradient through all blocks, equal to finite differences; unused ones get zero."""
    tokens, weights, g = draw_tokens(draw, 4), draw_gpt(draw, 4, 3), draw(4, VOCABULARY)
    (want,) = slopes(lambda P: gpt_of()(tokens, weights | {"positions": P}, 2), g, weights["positions"])
    agree(candidate.gradients(g, tokens, weights, 2)[1], want, "the gradient of the positions")


@encoder_decoder.law
def translated_by_the_definition(candidate, draw):
    """Encoder, its norm, causal decoder that reads the memory in every block, its norm, scores, for every shape."""
    for lead, T_k, T_q, d_model, H in (
        ((2,), 5, 3, 6, 3),
        ((), 2, PLACES, 4, 1),
        ((1,), 4, 4, 8, 2),
        ((2,), 3, 1, 6, 2),
    ):
        source, target = draw_tokens(draw, *lead, T_k), draw_tokens(draw, *lead, T_q)
        weights = draw_pair(draw, d_model)
        agree(candidate(source, target, weights, H), pair_by_loops(source, target, weights, H), "the scores")


@encoder_decoder.law
def source_padding_is_never_read(candidate, draw):
    """Padding is hidden in the encoder and from the decoder: other tokens in its place change nothing."""
    source, target, weights = draw_tokens(draw, 3, 5), draw_tokens(draw, 3, 4), draw_pair(draw)
    real = np.array([[True] * 5, [True] * 3 + [False] * 2, [True] * 1 + [False] * 4])
    other = np.where(real, source, (source + 1) % VOCABULARY)
    want = pair_by_loops(source, target, weights, 2, real)
    agree(candidate(source, target, weights, 2, real), want, "the scores with padding")
    agree(candidate(other, target, weights, 2, real), want, "the scores with other tokens as padding")


@encoder_decoder.law
def target_is_causal_source_is_not(candidate, draw):
    """A later target token moves no earlier row; the last source token moves every row."""
    source, target, weights = draw_tokens(draw, 2, 4), draw_tokens(draw, 2, 4), draw_pair(draw)
    later, turned = target.copy(), source.copy()
    later[:, 2] = (later[:, 2] + 1) % VOCABULARY
    turned[:, -1] = (turned[:, -1] + 1) % VOCABULARY
    before = np.asarray(candidate(source, target, weights, 2))
    agree(np.asarray(candidate(source, later, weights, 2))[:, :2], before[:, :2], "the scores before the change")
    want = pair_by_loops(turned, target, weights, 2)
    agree(candidate(turned, target, weights, 2), want, "the scores after the last source token changed")


@encoder_decoder.law(wings=("in_torch",))
def gradients_reach_the_source(candidate, draw):
    """Position vectors get their gradient through the encoder as well as through the decoder."""
    source, target, g = draw_tokens(draw, 5), draw_tokens(draw, 3), draw(3, VOCABULARY)
    weights = draw_pair(draw, 4, 3, 1)
    (want,) = slopes(lambda P: pair_of()(source, target, weights | {"positions": P}, 2), g, weights["positions"])
    agree(candidate.gradients(g, source, target, weights, 2)[1], want, "the gradient of the positions")


def causal_of(T):
    """True on and below the diagonal."""
    return np.tri(T, dtype=bool)


def start(tokens, weights, shift=0):
    """Embedded tokens; with a shift the positions start elsewhere."""
    return weights["tokens"][tokens] + weights["positions"][(np.arange(tokens.shape[-1]) + shift) % PLACES]


def encode_with(x, block, H, mask, first=True):
    """One right encoder block."""
    x = step(x, lambda y: exchange(y, block, H, mask), block["norm_1"], first)
    return step(x, lambda y: think(y, block), block["norm_2"], first)


def gpt_of(begin=start, mask=causal_of, first=True, last=norm, blocks=lambda blocks: blocks):
    """A decoder-only model with a (wrong) beginning, mask, norm order, last norm or choice of blocks."""

    def model(tokens, weights, num_heads):
        x = begin(tokens, weights)
        for block in blocks(weights["blocks"]):
            x = encode_with(x, block, num_heads, mask(tokens.shape[-1]), first)
        return last(x, *weights["norm"]) @ weights["tokens"].T

    return model


@decoder_only.mutant("a decoder-only model without a causal mask: every row has read the token it should predict")
def gpt_sees_the_future(*args):
    return gpt_of(mask=lambda T: None)(*args)


@decoder_only.mutant("a decoder-only model whose mask is off by one: row t has read token t + 1")
def gpt_sees_the_next(*args):
    return gpt_of(mask=lambda T: np.tri(T, k=1, dtype=bool))(*args)


@decoder_only.mutant("a decoder-only model without positions")
def gpt_without_positions(*args):
    return gpt_of(begin=lambda tokens, weights: weights["tokens"][tokens])(*args)


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


def decode_with(x, k, v, block, mask, causal):
    """One right decoder block."""
    x = step(x, lambda y: exchange(y, block, k.shape[-3], causal), block["norm_1"], True)
    x = step(x, lambda y: read(y, k, v, block, mask), block["norm_2"], True)
    return step(x, lambda y: think(y, block), block["norm_3"], True)


def pair_of(hide=("encoder", "decoder"), encoding=encode_with, causal=causal_of, last=norm, heads=None, ready=None):
    """An encoder-decoder that hides padding in some places only, or with one (wrong) part."""

    def model(source, target, weights, num_heads, real=None):
        mask = None if real is None else real[..., None, :]
        masks = {place: mask if place in hide else None for place in ("encoder", "decoder")}
        memory, x = start(source, weights), start(target, weights)
        for block in weights["encoder"] if ready is None else ready(weights["encoder"]):
            memory = encoding(memory, block, num_heads, masks["encoder"])
        memory = last(memory, *weights["encoder_norm"])
        for block in weights["decoder"]:
            k, v = heads_of(memory, block if heads is None else heads(weights["decoder"]), num_heads)
            x = decode_with(x, k, v, block, masks["decoder"], causal(target.shape[-1]))
        return norm(x, *weights["decoder_norm"]) @ weights["tokens"].T

    return model


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
