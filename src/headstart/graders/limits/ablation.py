"""Taking heads out: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise

ablate_heads = exercise("ablate_heads", "circuits", chapter="limits", wings=("in_numpy",))

CASES = (((2, 3, 4, 2), [1, 0, 1]), ((1, 2, 3, 5), [0, 1]), ((3, 4, 1, 2), [0, 0, 0, 1]), ((2, 1, 5, 3), [1]))


def by_loops(heads, off, mean=False):
    """Head by head."""
    out = heads.copy()
    for h in range(heads.shape[1]):
        if off[h]:
            rows = heads[:, h].reshape(-1, heads.shape[-1])
            out[:, h] = sum(rows) / len(rows) if mean else 0.0
    return out


@ablate_heads.law
def zeros_in_their_place(candidate, draw):
    """Without `mean`, the heads that are off put out zeros and the others what they did."""
    for shape, off in CASES:
        heads, off = draw(*shape) + 0.5, np.array(off, bool)
        agree(candidate(heads, off), by_loops(heads, off), "the heads with zeros")
        agree(candidate(heads, off, mean=False), by_loops(heads, off), "the heads with mean=False")


@ablate_heads.law
def means_in_their_place(candidate, draw):
    """With `mean`, a head that is off puts out its mean over all examples and tokens, the same everywhere."""
    for shape, off in CASES:
        heads, off = draw(*shape) + 0.5, np.array(off, bool)
        agree(candidate(heads, off, mean=True), by_loops(heads, off, True), "the heads with means")


@ablate_heads.law
def the_average_stays(candidate, draw):
    """Mean ablation changes no head's average, and doing it twice is doing it once."""
    heads, off = draw(3, 4, 5, 2) + 1.0, np.array([True, True, False, True])
    once = np.asarray(candidate(heads, off, mean=True))
    agree(once.mean(axis=(0, 2)), heads.mean(axis=(0, 2)), "the average output of each head")
    agree(candidate(once, off, mean=True), once, "the heads after a second cut")


@ablate_heads.law
def none_and_all(candidate, draw):
    """With no head off nothing changes; with all off nothing depends on the tokens; the input stays as it was."""
    heads = draw(2, 3, 4, 2)
    before = heads.copy()
    agree(candidate(heads, np.zeros(3, bool), mean=True), before, "the heads with none off")
    agree(candidate(heads, np.ones(3, bool)), np.zeros_like(before), "the heads with all off")
    agree(heads, before, "the input after the calls")


@ablate_heads.law
def what_is_cut_may_be_anything(candidate, draw):
    """Zeros replace a head's output even where that is infinite: it is replaced, not multiplied."""
    heads, off = draw(2, 3, 4, 2), np.array([False, True, False])
    heads[0, 1, 2, 0] = np.inf
    want = heads.copy()
    want[:, 1] = 0.0
    agree(candidate(heads, off), want, "the heads with zeros for an infinite output")


def replaced(heads, off, typical):
    return np.where(off[:, None, None], typical, heads)


def answered(heads, off, mean, typical):
    """Zeros, or a (wrong) mean."""
    return replaced(heads, off, typical(heads) if mean else 0.0)


@ablate_heads.mutant("the other heads cut out: True was taken to mean stays")
def inverted(heads, off, mean=False):
    return answered(heads, ~off, mean, lambda x: x.mean((0, 2), keepdims=True))


@ablate_heads.mutant("zeros whether the mean was asked for or not")
def always_zeros(heads, off, mean=False):
    return replaced(heads, off, 0.0)


@ablate_heads.mutant("means whether they were asked for or not")
def always_means(heads, off, mean=False):
    return answered(heads, off, True, lambda x: x.mean((0, 2), keepdims=True))


@ablate_heads.mutant("each example's own mean: what the head says of this text is still there")
def mean_of_each_example(heads, off, mean=False):
    return answered(heads, off, mean, lambda x: x.mean(2, keepdims=True))


@ablate_heads.mutant("the mean of each position over the examples: what depends on the position is still there")
def mean_of_each_position(heads, off, mean=False):
    return answered(heads, off, mean, lambda x: x.mean(0, keepdims=True))


@ablate_heads.mutant("one number for all features of a head: the mean ran over them as well")
def mean_over_features(heads, off, mean=False):
    return answered(heads, off, mean, lambda x: x.mean((0, 2, 3), keepdims=True))


@ablate_heads.mutant("the mean of all heads in the place of one: it ran over the heads as well")
def mean_over_heads(heads, off, mean=False):
    return answered(heads, off, mean, lambda x: x.mean((0, 1, 2), keepdims=True))


@ablate_heads.mutant("the heads that stay scaled up to make good for those that are off, as dropout does")
def rescaled(heads, off, mean=False):
    left = np.where(off[:, None, None], 0.0, heads * len(off) / max(1, int((~off).sum())))
    return replaced(left, off, heads.mean((0, 2), keepdims=True) if mean else 0.0)


@ablate_heads.mutant("heads multiplied by zero: infinite outputs become NaN")
def multiplied(heads, off, mean=False):
    gate = (~off)[:, None, None]
    return heads * gate + (heads.mean((0, 2), keepdims=True) * ~gate if mean else 0.0)


@ablate_heads.style
def assigned_in_a_copy(heads, off, mean=False):
    """A copy, and an assignment to the heads that are off."""
    out = np.array(heads)
    out[:, off] = heads[:, off].mean(axis=(0, 2), keepdims=True) if mean else 0
    return out


@ablate_heads.style
def head_by_head(heads, off, mean=False):
    """A list of heads, stacked again, in float32."""
    kept = []
    for h, is_off in enumerate(off):
        head = heads[:, h].astype("f4")
        centre = head.reshape(-1, head.shape[-1]).mean(axis=0) if mean else np.zeros(head.shape[-1], "f4")
        kept.append(np.broadcast_to(centre, head.shape) if is_off else head)
    return np.stack(kept, axis=1)
