"""The GRU-type gate: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import again, agree, exercise, expect

gru_gate = exercise("gru_gate", "reinforcement", wings=("in_numpy",))

SHAPES = ((3, 4), (1, 1, 5), (2, 3, 4), (6,), (2, 2, 3, 2))


def logistic(a):
    """1 / (1 + e⁻ᵃ), on the side where the exponential is small."""
    e = np.exp(-np.abs(a))
    return np.where(a > 0, 1 / (1 + e), e / (1 + e))


def gated(x, y, W_r, U_r, W_z, U_z, W_g, U_g, bias=2.0):
    """The definition; products by einsum."""
    r = logistic(np.einsum("...i,ij->...j", y, W_r) + np.einsum("...i,ij->...j", x, U_r))
    z = logistic(np.einsum("...i,ij->...j", y, W_z) + np.einsum("...i,ij->...j", x, U_z) - bias)
    h = np.tanh(np.einsum("...i,ij->...j", y, W_g) + np.einsum("...i,ij->...j", r * x, U_g))
    return (1 - z) * x + z * h


def draw_gate(draw, *shape, scale=1.0):
    """x, y and six matrices of moderate scale."""
    d = shape[-1]
    return (draw(*shape, scale=scale), draw(*shape, scale=scale), *(draw(d, d, scale=d**-0.5) for _ in range(6)))


@gru_gate.law
def the_five_lines(candidate, draw):
    """The result is (1 - z) · x + z · tanh(y W_g + (r · x) U_g), with r and z as the contract says."""
    for shape, bias in zip(again(*SHAPES), (2.0, 0.0, -1.0, 3.0, 0.5, 2.0), strict=True):
        inputs = draw_gate(draw, *shape)
        agree(candidate(*inputs, bias), gated(*inputs, bias), f"the gate on {shape} with bias {bias}")


@gru_gate.law
def bias_of_two_if_not_told(candidate, draw):
    """Without a bias it is 2: at the start z is near sigmoid(-2) = 0.12."""
    inputs = draw_gate(draw, 2, 3, 4)
    agree(candidate(*inputs), gated(*inputs), "the gate with its bias left at 2")
    x, y, *W = draw_gate(draw, 5, 4)
    W = [0.0 * each for each in W]
    agree(candidate(x, y, *W), (1 - 1 / (1 + math.exp(2))) * x, "the gate with all weights zero")


@gru_gate.law
def shut_is_the_identity(candidate, draw):
    """With a large bias the gate is shut: x passes unchanged, whatever the sub-layer says, on however many layers."""
    x, y, *W = draw_gate(draw, 2, 3, 4)
    agree(candidate(x, 5 * y, *W, 60.0), x, "the gate with bias 60")
    out = x
    for _ in range(6):
        out = candidate(out, y, *W, 60.0)
    agree(out, x, "six gates with bias 60")


@gru_gate.law
def open_is_bounded(candidate, draw):
    """With a large negative bias x is replaced by the candidate's tanh, between -1 and 1 however large x and y are."""
    inputs = draw_gate(draw, 3, 4)
    agree(candidate(*inputs, -60.0), gated(*inputs, -60.0), "the gate with bias -60")
    x, y, *W = inputs
    out = np.asarray(candidate(1e4 * x, 1e4 * y, *W, -1e6))
    expect(np.isfinite(out).all(), "inputs of ten thousands give NaN or infinities")
    expect(np.abs(out).max() <= 1.0 + 1e-6, "an open gate lets numbers above 1 pass")


@gru_gate.law
def large_inputs_stay_finite(candidate, draw):
    """Inputs in the thousands saturate the gates and stay finite: no exponential overflows into NaN."""
    inputs = draw_gate(draw, 2, 5, scale=3000.0)
    agree(candidate(*inputs), gated(*inputs), "the gate on inputs in the thousands", rtol=1e-3)


@gru_gate.law
def each_token_by_itself(candidate, draw):
    """Tokens do not meet in the gate: one token changed moves no other's result."""
    x, y, *W = draw_gate(draw, 2, 4, 3)
    other = y.copy()
    other[:, 1] += 1.0
    agree(candidate(x, other, *W), gated(x, other, *W), "the gate with another token")
    agree(candidate(x[:1, :1], y[:1, :1], *W), gated(x, y, *W)[:1, :1], "the gate on a single token")


