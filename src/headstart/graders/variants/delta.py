"""The gated delta rule: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

gated_delta_rule = exercise("gated_delta_rule", "linear_attention", chapter="variants", wings=("in_numpy",))

SHAPES = (((2,), 5, 3, 4), ((), 4, 2, 2), ((1,), 1, 3, 2), ((2, 2), 3, 1, 3))  # leading axes, T, d_head, d_v


def unit(x):
    """Rows of length one."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def draw_writes(draw, lead, T, d_head, d_v):
    """Queries, keys of length one, values, forgetting, writing strength and a memory with something in it."""
    alpha, beta = draw.rng.uniform(0.5, 1.0, (*lead, T)), draw.rng.uniform(0.2, 1.0, (*lead, T))
    k = unit(draw(*lead, T, d_head))
    return draw(*lead, T, d_head), k, draw(*lead, T, d_v), alpha, beta, draw(*lead, d_head, d_v)


def by_matrices(q, k, v, alpha, beta, S):
    """S_t = α_t (1 - β_t k_t k_tᵀ) S + β_t k_t v_tᵀ, one sequence and one step at a time."""
    lead, T = q.shape[:-2], q.shape[-2]
    out, S = np.zeros((*lead, T, v.shape[-1])), S.copy()
    for at in np.ndindex(*lead):
        for t in range(T):
            key, value = k[at][t], v[at][t]
            erase = np.eye(len(key)) - beta[at][t] * np.outer(key, key)
            S[at] = alpha[at][t] * erase @ S[at] + beta[at][t] * np.outer(key, value)
            out[at][t] = q[at][t] @ S[at]
    return out, S


def parts(result):
    """The output and the memory, if the result is a tuple of two."""
    expect(isinstance(result, tuple | list) and len(result) == 2, "the result is not a tuple (out, S)")
    return result


@gated_delta_rule.law
def erases_then_writes(candidate, draw):
    """S_t = α_t (1 - β_t k_t k_tᵀ) S_(t-1) + β_t k_t v_tᵀ and out_t = q_t S_t, for every shape and length of key."""
    for shape in SHAPES:
        q, k, *rest = draw_writes(draw, *shape)
        inputs = q, 0.6 * k, *rest
        for got, want, what in zip(parts(candidate(*inputs)), by_matrices(*inputs), ("the output", "S"), strict=True):
            agree(got, want, what)


@gated_delta_rule.law
def a_written_pair_is_read_exactly(candidate, draw):
    """With alpha = beta = 1 and keys of length one, the key just written reads its value, whatever stood there."""
    _, k, v, alpha, _, S = draw_writes(draw, (2,), 6, 3, 4)
    ones = np.ones_like(alpha)
    agree(parts(candidate(k, k, v, ones, ones, S))[0], v, "what is read with the keys just written")


@gated_delta_rule.law
def other_keys_keep_their_values(candidate, draw):
    """With orthogonal keys a write leaves the other values as they were; the last write of a key wins."""
    k = np.eye(4)[[0, 1, 2, 1]]
    v, ones = draw(4, 3), np.ones(4)
    _, S = parts(candidate(k, k, v, ones, ones, np.zeros((4, 3))))
    agree(S, np.stack([v[0], v[3], v[2], np.zeros(3)]), "the memory after writes to keys 0, 1, 2, 1")


@gated_delta_rule.law
def gates_do_what_they_say(candidate, draw):
    """beta = 0 writes nothing and the memory only fades by alpha; alpha = 0 forgets everything before the write."""
    q, k, v, alpha, beta, S = draw_writes(draw, (2,), 4, 3, 2)
    _, faded = parts(candidate(q, k, v, alpha, 0 * beta, S))
    agree(faded, alpha.prod(axis=-1)[..., None, None] * S, "the memory after steps that write nothing")
    _, fresh = parts(candidate(q, k, v, 0 * alpha, beta, S))
    agree(fresh, beta[..., -1:, None] * k[..., -1, :, None] * v[..., -1:, :], "the memory with alpha = 0")


@gated_delta_rule.law
def memory_goes_on(candidate, draw):
    """Two calls, the second with the memory that the first left, give what one call gives."""
    *inputs, S = draw_writes(draw, (2,), 5, 3, 2)
    first, middle = parts(candidate(*(x[:, :2] for x in inputs), S))
    second, _ = parts(candidate(*(x[:, 2:] for x in inputs), np.asarray(middle)))
    agree(np.concatenate([first, second], axis=-2), by_matrices(*inputs, S)[0], "the output of two calls")


def run(q, k, v, alpha, beta, S, correct=1.0, late=False, early=False):
    """The recurrence by einsum, with room for mistakes."""
    out = []
    for t in range(q.shape[-2]):
        a, b = alpha[..., t, None, None], beta[..., t, None, None]
        key, value = k[..., t, :, None], v[..., t, None, :]
        old = S if late else a * S  # what is read and corrected
        reading = np.einsum("...dx,...dv->...xv", key, old)
        after = a * S + b * key * (value - correct * reading)
        out.append(np.einsum("...d,...dv->...v", q[..., t, :], S if early else after))
        S = after
    return np.stack(out, axis=-2), S


@gated_delta_rule.mutant(
    "plain linear attention with forgetting: it adds the value and does not correct what was there"
)
def adds_without_correcting(*inputs):
    return run(*inputs, correct=0.0)


@gated_delta_rule.mutant("the delta rule without forgetting: alpha is ignored")
def never_forgets(q, k, v, alpha, beta, S):
    return run(q, k, v, np.ones_like(alpha), beta, S)


@gated_delta_rule.mutant("the delta rule with full strength: beta is ignored")
def always_replaces(q, k, v, alpha, beta, S):
    return run(q, k, v, alpha, np.ones_like(beta), S)


@gated_delta_rule.mutant("the delta rule that corrects the memory as it was before forgetting")
def corrects_before_forgetting(*inputs):
    return run(*inputs, late=True)


@gated_delta_rule.mutant("the delta rule read before the write: the newest token is not in its own output")
def read_too_early(*inputs):
    return run(*inputs, early=True)


@gated_delta_rule.mutant("the delta rule with its sign flipped: what the key finds is added once more")
def adds_what_it_finds(*inputs):
    return run(*inputs, correct=-1.0)


@gated_delta_rule.mutant("the delta rule with its keys brought to length one inside: they are used as they are")
def keys_brought_to_length_one(q, k, *rest):
    return run(q, unit(k), *rest)


@gated_delta_rule.mutant("the delta rule with alpha and beta exchanged")
def gates_exchanged(q, k, v, alpha, beta, S):
    return run(q, k, v, beta, alpha, S)


@gated_delta_rule.style
def delta_by_matrices(*inputs):
    """Explicit matrices 1 - β k kᵀ."""
    return by_matrices(*inputs)


@gated_delta_rule.style
def delta_by_einsum(*inputs):
    """einsum, forgetting folded in."""
    return run(*inputs)
