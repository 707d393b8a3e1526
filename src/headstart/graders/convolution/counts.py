"""What a convolution costs: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import compare, whole

convolution_counts = exercise("convolution_counts", "convolution_counts", chapter="convolution", wings=("in_numpy",))

LAYERS = ((50, 9, 16, 32, 1), (7, 3, 12, 12, 12), (10, 5, 8, 24, 4), (1, 1, 5, 3, 1), (6, 4, 6, 9, 3), (3, 2, 4, 8, 4))


def right(positions, taps, d_in, d_out, groups=1):
    """From the shape of the weights: every weight is used once at every place."""
    size = np.empty((taps, d_in // groups, d_out)).size
    return {"parameters": size, "flops": 2 * positions * size}


@convolution_counts.law
def every_weight_at_every_place(candidate, draw):
    """The weights have shape (taps, d_in / groups, d_out); each is one multiply-add at every place of the output."""
    for layer in LAYERS:
        compare(candidate(*layer), right(*layer))


@convolution_counts.law
def places_cost_no_parameters(candidate, draw):
    """Twice the places: the same parameters, twice the operations; groups default to one."""
    for layer in ((9, 8, 4), (1, 6, 10)):
        once, twice = candidate(20, *layer), candidate(40, *layer)
        compare(once, right(20, *layer))
        whole(twice["parameters"], once["parameters"], "the parameters for twice the places")
        whole(twice["flops"], 2 * once["flops"], "the operations for twice the places")


@convolution_counts.law
def groups_divide_the_work(candidate, draw):
    """Groups divide parameters and operations by their number; depthwise there is one filter a channel."""
    for groups in (1, 2, 4, 8):
        compare(candidate(5, 9, 8, 16, groups), {"parameters": 9 * 8 * 16 // groups, "flops": 90 * 8 * 16 // groups})
    compare(candidate(30, 7, 64, 64, 64), {"parameters": 7 * 64, "flops": 2 * 30 * 7 * 64})


@convolution_counts.law
def refuses_what_cannot_be(candidate, draw):
    """Numbers below one, and groups that do not divide both widths, are refused by an exception."""
    good = (5, 9, 8, 4, 2)
    for which in range(5):
        for n in (0, -2):
            bad = (*good[:which], n, *good[which + 1 :])
            expect(candidate.refuses(*bad), f"it counted positions, taps, d_in, d_out, groups = {bad}")
    for d_in, d_out, groups in ((8, 4, 3), (8, 6, 4), (6, 8, 4)):
        expect(candidate.refuses(5, 9, d_in, d_out, groups), f"it divided {d_in} and {d_out} channels by {groups}")


def changed(parameters, flops):
    """A count of both numbers by other rules."""
    return {"parameters": parameters, "flops": flops}


@convolution_counts.mutant("a count without groups: every output channel reads every input channel")
def groups_ignored(positions, taps, d_in, d_out, groups=1):
    return right(positions, taps, d_in, d_out)


@convolution_counts.mutant("a count divided by the groups twice: all d_out channels are made, each by a group's inputs")
def groups_twice(positions, taps, d_in, d_out, groups=1):
    return right(positions, taps, d_in, d_out // groups, groups)


@convolution_counts.mutant("operations in multiply-adds: each counts as two")
def multiply_adds(positions, taps, d_in, d_out, groups=1):
    count = right(positions, taps, d_in, d_out, groups)
    return changed(count["parameters"], count["flops"] // 2)


@convolution_counts.mutant("parameters counted at every place: the kernel is shared by all")
def not_shared(positions, taps, d_in, d_out, groups=1):
    count = right(positions, taps, d_in, d_out, groups)
    return changed(count["parameters"] * positions, count["flops"])


@convolution_counts.mutant("a count with the taps squared: for a K × K kernel taps is K² already")
def taps_squared(positions, taps, d_in, d_out, groups=1):
    return right(positions, taps * taps, d_in, d_out, groups)


@convolution_counts.mutant("a count with biases")
def with_biases(positions, taps, d_in, d_out, groups=1):
    count = right(positions, taps, d_in, d_out, groups)
    return changed(count["parameters"] + d_out, count["flops"] + positions * d_out)


@convolution_counts.mutant("operations for every pair of places, as in attention")
def every_pair(positions, taps, d_in, d_out, groups=1):
    count = right(positions, taps, d_in, d_out, groups)
    return changed(count["parameters"], count["flops"] * positions)


@convolution_counts.style
def group_by_group(positions, taps, d_in, d_out, groups=1):
    """A sum over the groups, each a small full convolution."""
    if any(n <= 0 for n in (positions, taps, d_in, d_out, groups)) or d_in % groups or d_out % groups:
        raise ValueError("not a layer")
    each = taps * (d_in // groups) * (d_out // groups)
    return {"flops": sum(2 * positions * each for _ in range(groups)), "parameters": groups * each}
