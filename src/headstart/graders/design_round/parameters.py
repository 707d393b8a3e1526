"""Parameters of a decoder of today: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

decoder_parameters = exercise("decoder_parameters", "design", chapter="design-round", wings=("in_numpy",))

MODELS = (  # layers, d_model, query heads, key and value heads, width of a head, d_ff, vocabulary
    (3, 10, 4, 2, 3, 7, 11),
    (1, 8, 2, 1, 4, 5, 6),
    (2, 6, 3, 3, 5, 9, 4),
    (2, 12, 6, 1, 2, 8, 20),
)


def entries(layers, d_model, H, G, d_head, d_ff, n_vocab, tied):
    """The entries of every array, made one by one."""
    attention = [(d_model, H * d_head), (d_model, G * d_head), (d_model, G * d_head), (H * d_head, d_model)]
    feed_forward = [(d_model, d_ff), (d_model, d_ff), (d_ff, d_model)]
    block = attention + feed_forward + [(d_model,), (d_model,)]
    ends = [(n_vocab, d_model)] * (1 if tied else 2) + [(d_model,)]
    return sum(np.empty(shape).size for shape in block * layers + ends)


@decoder_parameters.law
def every_array_is_counted(candidate, draw):
    """The count is that of every array's entries: embeddings, projections, three matrices of feed-forward, norms."""
    for model in MODELS:
        for tied in (False, True):
            whole(candidate(*model, tied), entries(*model, tied), f"the count for {(*model, tied)}")


@decoder_parameters.law
def a_published_model(candidate, draw):
    """With Llama 3 8B's configuration, untied unless said otherwise, the count is 8 030 261 248."""
    whole(candidate(32, 4096, 32, 8, 128, 14336, 128256), 8_030_261_248, "the count for Llama 3 8B")


@decoder_parameters.law
def uneven_groups_are_refused(candidate, draw):
    """A size below one, or heads that do not divide into groups, is refused by an exception."""
    for place in range(7):
        sizes = [2] * place + [0] + [2] * (6 - place)
        expect(candidate.refuses(*sizes), f"it counted {tuple(sizes)}, it should raise ValueError")
    expect(candidate.refuses(2, 9, 4, 3, 2, 8, 8), "it counted 4 query heads in 3 groups, it should raise ValueError")


def counted(layers, d_model, heads, d_head, matrices, d_ff, embeddings, norms):
    """The count, part by part, as the mistakes below change it; `heads` are those of W_q, W_k, W_v and W_o together."""
    return layers * (d_model * heads * d_head + matrices * d_model * d_ff) + embeddings * d_model + norms * d_model


@decoder_parameters.mutant("a count with as many key and value heads as query heads: grouped queries have fewer")
def no_groups(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    embeddings = (1 if tied else 2) * n_vocab
    return counted(num_layers, d_model, 4 * num_heads, d_head, 3, d_ff, embeddings, 2 * num_layers + 1)


@decoder_parameters.mutant("a count with two feed-forward matrices: a gated one has three")
def ungated(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    embeddings, heads = (1 if tied else 2) * n_vocab, 2 * num_heads + 2 * num_kv_heads
    return counted(num_layers, d_model, heads, d_head, 2, d_ff, embeddings, 2 * num_layers + 1)


@decoder_parameters.mutant("a count with one embedding in every case: untied, the output has a matrix of its own")
def always_tied(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    heads = 2 * num_heads + 2 * num_kv_heads
    return counted(num_layers, d_model, heads, d_head, 3, d_ff, n_vocab, 2 * num_layers + 1)


@decoder_parameters.mutant("a count without the norms")
def no_norms(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    embeddings, heads = (1 if tied else 2) * n_vocab, 2 * num_heads + 2 * num_kv_heads
    return counted(num_layers, d_model, heads, d_head, 3, d_ff, embeddings, 0)


@decoder_parameters.mutant("a count without the norm after the last layer")
def no_last_norm(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    embeddings, heads = (1 if tied else 2) * n_vocab, 2 * num_heads + 2 * num_kv_heads
    return counted(num_layers, d_model, heads, d_head, 3, d_ff, embeddings, 2 * num_layers)


@decoder_parameters.mutant("four square matrices a layer, as if d_head were d_model / H and nothing were grouped")
def square(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    embeddings = (1 if tied else 2) * n_vocab
    return counted(num_layers, d_model, 4 * d_model, 1, 3, d_ff, embeddings, 2 * num_layers + 1)


@decoder_parameters.style
def by_arrays(num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab, tied=False):
    """Part by part, each with its own line."""
    sizes = (num_layers, d_model, num_heads, num_kv_heads, d_head, d_ff, n_vocab)
    if any(size < 1 for size in sizes) or num_heads % num_kv_heads != 0:
        raise ValueError("sizes")
    embedding = n_vocab * d_model
    head = 0 if tied else embedding
    queries = d_model * num_heads * d_head
    keys = d_model * num_kv_heads * d_head
    return embedding + head + num_layers * (2 * queries + 2 * keys + 3 * d_model * d_ff + 2 * d_model) + d_model
