"""Operations of a whole model: laws, known mistakes, accepted styles."""

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.multi_head.counts import compare

transformer_flops = exercise("transformer_flops", "transformer_counts", chapter="transformer", wings=("in_numpy",))


def product(rows, inner, columns):
    """Operations of one matrix product: a multiply and an add for each inner step of each entry."""
    return sum(2 * inner for _ in range(rows)) * columns


@transformer_flops.law
def every_product_is_counted(candidate, draw):
    """Each count is two operations for every multiply-add of the matrix products."""
    for T, num_layers, d_model, d_ff, n_vocab in (
        (5, 2, 6, 10, 7),
        (1, 1, 1, 1, 1),
        (16, 3, 8, 32, 11),
        (64, 2, 16, 40, 50),
        (1024, 24, 2048, 8192, 50000),  # counts that do not fit into 32 bits
    ):
        one = {
            "projections": 4 * product(T, d_model, d_model),
            "pairs": product(T, d_model, T) + product(T, T, d_model),
            "feed_forward": product(T, d_model, d_ff) + product(T, d_ff, d_model),
        }
        want = {part: num_layers * count for part, count in one.items()} | {"logits": product(T, d_model, n_vocab)}
        compare(candidate(T, num_layers, d_model, d_ff, n_vocab), want)


@transformer_flops.law
def pairs_alone_grow_with_the_square(candidate, draw):
    """Twice the tokens: four times the pairs, twice everything else."""
    short, long = candidate(32, 2, 16, 64, 100), candidate(64, 2, 16, 64, 100)
    factors = {"projections": 2, "pairs": 4, "feed_forward": 2, "logits": 2}
    compare(long, {part: factor * short[part] for part, factor in factors.items()})


@transformer_flops.law
def where_the_pairs_take_over(candidate, draw):
    """Pairs equal the projections at T = 2·d_model, and a network of d_ff = 4·d_model at T = 4·d_model."""
    for d_model in (8, 32):
        for T, part in ((2 * d_model, "projections"), (4 * d_model, "feed_forward")):
            counts = candidate(T, 3, d_model, 4 * d_model, 10)
            agree(counts["pairs"], counts[part], f"pairs against {part!r} at T = {T}", rtol=0, atol=0)


@transformer_flops.law
def sizes_start_at_one_here_too(candidate, draw):
    """A size below one is refused by an exception, whichever of the five it is."""
    for place in range(5):
        for bad in (0, -1):
            sizes = [2] * place + [bad] + [2] * (4 - place)
            expect(candidate.refuses(*sizes), f"it counted {tuple(sizes)}, it should raise ValueError")


def flops_with(multiply_add=2, pairs=2, projections=4):
    """Counts with a (wrong) price or number of products."""

    def count(T, num_layers, d_model, d_ff, n_vocab):
        return {
            "projections": num_layers * projections * multiply_add * T * d_model**2,
            "pairs": num_layers * pairs * multiply_add * T**2 * d_model,
            "feed_forward": num_layers * 2 * multiply_add * T * d_model * d_ff,
            "logits": multiply_add * T * d_model * n_vocab,
        }

    return count


@transformer_flops.mutant("multiply-adds counted as one operation instead of two")
def one_operation(*sizes):
    return flops_with(multiply_add=1)(*sizes)


@transformer_flops.mutant("scores counted without the product of weights and values")
def scores_alone(*sizes):
    return flops_with(pairs=1)(*sizes)


@transformer_flops.mutant("only the pairs that a causal mask allows: the contract counts all T²")
def causal_pairs_alone(T, num_layers, d_model, *sizes):
    return flops_with()(T, num_layers, d_model, *sizes) | {"pairs": num_layers * 2 * T * (T + 1) * d_model}


@transformer_flops.mutant("projections without W_o")
def flops_without_w_o(*sizes):
    return flops_with(projections=3)(*sizes)


@transformer_flops.mutant("a training step: the backward pass, twice the forward, is counted too")
def training_step(*sizes):
    return {part: 3 * count for part, count in flops_with()(*sizes).items()}


@transformer_flops.mutant("one layer alone")
def flops_of_one_layer(T, num_layers, *sizes):
    return flops_with()(T, 1, *sizes)


@transformer_flops.style
def flops_product_by_product(T, num_layers, d_model, d_ff, n_vocab):
    """A helper for one product, sums over products."""
    assert not any(size < 1 for size in (T, num_layers, d_model, d_ff, n_vocab)), "a size below one"

    def cost(rows, inner, columns):
        return 2 * rows * inner * columns

    return {
        "projections": num_layers * sum(cost(T, d_model, d_model) for _ in range(4)),
        "pairs": num_layers * (cost(T, d_model, T) + cost(T, T, d_model)),
        "feed_forward": num_layers * (cost(T, d_model, d_ff) + cost(T, d_ff, d_model)),
        "logits": cost(T, d_model, n_vocab),
    }