def gate_with(r=None, z=None, mix=None, tanh=np.tanh, swap=False, added=0.0):
    """The gate with one of its pieces replaced."""

    def run(x, y, W_r, U_r, W_z, U_z, W_g, U_g, bias=2.0):
        if swap:
            x, y = y, x
        reset = logistic(y @ W_r + x @ U_r - added * bias) if r is None else r(x)
        update = logistic(y @ W_z + x @ U_z - bias) if z is None else z(y @ W_z, x @ U_z, bias)
        h = tanh(y @ W_g + (reset * x) @ U_g)
        return (1 - update) * x + update * h if mix is None else mix(x, y, update, h)

    return run


@gru_gate.mutant("z and 1 - z exchanged: the gate starts open and the stream is thrown away")
def gates_exchanged(*args):
    return gate_with(mix=lambda x, y, z, h: z * x + (1 - z) * h)(*args)


@gru_gate.mutant("the bias ADDED inside z: it starts open instead of shut")
def bias_added(*args):
    return gate_with(z=lambda a, b, bias: logistic(a + b + bias))(*args)


@gru_gate.mutant("no bias at all: the gate starts half open")
def bias_forgotten(*args):
    return gate_with(z=lambda a, b, bias: logistic(a + b))(*args)


@gru_gate.mutant("a bias of 2 whatever bias is asked for")
def always_two(*args):
    return gate_with(z=lambda a, b, bias: logistic(a + b - 2.0))(*args)


@gru_gate.mutant("the bias outside the sigmoid: sigmoid(…) - bias is no share between 0 and 1")
def bias_outside(*args):
    return gate_with(z=lambda a, b, bias: logistic(a + b) - bias)(*args)


@gru_gate.mutant("the bias in r as well: the stream is kept out of the candidate")
def bias_in_both(*args):
    return gate_with(added=1.0)(*args)


@gru_gate.mutant("a plain residual connection, x + y: nothing is gated")
def plain_residual(*args):
    return gate_with(mix=lambda x, y, z, h: x + y)(*args)


@gru_gate.mutant("a gate on y itself, (1 - z) · x + z · y: the candidate and its tanh are missing")
def highway(*args):
    return gate_with(mix=lambda x, y, z, h: (1 - z) * x + z * y)(*args)


@gru_gate.mutant("an addition, x + z · candidate: the stream is never let go")
def stream_not_let_go(*args):
    return gate_with(mix=lambda x, y, z, h: x + z * h)(*args)


@gru_gate.mutant("x and y in each other's place: the sub-layer's output is what passes")
def streams_exchanged(*args):
    return gate_with(swap=True)(*args)


@gru_gate.mutant("no reset gate: r is 1 everywhere")
def no_reset(*args):
    return gate_with(r=np.ones_like)(*args)


@gru_gate.mutant("a sigmoid where the candidate needs tanh: it can never be negative")
def sigmoid_candidate(*args):
    return gate_with(tanh=logistic)(*args)


@gru_gate.mutant("the reset gate after U_g, r · (x U_g), as in PyTorch's GRU: here it stands before, (r · x) U_g")
def reset_after(x, y, W_r, U_r, W_z, U_z, W_g, U_g, bias=2.0):
    r, z = logistic(y @ W_r + x @ U_r), logistic(y @ W_z + x @ U_z - bias)
    return (1 - z) * x + z * np.tanh(y @ W_g + r * (x @ U_g))


@gru_gate.mutant("weights applied as x @ W.T where the contract says x @ W")
def weights_transposed(x, y, *rest):
    return gated(x, y, *(W.T for W in rest[:6]), *rest[6:])


@gru_gate.style
def in_two_products(x, y, W_r, U_r, W_z, U_z, W_g, U_g, bias=2.0):
    """Both gates in one product of x and y side by side."""
    both, d = np.concatenate([y, x], axis=-1), x.shape[-1]
    scores = both @ np.block([[W_r, W_z], [U_r, U_z]])
    scores[..., d:] -= bias
    gates = 0.5 * np.tanh(0.5 * scores) + 0.5
    h = np.tanh(np.concatenate([y, gates[..., :d] * x], axis=-1) @ np.concatenate([W_g, U_g]))
    return x + gates[..., d:] * (h - x)


@gru_gate.style
def gate_in_float32(x, y, *rest):
    """float32, the logistic function by its formula."""
    bias = rest[6] if len(rest) > 6 else 2.0
    x, y, *W = (np.asarray(each, dtype=np.float32) for each in (x, y, *rest[:6]))
    with np.errstate(over="ignore"):
        r = 1 / (1 + np.exp(-(y @ W[0] + x @ W[1])))
        z = 1 / (1 + np.exp(-(y @ W[2] + x @ W[3] - np.float32(bias))))
    return (1 - z) * x + z * np.tanh(y @ W[4] + (r * x) @ W[5])
