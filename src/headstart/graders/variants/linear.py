"""Causal linear attention as a recurrent network: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

linear_attention = exercise("linear_attention", "linear_attention", chapter="variants", wings=("in_numpy",))

SHAPES = (((2,), 5, 3, 4), ((), 4, 2, 2), ((1,), 1, 3, 2), ((2, 2), 3, 1, 3))  # leading axes, T, d_head, d_v


def phi(x):
    """elu(x) + 1."""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def draw_steps(draw, lead, T, d_head, d_v):
    """Queries, keys and values of T tokens."""
    return draw(*lead, T, d_head), draw(*lead, T, d_head), draw(*lead, T, d_v)


def nothing(q, v):
    """The state at the beginning."""
    lead, d_head = q.shape[:-2], q.shape[-1]
    return np.zeros((*lead, d_head, v.shape[-1])), np.zeros((*lead, d_head))


def quadratic(q, k, v):
    """All pairs at once: weights φ(q_i)·φ(k_j) for j <= i, normalised."""
    weights = np.tril(phi(q) @ phi(k).mT)
    return weights / weights.sum(axis=-1, keepdims=True) @ v


def parts(result):
    """The output and the two states, if the result is a tuple of three."""
    expect(isinstance(result, tuple | list) and len(result) == 3, "the result is not a tuple (out, S, z)")
    return result


@linear_attention.law
def equals_the_quadratic_form(candidate, draw):
    """From a state of zeros the outputs are those of weights φ(q)·φ(k), normalised over the past, for every shape."""
    for shape in SHAPES:
        q, k, v = draw_steps(draw, *shape)
        agree(parts(candidate(q, k, v, *nothing(q, v)))[0], quadratic(q, k, v))


@linear_attention.law
def states_are_sums(candidate, draw):
    """The last states are the first ones plus the sums of φ(k) vᵀ and of φ(k)."""
    for lead, T, d_head, d_v in SHAPES:
        q, k, v = draw_steps(draw, lead, T, d_head, d_v)
        S, z = draw(*lead, d_head, d_v), np.abs(draw(*lead, d_head)) + 1
        _, S_T, z_T = parts(candidate(q, k, v, S, z))
        agree(S_T, S + phi(k).mT @ v, "the last state S")
        agree(z_T, z + phi(k).sum(axis=-2), "the last state z")


@linear_attention.law
def goes_on_where_it_stopped(candidate, draw):
    """Two calls, the second with the states that the first left, give what one call gives."""
    q, k, v = draw_steps(draw, (2,), 7, 3, 2)
    whole = quadratic(q, k, v)
    for cut in (1, 4):
        first, S, z = parts(candidate(q[:, :cut], k[:, :cut], v[:, :cut], *nothing(q, v)))
        second, _, _ = parts(candidate(q[:, cut:], k[:, cut:], v[:, cut:], np.asarray(S), np.asarray(z)))
        agree(np.concatenate([first, second], axis=-2), whole, f"the output of two calls, cut after {cut}")


@linear_attention.law
def large_features_stay_finite(candidate, draw):
    """Features of several hundreds do not overflow: φ exponentiates what is negative alone."""
    q, k, v = draw_steps(draw, (), 4, 3, 2)
    q, k = 400 * q, np.abs(400 * k)
    q[..., 0] = np.abs(q[..., 0])  # one large feature at least: the normaliser stays away from zero in float32 too
    agree(parts(candidate(q, k, v, *nothing(q, v)))[0], quadratic(q, k, v), rtol=1e-3, atol=1e-3)


def run(q, k, v, S, z, phi=phi, normalise=True, after=False, z_is_last=False):
    """The recurrence, with room for mistakes."""
    q, k, out = phi(q), phi(k), []
    for t in range(q.shape[-2]):
        before = S, z
        S, z = S + k[..., t, :, None] * v[..., t, None, :], z + k[..., t, :]
        if z_is_last:
            z = k[..., t, :]
        S_t, z_t = before if after else (S, z)
        total = (q[..., t, :] * z_t).sum(axis=-1, keepdims=True) if normalise else 1.0
        out.append(np.einsum("...d,...dv->...v", q[..., t, :], S_t) / total)
    return np.stack(out, axis=-2), S, z


@linear_attention.mutant("linear attention without a normaliser: the output grows with the length")
def not_normalised(*inputs):
    return run(*inputs, normalise=False)


@linear_attention.mutant("linear attention that reads before it writes: a token does not see itself")
def reads_before_writing(*inputs):
    with np.errstate(all="ignore"):
        return run(*inputs, after=True)


@linear_attention.mutant("linear attention with ReLU as φ instead of elu + 1")
def relu_features(*inputs):
    with np.errstate(all="ignore"):
        return run(*inputs, phi=lambda x: np.maximum(x, 0.0))


@linear_attention.mutant("linear attention without φ: weights may be negative and the normaliser may vanish")
def no_features(*inputs):
    return run(*inputs, phi=lambda x: x)


@linear_attention.mutant("linear attention with elu as φ, the 1 forgotten")
def elu_alone(*inputs):
    return run(*inputs, phi=lambda x: phi(x) - 1)


@linear_attention.mutant("linear attention without a causal order: every token reads the last state")
def reads_the_end(q, k, v, S, z):
    q, k = phi(q), phi(k)
    S, z = S + k.mT @ v, z + k.sum(axis=-2)
    return q @ S / (q @ z[..., None]), S, z


@linear_attention.mutant("linear attention that starts from zeros whatever state it is given")
def forgets_its_state(q, k, v, S, z):
    return run(q, k, v, 0 * S, 0 * z)


@linear_attention.mutant("linear attention whose normaliser is the newest key instead of the sum of all")
def newest_key_normalises(*inputs):
    return run(*inputs, z_is_last=True)


@linear_attention.style
def by_running_sums(q, k, v, S, z):
    """Cumulative sums of all states."""
    q, k = phi(q), phi(k)
    states = S[..., None, :, :] + np.cumsum(k[..., :, None] * v[..., None, :], axis=-3)  # (..., T, d_head, d_v)
    sums = z[..., None, :] + np.cumsum(k, axis=-2)
    out = np.einsum("...td,...tdv->...tv", q, states) / np.einsum("...td,...td->...t", q, sums)[..., None]
    return out, states[..., -1, :, :], sums[..., -1, :]


@linear_attention.style
def step_by_step(q, k, v, S, z):
    """einsum for each step."""
    return run(q, k, v, S, z)
