"""The learning rate of the original Transformer: laws, known mistakes, accepted styles."""

from headstart.graders.kit import agree, exercise, expect

inverse_root_rate = exercise("inverse_root_rate", "training_plans", chapter="training", wings=("in_numpy",))


def close(got, want, what):
    """Compare two rates, which are small, by their ratio."""
    agree(got, want, what, rtol=1e-5, atol=0.0)


@inverse_root_rate.law
def a_line_then_a_root(candidate, draw):
    """Up to the warm-up the rate is step / warmup of its peak, then the peak shrinks with √(warmup / step)."""
    for d_model, warmup in ((512, 4000), (64, 10), (1, 1), (256, 7)):
        peak = 1 / (d_model * warmup) ** 0.5
        for step in sorted({1, max(1, warmup // 2), warmup, warmup + 1, 4 * warmup, 9 * warmup}):
            want = peak * (step / warmup if step <= warmup else (warmup / step) ** 0.5)
            close(
                candidate(step, d_model, warmup), want, f"the rate at step {step}, d_model {d_model}, warmup {warmup}"
            )


@inverse_root_rate.law
def the_largest_is_at_the_end_of_warm_up(candidate, draw):
    """The rate rises until step = warmup and falls afterwards."""
    rates = [candidate(step, 128, 6) for step in range(1, 20)]
    expect(max(rates) == rates[5], f"the largest rate is at step {1 + rates.index(max(rates))}, it should be at step 6")
    expect(rates[:6] == sorted(rates[:6]) and rates[5:] == sorted(rates[5:])[::-1], "the rate does not rise, then fall")


@inverse_root_rate.law
def counts_from_one(candidate, draw):
    """A step, a width or a warm-up below one is refused by an exception."""
    for place in range(3):
        for bad in (0, -1):
            sizes = [2] * place + [bad] + [2] * (2 - place)
            expect(candidate.refuses(*sizes), f"it gave a rate for {tuple(sizes)}, it should raise ValueError")


def legal(*sizes):
    assert min(sizes) >= 1, "whole numbers from one"


@inverse_root_rate.mutant("the larger of the two branches instead of the smaller: the first steps are the largest")
def the_larger_branch(step, d_model, warmup):
    legal(step, d_model, warmup)
    return d_model**-0.5 * max(step**-0.5, step * warmup**-1.5)


@inverse_root_rate.mutant("the schedule without the factor d_model^(-1/2)")
def without_the_width(step, d_model, warmup):
    legal(step, d_model, warmup)
    return min(step**-0.5, step * warmup**-1.5)


@inverse_root_rate.mutant("the schedule multiplied by √d_model instead of divided by it")
def times_the_width(step, d_model, warmup):
    legal(step, d_model, warmup)
    return d_model**0.5 * min(step**-0.5, step * warmup**-1.5)


@inverse_root_rate.mutant("the schedule without warm-up: the inverse root from the first step on")
def without_warm_up(step, d_model, warmup):
    legal(step, d_model, warmup)
    return d_model**-0.5 * step**-0.5


@inverse_root_rate.mutant(
    "a line of slope 1/warmup instead of warmup^(-3/2): the branches do not meet at step = warmup"
)
def the_wrong_slope(step, d_model, warmup):
    legal(step, d_model, warmup)
    return d_model**-0.5 * min(step**-0.5, step / warmup)


@inverse_root_rate.mutant("a rate that stays at its peak after the warm-up")
def no_decay(step, d_model, warmup):
    legal(step, d_model, warmup)
    return (d_model * warmup) ** -0.5 * min(1.0, step / warmup)


@inverse_root_rate.style
def in_two_branches(step, d_model, warmup):
    """An if for the two branches."""
    if min(step, d_model, warmup) < 1:
        raise ValueError("whole numbers from one")
    peak = (d_model * warmup) ** -0.5
    if step < warmup:
        return peak * step / warmup
    return peak * (warmup / step) ** 0.5
