"""Standard deviations of the first weights: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

initial_stds = exercise("initial_stds", "training_plans", chapter="training", wings=("in_numpy",))

NAMES = ("W_q", "W_k", "W_v", "W_o", "W_1", "W_2")


def table_of(candidate, *sizes):
    """The candidate's answer, which must be a dict with the six names."""
    stds = candidate(*sizes)
    expect(isinstance(stds, dict), f"the result is a {type(stds).__name__}, it should be a dict")
    for name in NAMES:
        expect(name in stds, f"the result has no entry {name!r}")
    return stds


@initial_stds.law
def variances_by_fan_in_and_depth(candidate, draw):
    """n features in: variance 1/n, twice that behind a ReLU; and the two that write to the stream over 2·num_layers."""
    for d_model, d_ff, num_layers in ((512, 2048, 6), (4, 7, 1), (1, 1, 3), (96, 64, 24)):
        stds = table_of(candidate, d_model, d_ff, num_layers)
        for name in NAMES:
            n = d_ff if name == "W_2" else d_model
            variance = (2 if name == "W_2" else 1) / n / (2 * num_layers if name in ("W_o", "W_2") else 1)
            what = f"the variance of {name} for d_model={d_model}, d_ff={d_ff}, num_layers={num_layers}"
            agree(stds[name] ** 2, variance, what, rtol=1e-5, atol=0.0)


@initial_stds.law
def networks_add_half_a_token(candidate, draw):
    """Measured: 2·num_layers times what one feed-forward network adds has the variance of what it reads."""
    d_model, d_ff, num_layers = 96, 160, 5
    stds = table_of(candidate, d_model, d_ff, num_layers)
    hidden = np.maximum(draw(200, d_model) @ draw(d_model, d_ff, scale=float(stds["W_1"])), 0.0)
    added = hidden @ draw(d_ff, d_model, scale=float(stds["W_2"]))
    agree(2 * num_layers * (added**2).mean(), 1.0, "2·num_layers times the variance added", rtol=0.3, atol=0.0)


@initial_stds.law
def models_without_layers(candidate, draw):
    """A size below one is refused by an exception."""
    for place in range(3):
        for bad in (0, -1):
            sizes = [2] * place + [bad] + [2] * (2 - place)
            expect(candidate.refuses(*sizes), f"it gave an answer for {tuple(sizes)}, it should raise ValueError")


def stds_with(inner=lambda d_model, d_ff: 2 / d_ff, depth=lambda num_layers: 2 * num_layers, writers=("W_o", "W_2")):
    """Right standard deviations, or with a (wrong) variance of W_2, a (wrong) depth or (wrong) matrices that get it."""

    def stds(d_model, d_ff, num_layers):
        assert min(d_model, d_ff, num_layers) >= 1, "sizes from one"
        variances = {name: inner(d_model, d_ff) if name == "W_2" else 1 / d_model for name in NAMES}
        return {n: (v / (depth(num_layers) if n in writers else 1)) ** 0.5 for n, v in variances.items()}

    return stds


@initial_stds.mutant("weights that do not know the depth: the stream grows with every layer")
def without_depth(*sizes):
    return stds_with(depth=lambda num_layers: 1)(*sizes)


@initial_stds.mutant("√num_layers for √(2·num_layers): a layer adds twice, after attention and after the network")
def one_addition_a_layer(*sizes):
    return stds_with(depth=lambda num_layers: num_layers)(*sizes)


@initial_stds.mutant("weights divided by 2·num_layers instead of its root")
def depth_without_root(*sizes):
    return stds_with(depth=lambda num_layers: (2 * num_layers) ** 2)(*sizes)


@initial_stds.mutant("every matrix divided by √(2·num_layers), those that only read from the stream too")
def depth_everywhere(*sizes):
    return stds_with(writers=NAMES)(*sizes)


@initial_stds.mutant("a W_2 without the factor √2 for the ReLU before it")
def relu_forgotten(*sizes):
    return stds_with(inner=lambda d_model, d_ff: 1 / d_ff)(*sizes)


@initial_stds.mutant("a W_2 by its fan-out, d_model, instead of its fan-in, d_ff")
def fan_out(*sizes):
    return stds_with(inner=lambda d_model, d_ff: 2 / d_model)(*sizes)


@initial_stds.mutant("a W_2 by Glorot's mean of fan-in and fan-out, which knows no ReLU")
def glorot(*sizes):
    return stds_with(inner=lambda d_model, d_ff: 2 / (d_model + d_ff))(*sizes)


@initial_stds.mutant("0.02 for every matrix, whatever its width")
def two_hundredths(d_model, d_ff, num_layers):
    assert min(d_model, d_ff, num_layers) >= 1, "sizes from one"
    return dict.fromkeys(NAMES, 0.02)


@initial_stds.mutant("variances instead of standard deviations")
def variances(*sizes):
    return {name: std**2 for name, std in stds_with()(*sizes).items()}


@initial_stds.style
def stds_by_variances(*sizes):
    """Variances first, roots at the end."""
    return stds_with()(*sizes)


@initial_stds.style
def stds_by_numpy(d_model, d_ff, num_layers):
    """np.sqrt, written out."""
    if min(d_model, d_ff, num_layers) < 1:
        raise ValueError("sizes from one")
    read = 1 / np.sqrt(d_model)
    write = read / np.sqrt(2 * num_layers)
    return {"W_q": read, "W_k": read, "W_v": read, "W_1": read, "W_o": write, "W_2": 1 / np.sqrt(d_ff * num_layers)}
