"""What makes attention an agent: returns, trajectories as tokens, memory that ends with an episode, gates, credit."""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.masks import causal_mask
from headstart.in_numpy.stability import log_sum_exp


@shapes(rewards="... T", ends="bool ... T")
def returns_to_go(rewards, ends, discount=1.0):
    """Sum what is still to come in the same episode, the reward of the step itself included.

    rewards   (..., T)   rewards[t] follows the action of step t; whole numbers will do
    ends      (..., T)   boolean, True at the last step of an episode: step t + 1 belongs to the next one
    discount  float      what a reward one step later is worth
    return    (..., T)   rewards[t] + discount · the return-to-go of step t + 1, if it is of the same episode

    Law: what happens after an end, or happened before a step, cannot change its return-to-go.
    Source: Chen et al. 2021, section 3 (undiscounted); Sutton and Barto 2018, equation 3.9 (discounted).
    """
    out = 1.0 * rewards  # a copy, in floats
    for t in reversed(range(out.shape[-1] - 1)):
        out[..., t] += discount * np.where(ends[..., t], 0.0, out[..., t + 1])
    return out


@shapes(returns="... T d_model", states="... T d_model", actions="... T d_model")
def interleave_steps(returns, states, actions):
    """Lay a trajectory out as one sequence of tokens: return, state, action, return, state, action, …

    returns  (..., T, d_model)     the embedded returns-to-go
    states   (..., T, d_model)     the embedded observations
    actions  (..., T, d_model)     the embedded actions
    return   (..., 3·T, d_model)   token 3t is the return of step t, 3t + 1 its state, 3t + 2 its action

    Law: under a causal mask the token of a state has seen its return and all earlier steps, and not its action.
    Source: Chen et al. 2021, section 3.
    """
    tokens = np.repeat(returns, 3, axis=-2)  # (..., 3·T, d_model)
    tokens[..., 1::3, :] = states
    tokens[..., 2::3, :] = actions
    return tokens


@shapes(logits="... L n_actions", actions="... T", real="bool ... T")
def decision_loss(logits, actions, real):
    """Score the actions that were taken, each at the token of its state: mean surprise in nats.

    logits   (..., 3·T, n_actions)   a row a token: return, state, action of step 0, of step 1, …; else ShapeError
    actions  (..., T)                whole numbers below n_actions; in the padding any of them
    real     (..., T)                boolean, False for padding; somewhere it is True
    return   float                   the mean of -log softmax(logits of the state's token)[action] over all real steps

    Law: the rows of return and action tokens, and all rows of padding, cannot change the loss.
    Source: Chen et al. 2021, section 3 (the head at a state's token predicts its action).
    """
    if logits.shape[-2] != 3 * actions.shape[-1]:
        raise ShapeError(f"decision_loss: {actions.shape[-1]} steps make three rows each, got {logits.shape[-2]} rows")
    scores = logits[..., 1::3, :]  # (..., T, n_actions)
    taken = np.take_along_axis(scores, actions[..., None], axis=-1).squeeze(-1)  # (..., T)
    return np.mean(log_sum_exp(scores) - taken, where=real)


def sigmoid(a):
    """1 / (1 + e⁻ᵃ), by tanh, which cannot overflow."""
    return (1.0 + np.tanh(a / 2.0)) / 2.0


@shapes(
    x="... d_model", y="... d_model", W_r="d_model d_model", U_r="d_model d_model", W_z="d_model d_model",
    U_z="d_model d_model", W_g="d_model d_model", U_g="d_model d_model",
)  # fmt: skip
def gru_gate(x, y, W_r, U_r, W_z, U_z, W_g, U_g, bias=2.0):
    """Join a sub-layer's output y to its input x by a gate that starts almost shut, instead of adding them.

    x              (..., d_model)       the stream: what a residual connection would pass on
    y              (..., d_model)       what the sub-layer (attention or feed-forward) made of it
    W_r, W_z, W_g  (d_model, d_model)   applied to y from the right
    U_r, U_z, U_g  (d_model, d_model)   applied to x from the right, U_g to r · x
    bias           float                subtracted inside z: the larger, the closer to x the result starts
    return         (..., d_model)       (1 - z) · x + z · tanh(y W_g + (r · x) U_g), with
                                        r = sigmoid(y W_r + x U_r) and z = sigmoid(y W_z + x U_z - bias)

    Law: for a large bias it is the identity on x, whatever y is.
    Source: Parisotto et al. 2020, section 3.2 (GRU-type gating, gated identity initialisation).
    """
    r = sigmoid(y @ W_r + x @ U_r)  # (..., d_model)
    z = sigmoid(y @ W_z + x @ U_z - bias)  # (..., d_model)
    return (1.0 - z) * x + z * np.tanh(y @ W_g + (r * x) @ U_g)


@shapes(ends="bool ...")
def memory_mask(ends, T_q):
    """Let the newest T_q steps read all earlier steps of their own episode, those in the memory too.

    ends    (..., T_k)        boolean, True at the last step of an episode; memory first, then the current segment
    T_q     int               at least 1 and at most T_k, else ShapeError: the queries are the last T_q steps
    return  (..., T_q, T_k)   boolean: a query may attend to itself and to earlier keys with no end in between

    Law: the first step of an episode may attend to itself alone, however long the memory.
    Source: Dai et al. 2019, section 3.2 (memory of the previous segment, causal); episodes: chapter 02's document mask.
    """
    T_k = ends.shape[-1]
    if T_q < 1 or T_q > T_k:
        raise ShapeError(f"memory_mask: T_q must be at least 1 and at most T_k = {T_k}, got {T_q}")
    to_come = np.cumsum(ends[..., ::-1], axis=-1)[..., ::-1]  # (..., T_k): ends from here on, equal within an episode
    return (to_come[..., -T_q:, None] == to_come[..., None, :]) & causal_mask(T_q, T_k)


@shapes(rewards="... T", values="... T1", ends="bool ... T")
def generalised_advantages(rewards, values, ends, discount=0.99, lam=0.95):
    """Tell how much better an action turned out than expected, between one step's surprise and the whole return's.

    rewards   (..., T)     rewards[t] follows the action of step t
    values    (..., T+1)   the critic's return-to-go of every state, and of the one after the last step; else ShapeError
    ends      (..., T)     boolean, True at the last step of an episode: nothing of the next step counts
    discount  float        what a reward one step later is worth
    lam       float        0: the surprise of one step; 1: return-to-go minus value
    return    (..., T)     Σ_l (discount · lam)^l · error[t + l] up to the episode's end, where
                           error[t] = rewards[t] + discount · values[t + 1] - values[t]; at an end without values[t + 1]

    Law: with lam = 1 and no value behind the last step it is returns_to_go(rewards, ends, discount) - values.
    Source: Schulman et al. 2016, section 3, equations 16 to 18.
    """
    T = rewards.shape[-1]
    if values.shape[-1] != T + 1:
        raise ShapeError(f"generalised_advantages: {T} steps need {T + 1} values, got {values.shape[-1]}")
    following = np.where(ends, 0.0, values[..., 1:])  # (..., T)
    errors = rewards + discount * following - values[..., :-1]  # (..., T)
    return returns_to_go(errors, ends, discount * lam)
