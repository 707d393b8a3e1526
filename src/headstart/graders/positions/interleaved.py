"""Interleaved rotation: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.positions.rotary_witness import (
    SHAPES,
    angles_of,
    frequencies_of,
    half_split,
    neighbours,
    turn_halves,
    turn_neighbours,
    turned,
)

rotate_interleaved = exercise("rotate_interleaved", "rotary", chapter="positions", needs=("rotate",))


@rotate_interleaved.law
def neighbours_are_turned(candidate, draw):
    """Features 2i and 2i + 1 are turned together by position times frequency i, for every shape."""
    for lead, T, n in SHAPES:
        x, f = draw(*lead, T, 2 * n), frequencies_of(n)
        agree(candidate(x, f), turned(x, f, 0, neighbours), f"the rotation of {x.shape}")


@rotate_interleaved.law
def neighbours_with_an_offset(candidate, draw):
    """Row t stands at position offset + t."""
    x, f = draw(2, 9, 6), frequencies_of(3)
    agree(candidate(x[:, 4:], f, 4), turned(x, f, 0, neighbours)[:, 4:], "the rotation with offset 4")
    agree(candidate(x[:, 4:], 2 * f, 4), turned(x, 2 * f, 0, neighbours)[:, 4:], "the rotation by other frequencies")


@rotate_interleaved.law
def same_as_half_split_reordered(candidate, draw):
    """With the even features moved to the front it is the half-split rotation."""
    x, f = draw(3, 5, 8), frequencies_of(4)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    agree(np.asarray(candidate(x, f, 1))[..., order], turned(x[..., order], f, 1, half_split), "the reordered rotation")


@rotate_interleaved.law
def interleaved_keeps_the_dtype(candidate, draw):
    """The answer has x's dtype, whatever that of the frequencies is: nothing becomes float64 by accident."""
    x = draw(4, 6).astype(np.float32)
    for f in (frequencies_of(3), frequencies_of(3).astype(np.float32)):
        got = candidate(x, f, 2)
        agree(got, turned(x, f, 2, neighbours), "the rotation of float32")
        expect(got.dtype == x.dtype, f"x is float32, the answer is {got.dtype}")


@rotate_interleaved.law
def interleaved_half_precision(candidate, draw):
    """Half-precision queries far out are turned by exact angles: float16 holds no odd position above 2048."""
    x, f = draw(2, 5, 6).astype(np.float16), frequencies_of(3)
    want = turned(x.astype(float), f, 20_000, neighbours)
    agree(candidate(x, f, 20_000), want, "the rotation of float16 at position 20 000", rtol=1e-2, atol=2e-2)


@rotate_interleaved.law
def interleaved_refuses_another_width(candidate, draw):
    """A width that is not twice the number of frequencies raises an exception: no feature is dropped in silence."""
    for width, n in ((6, 2), (5, 3)):
        refused = candidate.refuses(draw(3, width), frequencies_of(n))
        expect(refused, f"it turned {width} features by {n} frequencies, it should raise ValueError")


@rotate_interleaved.law(wings=("in_torch",))
def interleaved_passes_gradients(candidate, draw):
    """Gradients are turned back: x gets the gradient that finite differences give."""
    x, f, g = draw(3, 4), frequencies_of(2), draw(3, 4)
    (want,) = slopes(lambda x: turn_neighbours(x, angles_of(x, f, 2)), g, x)
    agree(candidate.gradients(g, x, f, 2)[0], want, "the gradient for x")


@rotate_interleaved.mutant("pairs (i, i + n), the half-split convention, instead of neighbours")
def half_split_pairs(x, frequencies, offset=0):
    return turn_halves(x, angles_of(x, frequencies, offset))


@rotate_interleaved.mutant("the right pairs left in half-split order: the first of all pairs, then the second of all")
def not_interleaved_again(x, frequencies, offset=0):
    turned = turn_neighbours(x, angles_of(x, frequencies, offset))
    return np.concatenate([turned[..., 0::2], turned[..., 1::2]], -1)


@rotate_interleaved.mutant("the rotation in the wrong direction: by minus the angle")
def interleaved_backwards(x, frequencies, offset=0):
    return turn_neighbours(x, -angles_of(x, frequencies, offset))


@rotate_interleaved.mutant("the offset forgotten: every piece of a sequence starts at position 0 again")
def interleaved_offset_forgotten(x, frequencies, offset=0):
    return turn_neighbours(x, angles_of(x, frequencies))


@rotate_interleaved.mutant("interleaved partners with half-split frequencies: cos and sin were tiled, not repeated")
def tiled_tables(x, frequencies, offset=0):
    cos, sin = (np.tile(f(angles_of(x, frequencies, offset)), 2) for f in (np.cos, np.sin))
    swapped = np.stack([-x[..., 1::2], x[..., 0::2]], -1).reshape(x.shape)
    return x * cos + swapped * sin


@rotate_interleaved.mutant("positions in x's own precision: in float16 neighbouring positions above 2048 become one")
def interleaved_positions_in_half(x, frequencies, offset=0):
    positions = np.arange(offset, offset + x.shape[-2]).astype(x.dtype)
    return turn_neighbours(x, (positions[:, None] * frequencies).astype(x.dtype))


@rotate_interleaved.style
def interleaved_by_repeat(x, frequencies, offset=0):
    """Repeated tables and swapped neighbours, as in GPT-J's code."""
    cos, sin = (np.repeat(f(angles_of(x, frequencies, offset)), 2, axis=-1).astype(x.dtype) for f in (np.cos, np.sin))
    swapped = np.stack([-x[..., 1::2], x[..., 0::2]], -1).reshape(x.shape)
    return x * cos + swapped * sin


@rotate_interleaved.style
def interleaved_by_complex_view(x, frequencies, offset=0):
    """Neighbours are a complex number's memory already, as Meta's Llama code uses it."""
    z = x.astype(np.float64).view(np.complex128) * np.exp(1j * angles_of(x, frequencies, offset))
    return z.view(np.float64).astype(x.dtype)
