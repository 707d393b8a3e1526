"""Returns-to-go: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise

returns_to_go = exercise("returns_to_go", "reinforcement", wings=("in_numpy",))

SHAPES = ((7,), (1,), (1, 4), (3, 6), (2, 2, 5))


def returns_by_loops(rewards, ends, discount=1.0, stops=True):
    """The definition: from each step forward until an end, one reward at a time."""
    out = np.zeros(rewards.shape)
    for *at, t in np.ndindex(rewards.shape):
        for later in range(t, rewards.shape[-1]):
            out[*at, t] += discount ** (later - t) * rewards[*at, later]
            if stops and ends[*at, later]:
                break
    return out


def draw_ends(draw, *shape, likely=0.3):
    """Ends at random; the first row is cut off in the middle of its last episode, which began at step 2 at most."""
    ends = draw.rng.random(shape) < likely
    ends.reshape(-1, shape[-1])[0] = np.arange(shape[-1]) == 1
    if shape[-1] < 3:
        ends[...] = False
    return ends


@returns_to_go.law
def all_that_is_still_to_come(candidate, draw):
    """Every step gets the discounted sum of the rewards from it on, to the end of its episode."""
    for shape in again(*SHAPES):
        rewards, ends = draw(*shape), draw_ends(draw, *shape)
        for discount in (1.0, 0.9, 0.5):
            what = f"the returns of {shape} with discount {discount}"
            agree(candidate(rewards, ends, discount), returns_by_loops(rewards, ends, discount), what)


@returns_to_go.law
def undiscounted_if_not_told(candidate, draw):
    """Without a discount a later reward is worth what it is worth now."""
    rewards, none = draw(2, 9), np.zeros((2, 9), dtype=bool)
    agree(candidate(rewards, none), rewards[:, ::-1].cumsum(-1)[:, ::-1], "the returns without a discount")


@returns_to_go.law
def nothing_crosses_an_end(candidate, draw):
    """Other rewards behind an end, however large, leave the returns before it alone."""
    rewards, ends = draw(2, 8), np.zeros((2, 8), dtype=bool)
    ends[:, 3] = True
    other = rewards.copy()
    other[:, 4:] += 50.0
    agree(np.asarray(candidate(other, ends, 0.8))[:, :4], returns_by_loops(rewards, ends, 0.8)[:, :4], "the returns")


@returns_to_go.law
def the_past_is_no_credit(candidate, draw):
    """Rewards before a step do not enter its return; the step's own does, even at an end. Whole rewards will do."""
    rewards, ends = np.array([5.0, 0.0, 0.0, 1.0, 2.0]), np.array([False, False, False, True, True])
    for kind in (float, int):
        got = candidate(rewards.astype(kind), ends, 0.5)
        agree(got, np.array([5.125, 0.25, 0.5, 1.0, 2.0]), f"the returns of 5 0 0 1 | 2 as {kind.__name__}")


@returns_to_go.law
def a_discount_of_zero(candidate, draw):
    """With a discount of 0 a step's return is its own reward, without NaN; a discount above 1 is a factor too."""
    rewards, ends = draw(3, 5), draw_ends(draw, 3, 5)
    agree(candidate(rewards, ends, 0.0), rewards, "the returns with discount 0")
    agree(candidate(rewards, ends, 1.1), returns_by_loops(rewards, ends, 1.1), "the returns with discount 1.1")


@returns_to_go.law
def long_episodes_do_not_underflow(candidate, draw):
    """In 330 steps the powers of a discount of 0.1 vanish, and no return may be divided by them."""
    got = candidate(np.ones(330), np.zeros(330, dtype=bool), 0.1)
    agree(got, (1.0 - 0.1 ** np.arange(330, 0, -1)) / 0.9, "the returns of 330 rewards of 1 with discount 0.1")


@returns_to_go.mutant("returns that run on into the next episode: the ends are not looked at")
def runs_across_ends(rewards, ends, discount=1.0):
    return returns_by_loops(rewards, ends, discount, stops=False)


@returns_to_go.mutant("sums of the past: what was earned so far, not what is still to come")
def sums_of_the_past(rewards, ends, discount=1.0):
    starts = np.concatenate([np.ones_like(ends[..., :1]), ends[..., :-1]], axis=-1)
    return returns_by_loops(rewards[..., ::-1], starts[..., ::-1], discount)[..., ::-1]


@returns_to_go.mutant("returns without the step's own reward: they begin one step late")
def own_reward_left_out(rewards, ends, discount=1.0):
    return returns_by_loops(rewards, ends, discount) - rewards


@returns_to_go.mutant("undiscounted returns, whatever discount is asked for")
def never_discounted(rewards, ends, discount=1.0):
    return returns_by_loops(rewards, ends)


@returns_to_go.mutant("returns that are cut one step early: the reward at the end of an episode is lost")
def last_reward_lost(rewards, ends, discount=1.0):
    return returns_by_loops(np.where(ends, 0.0, rewards), ends, discount)


@returns_to_go.mutant("rewards discounted by the step of the episode's clock, γᵗ, not by the distance to them")
def discounted_by_the_clock(rewards, ends, discount=1.0):
    return returns_by_loops(rewards * discount ** np.arange(rewards.shape[-1]), ends)


@returns_to_go.mutant("an end read as the first step of the next episode: it is cut off from its own")
def end_is_a_beginning(rewards, ends, discount=1.0):
    late = np.concatenate([ends[..., 1:], np.zeros_like(ends[..., :1])], axis=-1)
    return returns_by_loops(rewards, late, discount)


@returns_to_go.mutant("the return of the whole episode at every step: what was earned already is asked for again")
def whole_return_everywhere(rewards, ends, discount=1.0):
    out, whole = returns_by_loops(rewards, ends, discount), returns_by_loops(rewards, ends, discount)
    for *at, t in np.ndindex(out.shape):
        if t > 0 and not ends[*at, t - 1]:
            whole[*at, t] = whole[*at, t - 1]
    return whole


@returns_to_go.mutant("a running sum of γᵗ · reward divided by γᵗ: in a long episode γᵗ vanishes and the rest is NaN")
def divided_by_powers(rewards, ends, discount=1.0):
    powers = float(discount) ** np.arange(rewards.shape[-1])
    return returns_by_loops(rewards * powers, ends) / powers


@returns_to_go.style
def by_a_matrix(rewards, ends, discount=1.0):
    """One matrix of powers of the discount, zero across ends."""
    T = rewards.shape[-1]
    before = np.cumsum(ends, axis=-1) - ends
    same = before[..., :, None] == before[..., None, :]
    gap = np.arange(T) - np.arange(T)[:, None]
    powers = np.where(gap >= 0, float(discount) ** np.maximum(gap, 0), 0.0)
    return ((same * powers) @ rewards[..., None])[..., 0]


@returns_to_go.style
def returns_in_float32(rewards, ends, discount=1.0):
    """Backwards, in float32, multiplied by what goes on."""
    goes_on, out = (1 - ends).astype(np.float32), rewards.astype(np.float32)
    for t in range(rewards.shape[-1] - 2, -1, -1):
        out[..., t] += np.float32(discount) * goes_on[..., t] * out[..., t + 1]
    return out
