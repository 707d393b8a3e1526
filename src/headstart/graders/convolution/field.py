"""How far a stack of convolutions sees: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

receptive_field = exercise("receptive_field", "convolution_counts", chapter="convolution", wings=("in_numpy",))

STACKS = (
    ([3], [1], [1]),
    ([3, 3, 3], [1, 1, 1], [1, 1, 1]),
    ([3, 3, 3], [1, 1, 1], [1, 2, 4]),
    ([7, 3, 1, 5], [2, 2, 1, 3], [1, 1, 1, 1]),
    ([2, 5, 3], [3, 1, 2], [2, 3, 1]),
    ([1, 4], [2, 2], [5, 3]),
)


def seen(output, stack):
    """All inputs that one output depends on, followed back layer by layer."""
    places = {output}
    for kernel, stride, dilation in reversed(list(zip(*stack, strict=True))):
        places = {place * stride + tap * dilation for place in places for tap in range(kernel)}
    return places


def traced(stack):
    """(field, jump) from the inputs of the first two outputs."""
    first, second = seen(0, stack), seen(1, stack)
    return max(first) - min(first) + 1, min(second) - min(first)


def compare(candidate, stack, want):
    """Ask for one stack and compare both numbers."""
    got, words = candidate(*(np.array(each, dtype=int) for each in stack)), f"for kernels, strides, dilations {stack}"
    expect(not isinstance(got, dict) and len(np.atleast_1d(got)) == 2, f"{words} it is {got!r}, not (field, jump)")
    for one, right, name in zip(got, want, ("field", "jump"), strict=True):
        whole(one, right, f"the {name} {words}")


@receptive_field.law
def counted_by_following_back(candidate, draw):
    """The field reaches from the first to the last input that an output depends on; the jump moves it to the next."""
    for stack in STACKS:
        compare(candidate, stack, traced(stack))


@receptive_field.law
def without_strides_the_layers_add(candidate, draw):
    """With stride 1 every layer adds (kernel - 1)·dilation, and no layers at all see one input."""
    for layers in (0, 1, 4, 30):
        kernels, dilations = draw.rng.integers(1, 6, layers), draw.rng.integers(1, 4, layers)
        field = 1 + int(((kernels - 1) * dilations).sum())
        compare(candidate, (kernels.tolist(), [1] * layers, dilations.tolist()), (field, 1))


@receptive_field.law
def stacks_compose(candidate, draw):
    """A stack on a stack: the upper one's field, counted in the lower one's jumps."""
    lower, upper = ([3, 2], [2, 1], [1, 3]), ([5, 3], [1, 2], [2, 1])
    (field, jump), (more, further) = traced(lower), traced(upper)
    both = tuple(a + b for a, b in zip(lower, upper, strict=True))
    compare(candidate, both, (field + (more - 1) * jump, jump * further))


@receptive_field.law
def refuses_layers_of_nothing(candidate, draw):
    """A kernel, a stride or a dilation below one is refused by an exception."""
    for which in range(3):
        for n in (0, -1):
            stack = [np.array([3, 3]), np.array([1, 2]), np.array([1, 1])]
            stack[which][1] = n
            expect(candidate.refuses(*stack), f"it took kernels, strides, dilations {[s.tolist() for s in stack]}")


def folded(stack, field=1, jump=1, step=lambda k, s, d, jump: (k - 1) * d * jump):
    """(field, jump) with another rule for what a layer adds."""
    for kernel, stride, dilation in zip(*stack, strict=True):
        field += step(int(kernel), int(stride), int(dilation), jump)
        jump *= int(stride)
    return field, jump


@receptive_field.mutant("a field in which a layer's own stride already stretches its kernel")
def own_stride_first(kernels, strides, dilations):
    return folded((kernels, strides, dilations), step=lambda k, s, d, jump: (k - 1) * d * jump * s)


@receptive_field.mutant("a field without strides: they stretch everything above them")
def strides_ignored(kernels, strides, dilations):
    return folded((kernels, strides, dilations), step=lambda k, s, d, jump: (k - 1) * d)


@receptive_field.mutant("a field without dilations")
def dilations_ignored(kernels, strides, dilations):
    return folded((kernels, strides, dilations), step=lambda k, s, d, jump: (k - 1) * jump)


@receptive_field.mutant("a field of kernel·dilation a layer: n taps have n - 1 gaps")
def taps_for_gaps(kernels, strides, dilations):
    return folded((kernels, strides, dilations), field=0, step=lambda k, s, d, jump: k * d * jump)


@receptive_field.mutant("a field without the output's own place: one too few")
def one_too_few(kernels, strides, dilations):
    return folded((kernels, strides, dilations), field=0)


@receptive_field.mutant("the layers in the wrong order, the last one first")
def upside_down(kernels, strides, dilations):
    return folded((kernels[::-1], strides[::-1], dilations[::-1]))


@receptive_field.mutant("the product of the kernels")
def multiplied(kernels, strides, dilations):
    return int(np.prod(kernels)), int(np.prod(strides))


@receptive_field.mutant("a jump that adds the strides instead of multiplying them")
def strides_added(kernels, strides, dilations):
    return folded((kernels, strides, dilations))[0], int(sum(strides))


@receptive_field.style
def from_the_top_down(kernels, strides, dilations):
    """From the output back to the input: field = (field - 1)·stride + (kernel - 1)·dilation + 1."""
    layers = list(zip(kernels, strides, dilations, strict=True))
    if any(n < 1 for layer in layers for n in layer):
        raise ValueError("a layer of nothing")
    field = jump = 1
    for kernel, stride, dilation in reversed(layers):
        field, jump = (field - 1) * stride + (kernel - 1) * dilation + 1, jump * stride
    return field, jump


@receptive_field.style
def one_sum(kernels, strides, dilations):
    """A cumulative product and a sum, as an array of two."""
    if min(map(np.min, (kernels, strides, dilations)), default=1) < 1 if len(kernels) else False:
        raise ValueError("a layer of nothing")
    jumps = np.cumprod(np.concatenate([[1], strides])).astype(int)
    return np.array([1 + ((kernels - 1) * dilations * jumps[:-1]).sum(), jumps[-1]])
