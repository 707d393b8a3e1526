"""Operations of a Vision Transformer: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import compare, whole

vit_flops = exercise("vit_flops", "vision", wings=("in_numpy",))

CASES = (  # height, width, patch, channels, d_model, num_layers, d_ff
    (8, 8, 2, 1, 4, 2, 12),
    (6, 9, 3, 3, 5, 1, 7),
    (4, 4, 4, 2, 3, 3, 3),
    (2, 3, 1, 1, 2, 1, 8),
)


def product(rows, inner, columns):
    """Operations of one matrix product: a multiply and an add for each inner step of each entry."""
    return sum(2 * inner for _ in range(rows)) * columns


@vit_flops.law
def every_product_of_every_layer(candidate, draw):
    """T is the number of patches and one; each count is two operations for every multiply-add, over all layers."""
    for height, width, patch, channels, d_model, num_layers, d_ff in CASES:
        patches = len([(i, j) for i in range(0, height, patch) for j in range(0, width, patch)])
        T = patches + 1
        layers = range(num_layers)
        want = {
            "tokens": T,
            "embedding": product(patches, patch * patch * channels, d_model),
            "projections": sum(4 * product(T, d_model, d_model) for _ in layers),
            "pairs": sum(product(T, d_model, T) + product(T, T, d_model) for _ in layers),
            "feed_forward": sum(product(T, d_model, d_ff) + product(T, d_ff, d_model) for _ in layers),
        }
        compare(candidate(height, width, patch, channels, d_model, num_layers, d_ff), want)


@vit_flops.law
def half_the_side(candidate, draw):
    """Half the side of a patch: four times the patches, the same work to embed them."""
    coarse, fine = candidate(32, 48, 8, 3, 16, 2, 64), candidate(32, 48, 4, 3, 16, 2, 64)
    whole(fine["tokens"] - 1, 4 * (coarse["tokens"] - 1), "the number of patches with half the side")
    whole(fine["embedding"], coarse["embedding"], "the count of 'embedding' with half the side")


@vit_flops.law
def a_rest_is_not_counted(candidate, draw):
    """A side that leaves a rest of the image is refused by an exception."""
    for sizes in ((9, 8, 2), (8, 9, 2), (8, 8, 16)):
        expect(candidate.refuses(*sizes, 1, 4, 1, 4), f"it counted patches for {sizes}, it should raise")


def counts(tokens, patches, width, num_layers, d_model, d_ff, multiply_add=2):
    """Counts from a (wrong) number of tokens, of patches, of layers, or a wrong price."""
    return {
        "tokens": tokens,
        "embedding": multiply_add * patches * width * d_model,
        "projections": multiply_add * num_layers * 4 * tokens * d_model**2,
        "pairs": multiply_add * num_layers * 2 * tokens**2 * d_model,
        "feed_forward": multiply_add * num_layers * 2 * tokens * d_model * d_ff,
    }


@vit_flops.mutant("the counts without the class token")
def no_class_token(height, width, patch, channels, d_model, num_layers, d_ff):
    patches = height * width // patch**2
    return counts(patches, patches, patch**2 * channels, num_layers, d_model, d_ff)


@vit_flops.mutant("multiply-adds counted as one operation instead of two")
def one_operation(height, width, patch, channels, d_model, num_layers, d_ff):
    patches = height * width // patch**2
    return counts(patches + 1, patches, patch**2 * channels, num_layers, d_model, d_ff, 1)


@vit_flops.mutant("the counts of one layer alone")
def one_layer(height, width, patch, channels, d_model, num_layers, d_ff):
    patches = height * width // patch**2
    return counts(patches + 1, patches, patch**2 * channels, 1, d_model, d_ff)


@vit_flops.mutant("counts that take pixels for tokens")
def pixels_for_tokens(height, width, patch, channels, d_model, num_layers, d_ff):
    return counts(height * width + 1, height * width, channels, num_layers, d_model, d_ff)


@vit_flops.mutant("counts with the patches of one column alone: height / patch of them")
def one_row_of_patches(height, width, patch, channels, d_model, num_layers, d_ff):
    return counts(height // patch + 1, height // patch, patch**2 * channels, num_layers, d_model, d_ff)


@vit_flops.mutant("an embedding that forgets the channels")
def channels_forgotten(height, width, patch, channels, d_model, num_layers, d_ff):
    patches = height * width // patch**2
    return counts(patches + 1, patches, patch**2, num_layers, d_model, d_ff)


@vit_flops.style
def added_up_by_layers(height, width, patch, channels, d_model, num_layers, d_ff):
    """A running sum over layers."""
    if height % patch or width % patch:
        raise ValueError("a rest")
    patches = (height // patch) * (width // patch)
    total = {"tokens": patches + 1, "embedding": 2 * patches * patch**2 * channels * d_model}
    total |= {"projections": 0, "pairs": 0, "feed_forward": 0}
    for _ in range(num_layers):
        total["projections"] += 8 * total["tokens"] * d_model * d_model
        total["pairs"] += 4 * total["tokens"] * total["tokens"] * d_model
        total["feed_forward"] += 4 * total["tokens"] * d_model * d_ff
    return total
