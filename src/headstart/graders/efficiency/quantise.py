"""Numbers in few bits: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

quantise = exercise("quantise", "quantised", chapter="efficiency", wings=("in_numpy",))


def read(got, x, axis, bits):
    """Take (codes, low, step) apart once their form is right; return them in float64."""
    expect(isinstance(got, tuple | list) and len(got) == 3, "the result is not (codes, low, step)")
    codes, low, step = (np.asarray(part) for part in got)
    expect(codes.dtype == np.uint8, f"the codes are {codes.dtype}, they should be uint8")
    group = [1 if n == axis % x.ndim else size for n, size in enumerate(x.shape)]
    for name, array, shape in (("codes", codes, x.shape), ("low", low, group), ("step", step, group)):
        expect(array.shape == tuple(shape), f"{name} has shape {array.shape}, it should be {tuple(shape)}")
    expect(codes.max() <= 2**bits - 1, f"a code is {codes.max()}, with {bits} bits the largest is {2**bits - 1}")
    return codes.astype(float), low.astype(float), step.astype(float)


def groups(draw, *shape):
    """Numbers whose rows and columns differ in place and spread, as channels of keys do."""
    return draw(*shape) * np.exp(draw(shape[-1])) + 3 * draw(shape[-1]) + 2 * draw(shape[-2], 1)


@quantise.law
def half_a_step(candidate, draw):
    """low + step · codes is within half a step of every number, for keys and for values, for 1 to 8 bits."""
    for axis, bits, shape in again(
        (-2, 8, (2, 6, 3)), (-1, 8, (5, 4)), (-2, 2, (9, 2)), (-1, 4, (1, 4, 5)), (0, 1, (4, 3))
    ):
        x = groups(draw, *shape)
        codes, low, step = read(candidate(x, axis, bits), x, axis, bits)
        off = np.abs(low + step * codes - x) / (0.5 * step + 1e-6 * np.abs(x).max())
        expect(off.max() <= 1 + 1e-3, f"a number moved by {off.max() / 2:.3g} steps, with {bits} bits, axis {axis}")


@quantise.law
def the_range_is_used(candidate, draw):
    """Each group has its own low and step: its smallest number becomes 0, its largest 2^bits - 1."""
    for axis, bits, given in ((-2, 8, (-2,)), (-1, 4, (-1, 4)), (-2, 3, (-2, 3)), (-1, 8, ())):
        x = groups(draw, 2, 5, 4)
        codes, low, step = read(candidate(x, *given), x, axis, bits)
        agree(low, x.min(axis, keepdims=True), f"low along axis {axis}")
        agree(step, np.ptp(x, axis, keepdims=True) / (2**bits - 1), f"step along axis {axis} with {bits} bits")
        agree(codes.min(axis), 0.0 * low.squeeze(axis), f"the smallest code of a group along axis {axis}")
        agree(codes.max(axis), 0.0 * low.squeeze(axis) + 2**bits - 1, f"the largest code of a group along axis {axis}")


@quantise.law
def groups_do_not_meet(candidate, draw):
    """One loud channel costs the other channels nothing, if groups run along the tokens."""
    x = draw(6, 4)
    loud = x * np.array([1.0, 1.0, 1.0, 500.0])
    quiet = read(candidate(x, -2), x, -2, 8)[0]
    agree(read(candidate(loud, -2), loud, -2, 8)[0][:, :3], quiet[:, :3], "the codes beside a loud channel")


@quantise.law
def equal_numbers_come_back(candidate, draw):
    """A group of equal numbers has a step of 0 and comes back exactly: 0 is not divided by 0."""
    x = groups(draw, 5, 3)
    x[:, 1] = x[0, 1]
    codes, low, step = read(candidate(x, -2), x, -2, 8)
    agree(step[0, 1], 0.0, "the step of a group of equal numbers")
    agree((low + step * codes)[:, 1], x[:, 1], "a group of equal numbers")


@quantise.law
def the_unit_does_not_matter(candidate, draw):
    """Numbers as small as a billionth get the codes that they get in a larger unit: only a step of 0 is special."""
    x = groups(draw, 4, 3)
    small = read(candidate(x * 2.0**-30, -2), x, -2, 8)[0]
    agree(small, read(candidate(x, -2), x, -2, 8)[0], "the codes of small numbers")


@quantise.law
def one_to_eight_bits(candidate, draw):
    """Fewer bits than 1 and more than 8 are refused."""
    for bits in (0, -1, 9):
        expect(candidate.refuses(draw(3, 2), -1, bits), f"it took {bits} bits, it should raise ValueError")


def coded(x, axis=-1, bits=8, *, low=None, levels=None, rounded=np.rint, along=None, nan=False):
    """Codes, low and step, with a (wrong) range, number of levels, rounding or axis."""
    if not 1 <= bits <= 8:
        raise ValueError("1 to 8 bits")
    axis = axis if along is None else along(axis)
    bottom = x.min(axis, keepdims=True) if low is None else low(x, axis)
    step = (x.max(axis, keepdims=True) - bottom) / (2**bits - 1 if levels is None else levels(bits))
    with np.errstate(all="ignore"):
        codes = rounded((x - bottom) / (step if nan else np.where(step == 0, 1.0, step)))
        return codes.astype(np.int64).astype(np.uint8), bottom, np.where(step == 0, np.nan, step) if nan else step


@quantise.mutant("codes cut off instead of rounded: numbers move by up to a whole step, always down")
def cut_off(*args):
    return coded(*args, rounded=np.floor)


@quantise.mutant("a range cut into 2^bits steps instead of 2^bits - 1: the largest code does not fit its bits")
def one_step_too_many(*args):
    return coded(*args, levels=lambda bits: 2**bits)


@quantise.mutant("codes with groups along the other axis: keys by token, values by channel")
def other_axis(x, axis=-1, bits=8):
    return coded(x, axis, bits, along=lambda axis: -1 if axis == -2 else -2)


@quantise.mutant("one low and one step for the whole array: a loud channel takes all the codes")
def one_range_for_all(x, axis=-1, bits=8):
    low, step = np.full_like(x.min(axis, keepdims=True), x.min()), np.ptp(x) / (2**bits - 1)
    codes = coded(np.where(step, x, 0.0), axis, bits)[0] if step == 0 else np.rint((x - x.min()) / step)
    return codes.astype(np.uint8), low, np.full_like(low, step)


@quantise.mutant("a symmetric range, from minus to plus the largest magnitude: half the codes go unused")
def symmetric(*args):
    def bottom(x, axis):
        return -np.abs(x).max(axis, keepdims=True)

    _, low, _ = coded(*args, low=bottom)
    x, bits = args[0], args[2] if len(args) > 2 else 8
    step = -2 * low / (2**bits - 1)
    return np.rint((x - low) / step).astype(np.uint8), low, step


@quantise.mutant("a range that begins at 0: what lies below wraps around")
def begins_at_zero(*args):
    return coded(*args, low=lambda x, axis: np.zeros_like(x.min(axis, keepdims=True)))


@quantise.mutant("codes that divide 0 by 0 for a group of equal numbers")
def equal_numbers_nan(*args):
    return coded(*args, nan=True)


@quantise.style
def clipped_and_offset(x, axis=-1, bits=8):
    """Half added and cut off, clipped to the range; float32 inside."""
    assert bits in range(1, 9)
    x = np.asarray(x, np.float32)
    low, high = np.amin(x, axis, keepdims=True), np.amax(x, axis, keepdims=True)
    step = (high - low) / np.float32(2**bits - 1)
    scaled = np.divide(x - low, step, out=np.zeros_like(x), where=step > 0)
    return [np.clip(np.floor(scaled + 0.5), 0, 2**bits - 1).astype("uint8"), low, step]
