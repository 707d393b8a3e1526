"""Operations per byte and the roofline: laws, known mistakes, accepted styles."""

import math

from headstart.graders.kit import agree, exercise, expect

matmul_intensity = exercise("matmul_intensity", "efficiency", wings=("in_numpy",))
attainable_flops = exercise("attainable_flops", "efficiency", wings=("in_numpy",))


def multiplied(rows, d_in, d_out):
    """Operations of a product of matrices and the numbers that it touches, both counted by loops."""
    operations = sum(2 * d_in for _ in range(rows) for _ in range(d_out))
    return operations, rows * d_in + d_in * d_out + rows * d_out


@matmul_intensity.law
def operations_over_bytes(candidate, draw):
    """Two operations a multiply-add, over the bytes of x, W and the result, each moved once."""
    for rows, d_in, d_out, itemsize in ((1, 5, 7, 2), (6, 4, 3, 4), (9, 2, 8, 1), (3, 3, 3, 8)):
        operations, numbers = multiplied(rows, d_in, d_out)
        got = candidate(rows, d_in, d_out, itemsize)
        agree(got, operations / (itemsize * numbers), f"the intensity for {(rows, d_in, d_out)}, {itemsize} bytes each")


@matmul_intensity.law
def one_row_does_little(candidate, draw):
    """One row over a large W: one operation a byte at two bytes a number; 64 rows: nearly 64 times as many."""
    one = candidate(1, 4096, 4096)
    agree(one, 1.0, "the intensity of one row", rtol=1e-3)
    agree(candidate(64, 4096, 4096) / one, 64.0, "the gain of 64 rows", rtol=0.05)


@matmul_intensity.law
def no_product_no_intensity(candidate, draw):
    """A size below 1 is refused."""
    for sizes in ((0, 4, 4), (4, 0, 4), (4, 4, 0)):
        expect(candidate.refuses(*sizes), f"it took {sizes}, it should raise ValueError: every size is at least 1")


def all_three(rows, d_in, d_out):
    """The numbers in x, W and the result."""
    return rows * d_in + d_in * d_out + rows * d_out


def ratio(rows, d_in, d_out, itemsize=2, *, factor=2, numbers=None):
    """The intensity, with a (wrong) factor or count of numbers."""
    if min(rows, d_in, d_out) < 1:
        raise ValueError("sizes are at least 1")
    moved = (numbers or all_three)(rows, d_in, d_out)
    return factor * rows * d_in * d_out / (itemsize * moved)


@matmul_intensity.mutant("an intensity with a multiply-add counted as one operation")
def multiply_add_is_one(*args):
    return ratio(*args, factor=1)


@matmul_intensity.mutant("an intensity without the bytes of W, which are most of them for few rows")
def weights_for_free(*args):
    return ratio(*args, numbers=lambda n, a, b: n * a + n * b)


@matmul_intensity.mutant("an intensity over the bytes of W alone: it would grow with the rows without end")
def weights_alone(*args):
    return ratio(*args, numbers=lambda n, a, b: a * b)


@matmul_intensity.mutant("an intensity without the bytes of the result")
def result_for_free(*args):
    return ratio(*args, numbers=lambda n, a, b: n * a + a * b)


@matmul_intensity.mutant("operations per number instead of per byte")
def per_number(rows, d_in, d_out, itemsize=2):
    return ratio(rows, d_in, d_out, 1)


@matmul_intensity.style
def from_two_counts(rows, d_in, d_out, itemsize=2):
    """Two counts and one division; a product of nothing divides by zero or is caught."""
    flops = 2 * math.prod((rows, d_in, d_out))
    if flops <= 0:
        raise ValueError("no product")
    return flops / itemsize / sum((rows * d_in, d_in * d_out, rows * d_out))


@attainable_flops.law
def the_lower_roof(candidate, draw):
    """Left of the ridge the bound is intensity times bandwidth, right of it the peak."""
    for intensity, peak, bandwidth in ((0.5, 100.0, 10.0), (3.0, 7.0, 2.0), (40.0, 100.0, 10.0), (1.0, 3e13, 2e12)):
        want = peak if intensity * bandwidth > peak else intensity * bandwidth
        agree(candidate(intensity, peak, bandwidth), want, f"the bound at {intensity} operations a byte")


@attainable_flops.law
def the_ridge(candidate, draw):
    """At peak / bandwidth both roofs meet; twice as far right nothing is gained, half as far left half is lost."""
    peak, bandwidth = (float(x) for x in draw.rng.uniform(1.0, 9.0, size=2))
    for factor, share in ((1.0, 1.0), (2.0, 1.0), (0.5, 0.5), (0.01, 0.01)):
        got = candidate(factor * peak / bandwidth, peak, bandwidth)
        agree(got, share * peak, f"the bound at {factor} times the ridge")


@attainable_flops.law
def a_machine_has_both(candidate, draw):
    """An intensity, a peak or a bandwidth that is not above 0 is refused."""
    for numbers in ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, -1.0, 1.0)):
        expect(candidate.refuses(*numbers), f"it took {numbers}, it should raise ValueError: all three are above 0")


def roof(rule):
    """A (wrong) rule behind the check that all three are above 0."""

    def bound(intensity, peak_flops, bandwidth):
        if min(intensity, peak_flops, bandwidth) <= 0:
            raise ValueError("all above 0")
        return rule(intensity, peak_flops, bandwidth)

    return bound


@attainable_flops.mutant("the higher of the two roofs")
def higher_roof(*args):
    return roof(lambda i, p, b: max(p, i * b))(*args)


@attainable_flops.mutant("the peak whatever the intensity: memory never matters")
def always_the_peak(*args):
    return roof(lambda i, p, b: p)(*args)


@attainable_flops.mutant("the slope alone: intensity times bandwidth, beyond the peak as well")
def slope_alone(*args):
    return roof(lambda i, p, b: i * b)(*args)


@attainable_flops.mutant("bandwidth divided by the intensity instead of multiplied")
def divided(*args):
    return roof(lambda i, p, b: min(p, b / i))(*args)


@attainable_flops.mutant("loading and computing one after the other: the roofline lets them overlap")
def one_after_the_other(*args):
    return roof(lambda i, p, b: 1 / (1 / p + 1 / (i * b)))(*args)


@attainable_flops.style
def by_the_ridge(intensity, peak_flops, bandwidth):
    """A branch at the ridge; a logarithm refuses what is not positive."""
    math.log(intensity), math.log(bandwidth)
    if peak_flops <= 0:
        raise ValueError("no machine")
    return peak_flops if intensity >= peak_flops / bandwidth else bandwidth * intensity
