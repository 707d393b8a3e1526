"""Generalised advantages: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect
from headstart.graders.reinforcement.returns import draw_ends, returns_by_loops

generalised_advantages = exercise(
    "generalised_advantages", "reinforcement", wings=("in_numpy",), needs=("returns_to_go",)
)

SHAPES = ((6,), (1,), (1, 5), (3, 4), (2, 2, 7))


def surprises(rewards, values, ends, discount):
    """One step's error: what came, what the next state promises unless an episode ended, less what was said."""
    out = np.zeros(rewards.shape)
    for *at, t in np.ndindex(rewards.shape):
        promise = 0.0 if ends[*at, t] else discount * values[*at, t + 1]
        out[*at, t] = rewards[*at, t] + promise - values[*at, t]
    return out


def advantages(rewards, values, ends, discount=0.99, lam=0.95):
    """The definition: errors from a step on, weighted by (discount · lam)^distance, up to the end of the episode."""
    return returns_by_loops(surprises(rewards, values, ends, discount), ends, discount * lam)


def draw_path(draw, *shape):
    """Rewards, one value more, and ends."""
    return draw(*shape), draw(*shape[:-1], shape[-1] + 1), draw_ends(draw, *shape)


@generalised_advantages.law
def errors_weighted_by_distance(candidate, draw):
    """The advantage is the sum of the errors from a step on, weighted by (discount · lam)^distance, up to the end."""
    for shape in again(*SHAPES):
        path = draw_path(draw, *shape)
        for discount, lam in ((0.9, 0.8), (1.0, 0.5), (0.5, 1.0)):
            what = f"the advantages of {shape} with discount {discount} and lam {lam}"
            agree(candidate(*path, discount, lam), advantages(*path, discount, lam), what)
    rewards, *others = draw_path(draw, 2, 5)
    path = (np.round(3 * rewards).astype(int), *others)
    agree(candidate(*path), advantages(*path, 0.99, 0.95), "the advantages of whole rewards")


@generalised_advantages.law
def defaults(candidate, draw):
    """With nothing said the discount is 0.99 and lam is 0.95."""
    path = draw_path(draw, 2, 9)
    agree(candidate(*path), advantages(*path, 0.99, 0.95), "the advantages with the defaults")
    agree(candidate(*path, 0.7), advantages(*path, 0.7, 0.95), "the advantages with discount 0.7 and lam left at 0.95")


@generalised_advantages.law
def lam_of_zero_is_one_step(candidate, draw):
    """With lam = 0 each step answers for its own surprise alone."""
    path = draw_path(draw, 3, 5)
    agree(candidate(*path, 0.9, 0.0), surprises(*path, 0.9), "the advantages with lam 0")


@generalised_advantages.law
def lam_of_one_is_the_return(candidate, draw):
    """With lam = 1 it is the return-to-go, the value behind the last step added, minus the value of the state."""
    rewards, values, ends = draw_path(draw, 3, 6)
    with_tail = rewards.copy()
    with_tail[:, -1] += np.where(ends[:, -1], 0.0, 0.9 * values[:, -1])
    want = returns_by_loops(with_tail, ends, 0.9) - values[:, :-1]
    agree(candidate(rewards, values, ends, 0.9, 1.0), want, "the advantages with lam 1")
    got = candidate(np.ones(330), np.zeros(331), np.zeros(330, dtype=bool), 0.1, 1.0)
    agree(got, (1.0 - 0.1 ** np.arange(330, 0, -1)) / 0.9, "the advantages of 330 steps, where powers of 0.1 vanish")


@generalised_advantages.law
def nothing_of_the_next_episode(candidate, draw):
    """What the critic says of the state behind an end does not count for the steps before it."""
    rewards, values, _ = draw_path(draw, 2, 6)
    ends = np.isin(np.arange(6), (2, 5)) & np.ones((2, 1), dtype=bool)
    other = values.copy()
    other[:, 3], other[:, 6] = 40.0, -70.0
    got = np.asarray(candidate(rewards, other, ends, 0.9, 0.7))
    want = advantages(rewards, values, ends, 0.9, 0.7)
    agree(got[:, :3], want[:, :3], "the advantages before the first end")
    agree(got[:, 4:], want[:, 4:], "the advantages before the last end")


