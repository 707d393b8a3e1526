"""A trajectory as tokens: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise

interleave_steps = exercise("interleave_steps", "reinforcement", wings=("in_numpy",))

SHAPES = ((4, 5), (1, 3), (1, 7, 2), (2, 3, 5), (2, 3, 4, 3), (3, 3))


def tokens_by_loops(returns, states, actions):
    """One token at a time: what stands at place n is step n // 3 of the kind n % 3."""
    *lead, T, d_model = states.shape
    out = np.zeros((*lead, 3 * T, d_model))
    for n in range(3 * T):
        out[..., n, :] = (returns, states, actions)[n % 3][..., n // 3, :]
    return out


def draw_steps(draw, *shape):
    """Embedded returns, states and actions of T steps."""
    return tuple(draw(*shape) for _ in range(3))


@interleave_steps.law
def return_state_action(candidate, draw):
    """The tokens of each step stand together, in the order return, state, action, step after step."""
    for shape in SHAPES:
        steps = draw_steps(draw, *shape)
        agree(candidate(*steps), tokens_by_loops(*steps), f"the tokens of steps of shape {shape}")


@interleave_steps.law
def a_state_comes_before_its_action(candidate, draw):
    """Another action moves no token up to its own state's, so a causal model cannot read the answer there."""
    returns, states, actions = draw_steps(draw, 2, 5, 3)
    other = actions.copy()
    other[:, 2] += 1.0
    moved = np.abs(np.asarray(candidate(returns, states, other)) - candidate(returns, states, actions)).max(axis=(0, 2))
    agree(moved, np.where(np.arange(15) == 8, 1.0, 0.0), "how far each token moves with the action of step 2")


@interleave_steps.law
def longer_histories_begin_alike(candidate, draw):
    """The tokens of the first steps are the first tokens of all steps: acting step by step appends, nothing moves."""
    steps = draw_steps(draw, 2, 6, 4)
    for T in (1, 2, 5):
        first = candidate(*(each[:, :T].copy() for each in steps))
        agree(first, np.asarray(candidate(*steps))[:, : 3 * T], f"the tokens of the first {T} steps")


@interleave_steps.mutant("all returns, then all states, then all actions: a state sees later returns, and no action")
def one_kind_after_another(returns, states, actions):
    return np.concatenate([returns, states, actions], axis=-2)


@interleave_steps.mutant("the action before its state: at the state's token the answer has been read")
def action_before_state(returns, states, actions):
    return tokens_by_loops(returns, actions, states)


@interleave_steps.mutant("the state before its return: what is asked for comes after the place that should know it")
def state_before_return(returns, states, actions):
    return tokens_by_loops(states, returns, actions)


@interleave_steps.mutant("the three kinds side by side on the feature axis: one wide token a step, the action in it")
def side_by_side(returns, states, actions):
    return np.concatenate([returns, states, actions], axis=-1)


@interleave_steps.mutant("a stack of kinds reshaped without moving the time axis forward: steps and kinds are mixed up")
def reshaped_without_transposing(returns, states, actions):
    stacked = np.stack([returns, states, actions], axis=-3)  # (..., 3, T, d_model)
    *lead, n, T, d_model = stacked.shape
    return stacked.swapaxes(-1, -2).reshape(*lead, n * T, d_model)


@interleave_steps.mutant("the three embeddings of a step added up: one token a step, which has seen its action")
def added_up(returns, states, actions):
    return returns + states + actions


@interleave_steps.mutant("actions moved on by one step: the token behind a state holds the previous action")
def previous_action(returns, states, actions):
    return tokens_by_loops(returns, states, np.roll(actions, 1, axis=-2))


@interleave_steps.style
def by_stacking(returns, states, actions):
    """Stacked behind the time axis, then flattened."""
    stacked = np.stack([returns, states, actions], axis=-2)
    return stacked.reshape(*states.shape[:-2], -1, states.shape[-1])


@interleave_steps.style
def by_side_by_side_rows(returns, states, actions):
    """Side by side on the feature axis, in float32, then every row cut in three."""
    wide = np.concatenate([returns, states, actions], axis=-1).astype(np.float32)
    *lead, T, width = wide.shape
    return wide.reshape((*lead, 3 * T, width // 3))
