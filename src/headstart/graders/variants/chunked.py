"""Linear attention chunk by chunk: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect
from headstart.graders.variants.linear import SHAPES, draw_steps, nothing, phi, quadratic, run

chunked_linear_attention = exercise(
    "chunked_linear_attention", "linear_attention", chapter="variants", wings=("in_numpy",)
)


@chunked_linear_attention.law
def chunks_equal_the_quadratic_form(candidate, draw):
    """Whatever the chunks, the outputs are those of weights φ(q)·φ(k), normalised over the past, for every shape."""
    for shape in again(*SHAPES):
        q, k, v = draw_steps(draw, *shape)
        agree(candidate(q, k, v, 2), quadratic(q, k, v), "the output with chunks of 2")


@chunked_linear_attention.law
def the_size_of_chunks_does_not_matter(candidate, draw):
    """Chunks of 1, of 3, of all tokens and of more than there are give the same, the short last one included."""
    q, k, v = draw_steps(draw, (2,), 7, 3, 2)
    for chunk in (1, 3, 5, 7, 20):
        agree(candidate(q, k, v, chunk), quadratic(q, k, v), f"the output with chunks of {chunk}")


@chunked_linear_attention.law
def chunks_see_no_future(candidate, draw):
    """Changing later tokens moves no earlier output, within a chunk or across chunks."""
    q, k, v = draw_steps(draw, (), 6, 3, 2)
    later_k, later_v = k.copy(), v.copy()
    later_k[4:], later_v[4:] = draw(2, 3), draw(2, 2)
    for chunk in (3, 6):
        before, after = np.asarray(candidate(q, k, v, chunk)), np.asarray(candidate(q, later_k, later_v, chunk))
        agree(after[:4], before[:4], f"the output before the change, chunks of {chunk}")


@chunked_linear_attention.law
def refuses_empty_chunks(candidate, draw):
    """Chunks of no tokens are refused by an exception."""
    for chunk in (0, -1):
        refused = candidate.refuses(*draw_steps(draw, (), 4, 2, 2), chunk)
        expect(refused, f"it took chunks of {chunk} tokens, it should raise ValueError")


def chunks(q, k, v, chunk, inside=np.tril, carry=True, last=True):
    """The chunked form, with room for mistakes."""
    q, k, out = phi(q), phi(k), []
    v = np.concatenate([v, np.ones_like(v[..., :1])], axis=-1)
    S, T = 0.0 * k[..., :1, :].mT @ v[..., :1, :], q.shape[-2]
    for start in range(0, T, chunk):
        q_c, k_c, v_c = (x[..., start : start + chunk, :] for x in (q, k, v))
        if not last and start > 0 and q_c.shape[-2] < chunk:
            out.append(0 * q_c[..., :1] * v_c)
            continue
        out.append(inside(q_c @ k_c.mT) @ v_c + q_c @ S)
        S = S + k_c.mT @ v_c if carry else k_c.mT @ v_c
    out = np.concatenate(out, axis=-2)
    return out[..., :-1] / np.where(out[..., -1:] == 0, 1.0, out[..., -1:])


@chunked_linear_attention.mutant("chunks without a causal mask within them")
def open_chunks(q, k, v, chunk):
    return chunks(q, k, v, chunk, inside=lambda weights: weights)


@chunked_linear_attention.mutant(
    "chunks that see the state of the chunk before and not of all before: S is overwritten"
)
def overwritten_state(q, k, v, chunk):
    return chunks(q, k, v, chunk, carry=False)


@chunked_linear_attention.mutant("chunks in which a token does not see itself (off by one)")
def chunks_without_themselves(q, k, v, chunk):
    return chunks(q, k, v, chunk, inside=lambda weights: np.tril(weights, -1))


@chunked_linear_attention.mutant("the last, shorter chunk dropped: its outputs are zeros")
def last_chunk_dropped(q, k, v, chunk):
    return chunks(q, k, v, chunk, last=False)


@chunked_linear_attention.mutant("chunks that do not know of each other: there is no state between them")
def chunks_apart(q, k, v, chunk):
    pieces = [slice(start, start + chunk) for start in range(0, q.shape[-2], chunk)]
    return np.concatenate([quadratic(q[..., p, :], k[..., p, :], v[..., p, :]) for p in pieces], axis=-2)


@chunked_linear_attention.mutant("chunked linear attention without the normaliser")
def chunks_not_normalised(q, k, v, chunk):
    return np.tril(phi(q) @ phi(k).mT) @ v


@chunked_linear_attention.style
def one_call_a_chunk(q, k, v, chunk):
    """The recurrent form, chunk after chunk."""
    if chunk < 1:
        raise ValueError("no chunk")
    state, out = nothing(q, v), []
    for start in range(0, q.shape[-2], chunk):
        piece, *state = run(*(x[..., start : start + chunk, :] for x in (q, k, v)), *state)
        out.append(piece)
    return np.concatenate(out, axis=-2)


@chunked_linear_attention.style
def two_sums(q, k, v, chunk):
    """Numerator and normaliser apart."""
    assert chunk > 0
    T = q.shape[-2]
    q, k, out = phi(q), phi(k), np.zeros(np.broadcast_shapes(q[..., :1].shape, v.shape))
    for start in range(0, T, chunk):
        now, past = slice(start, min(start + chunk, T)), slice(0, start)
        inside = np.tril(q[..., now, :] @ k[..., now, :].mT)
        above = inside @ v[..., now, :] + q[..., now, :] @ (k[..., past, :].mT @ v[..., past, :])
        below = inside.sum(-1) + (q[..., now, :] * k[..., past, :].sum(axis=-2, keepdims=True)).sum(-1)
        out[..., now, :] = above / below[..., None]
    return out
