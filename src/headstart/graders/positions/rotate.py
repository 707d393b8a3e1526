"""Half-split rotation: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.positions.rotary_witness import (
    SHAPES,
    angles_of,
    frequencies_of,
    half_split,
    turn_halves,
    turn_neighbours,
    turned,
)

rotate = exercise("rotate", "rotary", chapter="positions")


@rotate.law
def pairs_are_turned(candidate, draw):
    """Features i and i + n are turned together by position times frequency i, for every shape."""
    for lead, T, n in SHAPES:
        x, f = draw(*lead, T, 2 * n), frequencies_of(n)
        agree(candidate(x, f), turned(x, f, 0, half_split), f"the rotation of {x.shape}")


@rotate.law
def positions_start_at_the_offset(candidate, draw):
    """Row t stands at position offset + t: a later piece of a sequence is rotated as if it were rotated with it."""
    x, f = draw(2, 9, 6), frequencies_of(3)
    whole = turned(x, f, 0, half_split)
    agree(candidate(x[:, 5:], f, 5), whole[:, 5:], "the rotation with offset 5")
    agree(candidate(x[:, :1], f, offset=30), turned(x[:, :1], f, 30, half_split), "the rotation with offset 30")
    agree(candidate(x[:, 5:], 2 * f, 5), turned(x[:, 5:], 2 * f, 5, half_split), "the rotation by other frequencies")


@rotate.law
def products_know_the_distance_alone(candidate, draw):
    """Moving query and key by the same number of positions leaves their product, and lengths stay as they are."""
    q, k, f = draw(4, 8), draw(4, 8), frequencies_of(4)
    here = np.asarray(candidate(q, f, 2)) @ np.asarray(candidate(k, f, 0)).T
    later = np.asarray(candidate(q, f, 13)) @ np.asarray(candidate(k, f, 11)).T
    agree(later, here, "the products eleven positions later", rtol=1e-3, atol=1e-4)
    agree(np.linalg.norm(candidate(q, f, 3), axis=-1), np.linalg.norm(q, axis=-1), "the length of a rotated row")


@rotate.law
def the_dtype_is_that_of_x(candidate, draw):
    """The answer has x's dtype, whatever that of the frequencies is: nothing becomes float64 by accident."""
    x = draw(4, 6).astype(np.float32)
    for f in (frequencies_of(3), frequencies_of(3).astype(np.float32)):
        got = candidate(x, f, 2)
        agree(got, turned(x, f, 2, half_split), "the rotation of float32")
        expect(got.dtype == x.dtype, f"x is float32, the answer is {got.dtype}")


@rotate.law
def half_precision_keeps_positions_apart(candidate, draw):
    """Half-precision queries far out are turned by exact angles: float16 holds no odd position above 2048."""
    x, f = draw(2, 5, 6).astype(np.float16), frequencies_of(3)
    want = turned(x.astype(float), f, 20_000, half_split)
    agree(candidate(x, f, 20_000), want, "the rotation of float16 at position 20 000", rtol=1e-2, atol=2e-2)


@rotate.law
def refuses_another_width(candidate, draw):
    """A width that is not twice the number of frequencies raises an exception: no feature is dropped in silence."""
    for width, n in ((6, 2), (5, 3)):
        refused = candidate.refuses(draw(3, width), frequencies_of(n))
        expect(refused, f"it turned {width} features by {n} frequencies, it should raise ValueError")


@rotate.law(wings=("in_torch",))
def rotation_passes_gradients(candidate, draw):
    """Gradients are turned back: x gets the gradient that finite differences give."""
    x, f, g = draw(3, 4), frequencies_of(2), draw(3, 4)
    (want,) = slopes(lambda x: turn_halves(x, angles_of(x, f, 2)), g, x)
    agree(candidate.gradients(g, x, f, 2)[0], want, "the gradient for x")


@rotate.mutant("pairs of neighbours (2i, 2i + 1), the interleaved convention, instead of (i, i + n)")
def interleaved_pairs(x, frequencies, offset=0):
    return turn_neighbours(x, angles_of(x, frequencies, offset))


@rotate.mutant("the rotation in the wrong direction: by minus the angle")
def backwards(x, frequencies, offset=0):
    return turn_halves(x, -angles_of(x, frequencies, offset))


@rotate.mutant("the offset forgotten: every piece of a sequence starts at position 0 again")
def offset_forgotten(x, frequencies, offset=0):
    return turn_halves(x, angles_of(x, frequencies))


@rotate.mutant("the offset taken off instead of added")
def offset_subtracted(x, frequencies, offset=0):
    return turn_halves(x, angles_of(x, frequencies, -offset))


@rotate.mutant("half of the rotation: cos alone, without the partner's sine")
def cosine_alone(x, frequencies, offset=0):
    return x * np.tile(np.cos(angles_of(x, frequencies, offset)), 2)


@rotate.mutant("a partner with the wrong sign: b·sin is added in the first half (no rotation, lengths change)")
def no_minus(x, frequencies, offset=0):
    cos, sin = (np.tile(f(angles_of(x, frequencies, offset)), 2) for f in (np.cos, np.sin))
    return x * cos + np.roll(x, x.shape[-1] // 2, axis=-1) * sin


@rotate.mutant("positions counted from 1 instead of 0")
def one_later(x, frequencies, offset=0):
    return turn_halves(x, angles_of(x, frequencies, offset + 1))


@rotate.mutant("half-split partners with interleaved frequencies: cos and sin were repeated pairwise, not tiled")
def mixed_conventions(x, frequencies, offset=0):
    n = len(frequencies)
    cos, sin = (np.repeat(f(angles_of(x, frequencies, offset)), 2, axis=-1) for f in (np.cos, np.sin))
    return x * cos + np.concatenate([-x[..., n:], x[..., :n]], -1) * sin


@rotate.mutant("positions in x's own precision: in float16 neighbouring positions above 2048 become one")
def positions_in_half(x, frequencies, offset=0):
    positions = np.arange(offset, offset + x.shape[-2]).astype(x.dtype)
    return turn_halves(x, (positions[:, None] * frequencies).astype(x.dtype))


@rotate.style
def by_rotate_half(x, frequencies, offset=0):
    """x·cos + rotate_half(x)·sin with tiled tables, as in most libraries."""
    n = len(frequencies)
    cos, sin = (np.tile(f(angles_of(x, frequencies, offset)), 2).astype(x.dtype) for f in (np.cos, np.sin))
    return x * cos + np.concatenate([-x[..., n:], x[..., :n]], -1) * sin


@rotate.style
def by_complex_numbers(x, frequencies, offset=0):
    """Complex multiplication, cast at the end."""
    n = len(frequencies)
    z = (x[..., :n] + 1j * x[..., n:]) * np.exp(1j * angles_of(x, frequencies, offset))
    return np.concatenate([z.real, z.imag], -1).astype(x.dtype)
