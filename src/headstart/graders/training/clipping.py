"""Clipping by the global norm: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

clip_by_global_norm = exercise("clip_by_global_norm", "training", bans=("torch.nn.utils.clip_grad_norm_",))

SHAPES = ((3, 4), (5,), (2, 1, 3), ())


def draw_gradients(draw, scale=1.0, dtype=np.float64):
    """Gradients of a few parameters, one of them a single number."""
    return [np.asarray(draw(*shape, scale=scale), dtype=dtype) for shape in SHAPES]


def length(gradients):
    """The root of the sum of all squares, number by number."""
    return math.sqrt(math.fsum(float(x) ** 2 for g in gradients for x in g.ravel()))


def compare(got, want, what, **tolerance):
    """Compare two lists of gradients, in their shapes, values and types."""
    expect(isinstance(got, list | tuple), f"the result is a {type(got).__name__}, it should be a list of arrays")
    expect(len(got) == len(want), f"the result has {len(got)} gradients, it should have {len(want)}")
    for n, (one, other) in enumerate(zip(got, want, strict=True)):
        agree(one, other, f"{what}, gradient {n}", **tolerance)
        expect(one.dtype == other.dtype, f"gradient {n} has become {one.dtype}, it came as {other.dtype}")


@clip_by_global_norm.law
def shortened_together(candidate, draw):
    """Long gradients are multiplied by max_norm / norm: one factor, and one norm, for all of them together."""
    for scale, max_norm in again((1.0, 1.0), (30.0, 0.5), (0.3, 0.1)):
        gradients = draw_gradients(draw, scale)
        want = [g * (max_norm / length(gradients)) for g in gradients]
        compare(candidate(gradients, max_norm), want, f"max_norm={max_norm}")
    single = [draw(2, 3)]
    compare(candidate(single, 0.2), [single[0] * 0.2 / length(single)], "one parameter alone")


@clip_by_global_norm.law
def short_ones_stay(candidate, draw):
    """Gradients that together are no longer than max_norm come back as they were, zeros too."""
    gradients = draw_gradients(draw)
    for max_norm in (1.001 * length(gradients), 100.0):
        compare(candidate(gradients, max_norm), gradients, "short gradients")
    nothing = [np.zeros((2, 3)), np.zeros(4)]
    compare(candidate(nothing, 1.0), nothing, "gradients of zeros")


@clip_by_global_norm.law
def half_precision_does_not_overflow(candidate, draw):
    """float16 gradients come back as float16, and squares beyond 65504 are added up in a wider type."""
    gradients = [np.sign(g) * (300 + abs(g)).astype(np.float16) for g in draw_gradients(draw, 50.0, np.float16)]
    gradients = [np.asarray(g, dtype=np.float16) for g in gradients]
    want = [np.asarray(g.astype(float) / length(gradients), dtype=np.float16) for g in gradients]
    compare(candidate(gradients, 1.0), want, "float16", rtol=4e-3, atol=1e-5)


@clip_by_global_norm.law
def a_limit_above_zero(candidate, draw):
    """A limit of zero or below is refused by an exception."""
    for limit in (0.0, -1.0):
        expect(candidate.refuses(draw_gradients(draw), limit), f"max_norm={limit} was accepted")


def legal(max_norm):
    assert max_norm > 0, "a limit above zero"


def norm_of(gradients):
    return math.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in gradients))


def times(gradients, factor):
    """Every gradient times a factor, in its own type."""
    return [np.asarray(g * factor, dtype=g.dtype) for g in gradients]


@clip_by_global_norm.mutant("gradients clipped one by one, each by its own norm: their direction together changes")
def one_by_one(gradients, max_norm):
    legal(max_norm)
    return [times([g], max_norm / max(norm_of([g]), max_norm))[0] for g in gradients]


@clip_by_global_norm.mutant("gradients clipped entry by entry to ±max_norm: their direction changes")
def by_value(gradients, max_norm):
    legal(max_norm)
    return [np.asarray(np.clip(g, -max_norm, max_norm), dtype=g.dtype) for g in gradients]


@clip_by_global_norm.mutant("gradients always made max_norm long: short ones are stretched")
def always_stretched(gradients, max_norm):
    legal(max_norm)
    return times(gradients, max_norm / (norm_of(gradients) + 1e-12))


@clip_by_global_norm.mutant("gradients clipped by the squared norm: the root was forgotten")
def without_the_root(gradients, max_norm):
    legal(max_norm)
    return times(gradients, max_norm / max(norm_of(gradients) ** 2, max_norm))


@clip_by_global_norm.mutant("gradients clipped by the sum of their norms instead of the norm of all")
def sum_of_norms(gradients, max_norm):
    legal(max_norm)
    return times(gradients, max_norm / max(sum(norm_of([g]) for g in gradients), max_norm))


@clip_by_global_norm.mutant("gradients clipped by their largest entry instead of their norm")
def by_the_largest_entry(gradients, max_norm):
    legal(max_norm)
    return times(gradients, max_norm / max(max(float(np.abs(g).max()) for g in gradients), max_norm))


@clip_by_global_norm.mutant("gradients divided by their norm but not multiplied by max_norm")
def unit_length(gradients, max_norm):
    legal(max_norm)
    norm = norm_of(gradients)
    return times(gradients, 1 / norm if norm > max_norm else 1.0)


@clip_by_global_norm.mutant("a norm added up in the gradients' own float16: it overflows, and everything becomes zero")
def norm_in_half(gradients, max_norm):
    legal(max_norm)
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(float((g * g).sum(dtype=g.dtype)) for g in gradients))
    return times(gradients, max_norm / max(norm, max_norm))


@clip_by_global_norm.style
def clipped_in_one_vector(gradients, max_norm):
    """All gradients in one long vector."""
    if not max_norm > 0:
        raise ValueError("a limit above zero")
    norm = np.linalg.norm(np.concatenate([g.astype(np.float64).ravel() for g in gradients]))
    return [g.copy() for g in gradients] if norm <= max_norm else times(gradients, float(max_norm / norm))


@clip_by_global_norm.style
def clipped_as_the_library(gradients, max_norm):
    """A norm of norms and a small epsilon, as torch.nn.utils.clip_grad_norm_ has them."""
    legal(max_norm)
    norm = np.linalg.norm([np.linalg.norm(g.astype(np.float64)) for g in gradients])
    return times(gradients, min(1.0, float(max_norm / (norm + 1e-6))))