@generalised_advantages.law
def a_perfect_critic_is_never_surprised(candidate, draw):
    """Where the values are the true returns-to-go, every advantage is zero, whatever lam."""
    rewards, _, ends = draw_path(draw, 2, 7)
    ends[:, -1] = True
    values = np.concatenate([returns_by_loops(rewards, ends, 0.8), draw(2, 1)], axis=-1)
    for lam in (0.0, 0.6, 1.0):
        agree(candidate(rewards, values, ends, 0.8, lam), np.zeros((2, 7)), f"the advantages with lam {lam}")


@generalised_advantages.law
def one_value_more_than_rewards(candidate, draw):
    """Values without the one behind the last step, or with two, are refused with an exception."""
    for T in (1, 5):
        rewards, values, ends = draw_path(draw, 2, T)
        for wrong in (values[:, :-1], np.concatenate([values, values[:, :1]], axis=-1)):
            expect(candidate.refuses(rewards, wrong, ends), f"it took {wrong.shape[-1]} values for {T} rewards")


def needs_one_more(rewards, values):
    """The contract's number of values."""
    if values.shape[-1] != rewards.shape[-1] + 1:
        raise ValueError("one value more")


@generalised_advantages.mutant("advantages that run on into the next episode: the ends are not looked at")
def ends_ignored(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return advantages(rewards, values, np.zeros_like(ends), discount, lam)


@generalised_advantages.mutant("the next episode's first value taken for the future of an end: only the sum is cut")
def value_behind_the_end(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return returns_by_loops(surprises(rewards, values, np.zeros_like(ends), discount), ends, discount * lam)


@generalised_advantages.mutant("the sum not cut at an end: the errors of the next episode are added")
def sum_not_cut(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return returns_by_loops(surprises(rewards, values, ends, discount), np.zeros_like(ends), discount * lam)


@generalised_advantages.mutant("errors weighted by lam alone, not by discount · lam")
def weighted_by_lam(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return returns_by_loops(surprises(rewards, values, ends, discount), ends, lam)


@generalised_advantages.mutant("errors weighted by the discount alone: lam is not looked at")
def lam_ignored(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return advantages(rewards, values, ends, discount, 1.0)


@generalised_advantages.mutant("the next value undiscounted inside the error")
def next_value_undiscounted(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return returns_by_loops(surprises(rewards, values, ends, 1.0), ends, discount * lam)


@generalised_advantages.mutant("the return itself: the value of the state is not subtracted, so nothing is compared")
def return_not_advantage(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return advantages(rewards, values, ends, discount, lam) + values[..., :-1]


@generalised_advantages.mutant("the advantage with its sign turned: better than expected counts as worse")
def sign_turned(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return -advantages(rewards, values, ends, discount, lam)


@generalised_advantages.mutant("each sum multiplied by 1 - lam, as an average of errors: at lam = 1 nothing is left")
def averaged(rewards, values, ends, discount=0.99, lam=0.95):
    needs_one_more(rewards, values)
    return (1 - lam) * advantages(rewards, values, ends, discount, lam)


@generalised_advantages.style
def backwards_in_one_loop(rewards, values, ends, discount=0.99, lam=0.95):
    """The loop that reinforcement-learning libraries write, in float32."""
    if values.shape[-1] != rewards.shape[-1] + 1:
        raise ValueError("one value more")
    rewards, values = rewards.astype(np.float32), values.astype(np.float32)
    out, running = np.zeros_like(rewards), np.float32(0)
    for t in range(rewards.shape[-1] - 1, -1, -1):
        error = rewards[..., t] + np.where(ends[..., t], 0, discount * values[..., t + 1]) - values[..., t]
        running = error + np.where(ends[..., t], 0, discount * lam * running)
        out[..., t] = running
    return out


@generalised_advantages.style
def as_differences_of_targets(rewards, values, ends, discount=0.99, lam=0.95):
    """The lambda-return first, then the value subtracted."""
    assert values.shape[-1] == rewards.shape[-1] + 1
    target = np.array(rewards, dtype=float)
    after = np.where(ends, 0.0, values[..., 1:])
    for t in reversed(range(rewards.shape[-1])):
        later = after[..., t] if t == rewards.shape[-1] - 1 else (1 - lam) * after[..., t] + lam * target[..., t + 1]
        target[..., t] += np.where(ends[..., t], 0.0, discount * later)
    return target - values[..., :-1]
