"""Attention without a softmax over the keys: a recurrent network whose state is a matrix of keys by values."""

import numpy as np

from headstart.contract import ShapeError, shapes


def feature_map(x):
    """Map features to positive numbers, elu(x) + 1: the kernel φ of linear attention."""
    return np.maximum(x, 0.0) + np.exp(np.minimum(x, 0.0))


@shapes(q="... T d_head", k="... T d_head", v="... T d_v", S="... d_head d_v", z="... d_head")
def linear_attention(q, k, v, S, z):
    """Run causal linear attention as a recurrent network, from a given state: T steps, none of which looks back.

    q, k    (..., T, d_head)          φ(x) = elu(x) + 1 is applied to both here
    v       (..., T, d_v)
    S       (..., d_head, d_v)        state: the sum of φ(k) vᵀ so far; zeros at the beginning
    z       (..., d_head)             state: the sum of φ(k) so far; zeros at the beginning
    return  out (..., T, d_v), S, z   out_t = φ(q_t) S_t / φ(q_t)·z_t, with token t in S_t and z_t; the last states

    Law: from zeros it equals the quadratic form, weights φ(q_i)·φ(k_j) / sum over j <= i; and what one call leaves
    behind lets the next call go on as if there had been one.
    Source: Katharopoulos et al. 2020, sections 3.3 and 3.4.
    """
    q, k, out = feature_map(q), feature_map(k), []
    for t in range(q.shape[-2]):
        S = S + k[..., t, :, None] * v[..., t, None, :]  # (..., d_head, d_v)
        z = z + k[..., t, :]  # (..., d_head)
        total = (q[..., t, :] * z).sum(axis=-1, keepdims=True)  # (..., 1)
        out.append((q[..., t, None, :] @ S)[..., 0, :] / total)
    return np.stack(out, axis=-2), S, z


@shapes(q="... T d_head", k="... T d_head", v="... T d_v")
def chunked_linear_attention(q, k, v, chunk):
    """Compute causal linear attention chunk by chunk: quadratic within a chunk, one state between chunks.

    q, k    (..., T, d_head)   φ(x) = elu(x) + 1 is applied to both here
    v       (..., T, d_v)
    chunk   int                at least 1 (else ShapeError, a ValueError); the last chunk may be shorter
    return  (..., T, d_v)      what linear_attention gives from zeros

    Law: the result does not depend on the size of the chunks.
    Source: Hua et al. 2022, section 3.2 (mixed chunks); Yang et al. 2024, section 2.
    """
    if chunk < 1:
        raise ShapeError(f"chunked_linear_attention: chunk must be at least 1, got {chunk}")
    q, k, out = feature_map(q), feature_map(k), []
    v = np.concatenate([v, np.ones_like(v[..., :1])], axis=-1)  # the column of ones gathers the normaliser
    S = k[..., :0, :].mT @ v[..., :0, :]  # (..., d_head, d_v + 1): zeros, nothing written yet
    for start in range(0, q.shape[-2], chunk):
        q_c, k_c, v_c = (x[..., start : start + chunk, :] for x in (q, k, v))
        out.append(np.tril(q_c @ k_c.mT) @ v_c + q_c @ S)  # within the chunk, and all before it
        S = S + k_c.mT @ v_c
    out = np.concatenate(out, axis=-2)  # (..., T, d_v + 1)
    return out[..., :-1] / out[..., -1:]


@shapes(q="... T d_head", k="... T d_head", v="... T d_v", alpha="... T", beta="... T", S="... d_head d_v")
def gated_delta_rule(q, k, v, alpha, beta, S):
    """Write to a matrix memory by correcting it: forget a little, then replace what the key finds by the value.

    q, k    (..., T, d_head)       used as they are; keys of length one make beta the share that is replaced
    v       (..., T, d_v)
    alpha   (..., T)               from 0 (forget everything) to 1 (forget nothing)
    beta    (..., T)               from 0 (write nothing) to 1 (replace)
    S       (..., d_head, d_v)     the memory; zeros at the beginning
    return  out (..., T, d_v), S   S_t = α_t S + β_t k_t (v_t - k_tᵀ α_t S)ᵀ, out_t = q_t S_t; the last memory

    Law: with alpha = beta = 1 and a key of length one, reading with that key gives the value exactly.
    Source: Yang et al. 2025, section 3.1; Schlag et al. 2021, section 4 (the delta rule).
    """
    out = []
    for t in range(q.shape[-2]):
        S = alpha[..., t, None, None] * S  # (..., d_head, d_v)
        key = k[..., t, None, :]  # (..., 1, d_head)
        error = v[..., t, None, :] - key @ S  # (..., 1, d_v): what the memory should have said
        S = S + beta[..., t, None, None] * (key.mT @ error)
        out.append(q[..., t, None, :] @ S)
    return np.concatenate(out, axis=-2), S
