"""QK and OV circuits: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import agree, exercise, expect

qk_ov_circuits = exercise(
    "qk_ov_circuits", "circuits", chapter="limits", wings=("in_numpy",), needs=("split_heads",)
)  # fmt: skip

SIZES = ((5, 1, 2, 4), (4, 3, 2, 5), (6, 2, 4, 6), (3, 4, 1, 2))  # d_model, H, d_head, d_out


def drawn(draw, d_model, H, d_head, d_out):
    """The four matrices of a layer."""
    return [draw(d_model, H * d_head, scale=0.6) for _ in range(3)] + [draw(H * d_head, d_out, scale=0.6)]


def circuits(candidate, W, H):
    """The two stacks of matrices, their shapes checked."""
    got = candidate(*W, H)
    expect(isinstance(got, tuple | list) and len(got) == 2, "the result is not (QK, OV)")
    d_model, d_out = len(W[0]), W[3].shape[1]
    for name, array, shape in zip(("QK", "OV"), got, ((H, d_model, d_model), (H, d_model, d_out)), strict=True):
        expect(np.shape(array) == shape, f"{name} has shape {np.shape(array)}, it should be {shape}")
    return [np.asarray(array) for array in got]


def columns(h, d_head):
    return slice(h * d_head, (h + 1) * d_head)


@qk_ov_circuits.law
def scores_from_qk(candidate, draw):
    """x QK[h] xᵀ are the scores of head h, scaled."""
    for d_model, H, d_head, d_out in SIZES:
        W, x = drawn(draw, d_model, H, d_head, d_out), draw(3, d_model)
        QK, _ = circuits(candidate, W, H)
        for h in range(H):
            q, k = (x @ w[:, columns(h, d_head)] for w in W[:2])
            want = [[float(a @ b) / math.sqrt(d_head) for b in k] for a in q]
            agree(x @ QK[h] @ x.T, want, f"the scores of head {h} of {H}")


@qk_ov_circuits.law
def output_from_ov(candidate, draw):
    """The layer's output is the sum over the heads of A[h] x OV[h], and each term is its head's."""
    for d_model, H, d_head, d_out in SIZES:
        W, x = drawn(draw, d_model, H, d_head, d_out), draw(3, d_model)
        _, OV = circuits(candidate, W, H)
        A = plain_softmax(draw(H, 3, 3))
        heads = [A[h] @ (x @ W[2][:, columns(h, d_head)]) for h in range(H)]
        for h in range(H):
            agree(A[h] @ x @ OV[h], heads[h] @ W[3][columns(h, d_head)], f"what head {h} of {H} adds")
        agree(sum(A[h] @ x @ OV[h] for h in range(H)), np.concatenate(heads, axis=1) @ W[3], "the layer's output")


@qk_ov_circuits.law
def only_products_count(candidate, draw):
    """Queries may be turned if keys are turned back, values if W_o is: the circuits stay, and have rank d_head."""
    d_model, H, d_head, d_out = 6, 2, 2, 5
    W = drawn(draw, d_model, H, d_head, d_out)
    M = np.kron(np.eye(H), np.array([[2.0, 1.0], [0.5, 1.0]]))  # one and the same change of basis in each head
    turned = [W[0] @ M, W[1] @ np.linalg.inv(M).T, W[2] @ M, np.linalg.inv(M) @ W[3]]
    for name, got, want in zip(("QK", "OV"), circuits(candidate, turned, H), circuits(candidate, W, H), strict=True):
        agree(got, want, f"{name} of the turned weights")
        ranks = np.linalg.matrix_rank(got, rtol=1e-4)
        expect((ranks == d_head).all(), f"{name} has rank {ranks.max()}, it should be d_head = {d_head}")


@qk_ov_circuits.law
def heads_must_divide(candidate, draw):
    """A number of heads that does not divide the width is refused."""
    expect(candidate.refuses(*drawn(draw, 4, 3, 2, 4), 4), "it cut 6 columns into 4 heads, it should raise ValueError")


def cut(W_q, W_k, W_v, W_o, H, *, tiled=False):
    """q, k, v and o, each (H, d_model or d_out, d_head)."""
    if W_q.shape[1] % H:
        raise ValueError("heads do not fit")

    def heads(W):
        return np.stack([W[:, h::H] if tiled else W[:, columns(h, W.shape[1] // H)] for h in range(H)])

    return heads(W_q), heads(W_k), heads(W_v), heads(W_o.T)


@qk_ov_circuits.mutant("QK transposed: keys ask and queries answer (W_k W_qᵀ)")
def qk_transposed(*args):
    q, k, v, o = cut(*args)
    return k @ q.mT / q.shape[-1] ** 0.5, v @ o.mT


@qk_ov_circuits.mutant("QK without the scale 1/√d_head")
def qk_unscaled(*args):
    q, k, v, o = cut(*args)
    return q @ k.mT, v @ o.mT


@qk_ov_circuits.mutant("QK scaled by the width of all heads, √(H·d_head), instead of one head's")
def scaled_by_all_heads(*args):
    q, k, v, o = cut(*args)
    return q @ k.mT / args[0].shape[1] ** 0.5, v @ o.mT


@qk_ov_circuits.mutant("QK and OV both scaled: nothing divides the values")
def ov_scaled(*args):
    q, k, v, o = cut(*args)
    return q @ k.mT / q.shape[-1] ** 0.5, v @ o.mT / q.shape[-1] ** 0.5


@qk_ov_circuits.mutant("circuits of heads taken as every H-th column")
def tiled_heads(*args):
    q, k, v, o = cut(*args, tiled=True)
    return q @ k.mT / q.shape[-1] ** 0.5, v @ o.mT


@qk_ov_circuits.mutant("the circuits of all heads together in every head: they were not split")
def unsplit(W_q, W_k, W_v, W_o, H):
    q = cut(W_q, W_k, W_v, W_o, H)[0]
    return np.stack([W_q @ W_k.T / q.shape[-1] ** 0.5] * H), np.stack([W_v @ W_o] * H)


@qk_ov_circuits.mutant("OV with the heads of W_o in reverse order")
def reversed_output(*args):
    q, k, v, o = cut(*args)
    return q @ k.mT / q.shape[-1] ** 0.5, v @ o[::-1].mT


@qk_ov_circuits.style
def einsum_in_float32(W_q, W_k, W_v, W_o, num_heads):
    """Heads as an axis of their own, two contractions."""
    if W_q.shape[1] % num_heads:
        raise ValueError("heads do not fit")
    d_head = W_q.shape[1] // num_heads
    q, k, v = (W.reshape(-1, num_heads, d_head).astype("f4") for W in (W_q, W_k, W_v))
    o = W_o.reshape(num_heads, d_head, -1).astype("f4")
    return np.einsum("ihd,jhd->hij", q, k) * d_head**-0.5, np.einsum("ihd,hdo->hio", v, o)


@qk_ov_circuits.style
def head_by_head(W_q, W_k, W_v, W_o, num_heads):
    """Slices in a loop, lists of matrices made into arrays."""
    assert W_q.shape[1] % num_heads == 0
    d, QK, OV = W_q.shape[1] // num_heads, [], []
    for h in range(num_heads):
        part = slice(h * d, h * d + d)
        QK.append((W_q[:, part] / math.sqrt(d)) @ W_k[:, part].T)
        OV.append(W_v[:, part] @ W_o[part])
    return [np.array(QK), np.array(OV)]
