"""A learning rate with a warm-up and a cosine: laws, known mistakes, accepted styles."""

import math

from headstart.graders.kit import agree, exercise, expect

cosine_rate = exercise("cosine_rate", "training_plans", chapter="training", wings=("in_numpy",))


def rate_by_angle(step, peak, warmup, total, lowest=0.0):
    """The rate by the half-angle form of the cosine, cos²(φ/2)."""
    if step <= warmup:
        return peak * step / warmup
    angle = min(1.0, (step - warmup) / (total - warmup)) * math.pi
    return lowest + (peak - lowest) * math.cos(angle / 2) ** 2


def close(got, want, what):
    agree(got, want, what, rtol=1e-5, atol=1e-7)


@cosine_rate.law
def up_on_a_line_down_on_a_cosine(candidate, draw):
    """The rate is peak · step / warmup, then lowest + (peak - lowest) · (1 + cos(π · share done)) / 2."""
    for peak, warmup, total, lowest in (
        (1e-3, 10, 100, 1e-4),
        (0.5, 1, 2, 0.0),
        (2.0, 7, 20, 0.5),
        (1.0, 100, 1000, 0.1),
    ):
        for step in sorted({1, max(1, warmup // 2), warmup, warmup + 1, (warmup + total) // 2, total - 1, total}):
            want = rate_by_angle(step, peak, warmup, total, lowest)
            close(candidate(step, peak, warmup, total, lowest), want, f"the rate at step {step} of {total}")


@cosine_rate.law
def ends_at_the_lowest_and_stays(candidate, draw):
    """At the last step the rate is the lowest, zero unless another is given, and it stays there afterwards."""
    for step in (40, 41, 60, 76, 400):
        close(candidate(step, 0.3, 4, 40), 0.0, f"the rate at step {step} of 40")
        close(candidate(step, 0.3, 4, 40, 0.03), 0.03, f"the rate at step {step} of 40, lowest=0.03")


@cosine_rate.law
def half_way_is_half(candidate, draw):
    """Half-way between warm-up and end the rate is half-way between peak and lowest."""
    for peak, lowest in ((1.0, 0.0), (0.4, 0.1)):
        close(candidate(30, peak, 10, 50, lowest), (peak + lowest) / 2, "the rate half-way")


@cosine_rate.law
def plans_that_cannot_be(candidate, draw):
    """Steps below one, no warm-up step, an end that is not after the warm-up and a peak of zero are refused."""
    for step, warmup, total in ((0, 2, 5), (-1, 2, 5), (1, 0, 5), (1, 5, 5), (1, 5, 4)):
        plan = f"step {step}, warmup {warmup}, total {total}"
        expect(candidate.refuses(step, 1.0, warmup, total), f"it gave a rate for {plan}, it should raise ValueError")
    for peak in (0.0, -1.0):
        expect(candidate.refuses(1, peak, 2, 5), f"it gave a rate for a peak of {peak}, it should raise ValueError")
    close(candidate(1, 1.0, 1, 2), 1.0, "the rate at step 1 of 2")


def legal(step, peak, warmup, total):
    assert min(step, warmup, total - warmup) >= 1, "a plan that cannot be"
    assert peak > 0, "a peak of nothing"


def fall(share, peak, lowest):
    return lowest + (peak - lowest) * (1 + math.cos(math.pi * share)) / 2


@cosine_rate.mutant("a cosine whose share done counts from step 0 instead of from the end of the warm-up: it jumps")
def counted_from_zero(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    return peak * step / warmup if step <= warmup else fall(min(1.0, step / total), peak, lowest)


@cosine_rate.mutant("a cosine that is not stopped at the end: the rate rises again")
def rises_again(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    return peak * step / warmup if step <= warmup else fall((step - warmup) / (total - warmup), peak, lowest)


@cosine_rate.mutant("a straight line down instead of a cosine")
def straight_down(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    share = min(1.0, (step - warmup) / (total - warmup))
    return peak * step / warmup if step <= warmup else peak + (lowest - peak) * share


@cosine_rate.mutant("a cosine over a quarter turn: cos(π/2 · share), steep at its end")
def quarter_turn(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    share = min(1.0, (step - warmup) / (total - warmup))
    return peak * step / warmup if step <= warmup else lowest + (peak - lowest) * math.cos(math.pi / 2 * share)


@cosine_rate.mutant("a schedule without its warm-up")
def cosine_at_once(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    return fall(min(1.0, max(0, step - warmup) / (total - warmup)), peak, lowest)


@cosine_rate.mutant("a cosine that falls to zero whatever lowest is")
def falls_to_zero(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    return rate_by_angle(step, peak, warmup, total)


@cosine_rate.mutant("a cosine of height peak on top of lowest: it starts above the peak")
def on_top_of_the_lowest(step, peak, warmup, total, lowest=0.0):
    legal(step, peak, warmup, total)
    return peak * step / warmup if step <= warmup else rate_by_angle(step, peak, warmup, total) + lowest


@cosine_rate.style
def by_half_angles(step, peak, warmup, total, lowest=0.0):
    """cos² of half the angle."""
    if step < 1 or warmup < 1 or total <= warmup or peak <= 0:
        raise ValueError("a plan that cannot be")
    return rate_by_angle(step, peak, warmup, total, lowest)


@cosine_rate.style
def with_three_branches(step, peak, warmup, total, lowest=0.0):
    """One branch each for the line, the cosine and the rest."""
    legal(step, peak, warmup, total)
    if step < warmup:
        return step * (peak / warmup)
    return lowest if step >= total else fall((step - warmup) / (total - warmup), peak, lowest)
