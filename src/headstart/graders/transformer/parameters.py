"""Parameters of a whole model: laws, known mistakes, accepted styles."""

import itertools

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.multi_head.counts import compare

transformer_parameters = exercise(
    "transformer_parameters", "transformer_counts", chapter="transformer", wings=("in_numpy",)
)

MODELS = ((12, 768, 3072, 50257, 1024), (2, 6, 10, 7, 5), (1, 1, 1, 1, 1), (3, 8, 32, 11, 16))


@transformer_parameters.law
def every_array_is_counted(candidate, draw):
    """The counts are the sizes of all weights, layer by layer, array by array."""
    for num_layers, d_model, d_ff, n_vocab, n_positions in MODELS:
        want = {"embeddings": 0, "attention": 0, "feed_forward": 0, "norms": d_model + d_model}
        want["embeddings"] += sum(d_model for _ in range(n_vocab)) + sum(d_model for _ in range(n_positions))
        for _ in range(num_layers):
            want["attention"] += sum(d_model * d_model + d_model for _ in "qkvo")
            want["feed_forward"] += d_model * d_ff + d_ff + d_ff * d_model + d_model
            want["norms"] += sum(d_model + d_model for _ in range(2))
        compare(candidate(num_layers, d_model, d_ff, n_vocab, n_positions), want)


@transformer_parameters.law
def gpt_2_small_is_known(candidate, draw):
    """GPT-2 small has 124 439 808 parameters."""
    total = sum(candidate(12, 768, 3072, 50257, 1024).values())
    agree(total, 124_439_808, "the total for GPT-2 small", rtol=0, atol=0)


@transformer_parameters.law
def layers_are_alike(candidate, draw):
    """One layer more adds the same to everything but the embeddings."""
    counts = [candidate(n, 16, 64, 100, 32) for n in (1, 2, 3)]
    for part in ("embeddings", "attention", "feed_forward", "norms"):
        steps = [later[part] - earlier[part] for earlier, later in itertools.pairwise(counts)]
        agree(steps[1], steps[0], f"the growth of {part!r} with a layer", rtol=0, atol=0)
    agree(counts[2]["embeddings"], counts[0]["embeddings"], "the embeddings with more layers", rtol=0, atol=0)


@transformer_parameters.law
def sizes_start_at_one(candidate, draw):
    """A size below one is refused by an exception, whichever of the five it is."""
    for place in range(5):
        for bad in (0, -1):
            sizes = [2] * place + [bad] + [2] * (4 - place)
            expect(candidate.refuses(*sizes), f"it counted {tuple(sizes)}, it should raise ValueError")


def parameters_with(attention=4, biases=True, embeddings=1, norms=2, last=1):
    """Counts with a (wrong) number of matrices, biases, embeddings or norms."""

    def count(num_layers, d_model, d_ff, n_vocab, n_positions):
        b = 1 if biases else 0
        return {
            "embeddings": (embeddings * n_vocab + n_positions) * d_model,
            "attention": num_layers * attention * (d_model + b) * d_model,
            "feed_forward": num_layers * (2 * d_model * d_ff + b * (d_ff + d_model)),
            "norms": (norms * num_layers + last) * 2 * d_model,
        }

    return count


@transformer_parameters.mutant("a count without the output projections W_o: three matrices a layer")
def counted_three_matrices(*sizes):
    return parameters_with(attention=3)(*sizes)


@transformer_parameters.mutant("a count without biases")
def counted_without_biases(*sizes):
    return parameters_with(biases=False)(*sizes)


@transformer_parameters.mutant(
    "a count with the token embeddings twice: they are tied, the output has no matrix of its own"
)
def counted_untied(*sizes):
    return parameters_with(embeddings=2)(*sizes)


@transformer_parameters.mutant("a count with one norm a layer: there is one for each sub-layer")
def counted_one_norm(*sizes):
    return parameters_with(norms=1)(*sizes)


@transformer_parameters.mutant("a count without the norm after the last block")
def counted_without_last_norm(*sizes):
    return parameters_with(last=0)(*sizes)


@transformer_parameters.mutant("the counts of one layer alone")
def counted_one_layer(num_layers, *sizes):
    return parameters_with()(1, *sizes)


@transformer_parameters.style
def counted_from_shapes(num_layers, d_model, d_ff, n_vocab, n_positions):
    """Sums over lists of shapes."""
    if not all(size > 0 for size in (num_layers, d_model, d_ff, n_vocab, n_positions)):
        raise ValueError("a size below one")

    def size(*shapes):
        return sum(rows * columns for rows, columns in shapes)

    return {
        "embeddings": size((n_vocab, d_model), (n_positions, d_model)),
        "attention": num_layers * size(*[(d_model, d_model)] * 4, *[(1, d_model)] * 4),
        "feed_forward": num_layers * size((d_model, d_ff), (1, d_ff), (d_ff, d_model), (1, d_model)),
        "norms": size(*[(2, d_model)] * (2 * num_layers + 1)),
    }
