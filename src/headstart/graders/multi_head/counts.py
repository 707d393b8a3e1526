"""Counting the parameters of a multi-head layer: laws, known mistakes, accepted styles; and how counts are compared."""

import numpy as np

from headstart.graders.kit import exercise, expect

multi_head_parameters = exercise("multi_head_parameters", "counts", chapter="multi-head", wings=("in_numpy",))


def whole(got, want, what):
    """Compare one count: exactly, and it must be a whole number by its type as well."""
    kind = np.asarray(got).dtype
    expect(kind.kind in "iu", f"{what} is {got!r} ({kind}), it should be a whole number: an int (// where / was used?)")
    expect(np.array_equal(got, want), f"{what} is {got}, it should be {want}")


def compare(got, want):
    """Compare two dicts of counts key by key."""
    expect(isinstance(got, dict), f"the result is a {type(got).__name__}, it should be a dict of {len(want)} counts")
    for key, value in want.items():
        expect(key in got, f"the result has no entry {key!r}")
        whole(got[key], value, f"the count of {key!r}")


def refuses_uneven_heads(candidate, *arguments):
    """Raise Broken unless the arguments, 10 features and 4 heads among them, are refused."""
    expect(candidate.refuses(*arguments), f"it counted {arguments}, it should raise ValueError: 10 / 4 is not whole")


@multi_head_parameters.law
def counts_every_entry(candidate, draw):
    """The count is the size of W_q, W_k, W_v and W_o and of the biases if there are any, a whole number."""
    for d_model, H, d_head in ((512, 8, 64), (12, 3, 4), (768, 12, 64), (10, 2, 16), (16, 4, 1)):
        one = np.empty((d_model, H * d_head)).size
        whole(candidate(d_model, H, d_head), 4 * one, f"the count for ({d_model}, {H}, d_head={d_head})")
        whole(candidate(d_model, H, d_head, True), 4 * one + 3 * H * d_head + d_model, "the count with biases")


@multi_head_parameters.law
def heads_are_free(candidate, draw):
    """With d_head left to be d_model / H, the count does not depend on the number of heads."""
    for H in (1, 2, 4, 8):
        whole(candidate(64, H), 4 * 64 * 64, f"the count with {H} heads")
        whole(candidate(64, H, bias=True), 4 * 64 * 64 + 4 * 64, f"the count with {H} heads and biases")


@multi_head_parameters.law
def uneven_heads_are_not_counted(candidate, draw):
    """Where d_head is left to be d_model / H and that is not whole, an exception is raised."""
    refuses_uneven_heads(candidate, 10, 4)
    whole(candidate(10, 4, 3), 4 * 10 * 12, "the count for (10, 4, d_head=3)")


@multi_head_parameters.mutant("a count multiplied by the number of heads: every head was given full-width matrices")
def heads_multiply(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model * d_model * num_heads + (4 * d_model if bias else 0)


@multi_head_parameters.mutant("a count without the output projection W_o")
def three_matrices(d_model, num_heads, d_head=None, bias=False):
    d_all = num_heads * (d_head or d_model // num_heads)
    return 3 * d_model * d_all + (3 * d_all if bias else 0)


@multi_head_parameters.mutant("a count of 4·d_model² whatever d_head is")
def ignores_d_head(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model**2 + (4 * d_model if bias else 0)


@multi_head_parameters.mutant("a count that forgets the biases")
def ignores_bias(d_model, num_heads, d_head=None, bias=False):
    return 4 * d_model * num_heads * (d_head or d_model // num_heads)


@multi_head_parameters.mutant("a count of one head alone")
def one_head_alone(d_model, num_heads, d_head=None, bias=False):
    d = d_head or d_model // num_heads
    return 4 * d_model * d + (3 * d + d_model if bias else 0)


@multi_head_parameters.style
def counted_by_shapes(d_model, num_heads, d_head=None, bias=False):
    """A sum over the list of shapes."""
    if d_head is None and d_model % num_heads:
        raise ValueError("heads of unequal width")
    d_all = num_heads * (d_model // num_heads if d_head is None else d_head)
    shapes = [(d_model, d_all)] * 3 + [(d_all, d_model)] + ([(d_all, 1)] * 3 + [(d_model, 1)] if bias else [])
    return sum(rows * columns for rows, columns in shapes)
