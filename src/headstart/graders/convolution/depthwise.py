"""Depthwise convolution along the tokens: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.kit import agree, exercise

depthwise_convolution = exercise("depthwise_convolution", "depthwise", chapter="convolution")

SHAPES = (((5, 3), 3), ((1, 4, 2), 5), ((2, 3, 6, 4), 2), ((3, 1, 2), 3), ((2, 7, 3), 1), ((4, 4), 4))


def shifted(x, by):
    """The sequence moved by so many tokens to the right, zeros in the gap."""
    out = np.zeros_like(x)
    T = x.shape[-2]
    if by >= 0:
        out[..., by:, :] = x[..., : max(T - by, 0), :]
    else:
        out[..., : max(T + by, 0), :] = x[..., -by:, :]
    return out


def tap_by_tap(x, W, causal=False, before=None, move=shifted):
    """The right answer: the sequence shifted to each tap, times the tap's row of weights."""
    size = len(W)
    before = (size - 1 if causal else size // 2) if before is None else before
    return sum(move(x, before - i) * W[i] for i in range(size))


@depthwise_convolution.law
def every_tap_in_its_place(candidate, draw):
    """Tap i of token t reads token t + i - size // 2; beyond the ends there are zeros."""
    for shape, size in SHAPES:
        x, W = draw(*shape), draw(size, shape[-1])
        agree(candidate(x, W), tap_by_tap(x, W), f"the output for {shape} and {size} taps")


@depthwise_convolution.law
def causal_taps_look_back(candidate, draw):
    """Causal, the last tap reads the token itself and the others those before it."""
    for shape, size in SHAPES:
        x, W = draw(*shape), draw(size, shape[-1])
        agree(candidate(x, W, True), tap_by_tap(x, W, True), f"the causal output for {shape} and {size} taps")


@depthwise_convolution.law
def the_future_has_no_part(candidate, draw):
    """Causal, a changed token changes no output before it, and its own."""
    x, W = draw(2, 6, 3), 1.0 + np.abs(draw(3, 3))
    other = x.copy()
    other[:, 3] += 5.0
    before, after = np.asarray(candidate(x, W, causal=True)), np.asarray(candidate(other, W, causal=True))
    moved = np.abs(after - before).max(axis=(0, 2)) > 1e-3
    agree(moved.astype(int), [0, 0, 0, 1, 1, 1], "which outputs a change of token 3 moves, with three taps")


@depthwise_convolution.law
def features_keep_to_themselves(candidate, draw):
    """A changed feature changes that feature of the output alone."""
    x, W = draw(6, 4), 1.0 + np.abs(draw(3, 4))
    other = x.copy()
    other[:, 2] += 5.0
    moved = np.abs(np.asarray(candidate(other, W)) - np.asarray(candidate(x, W))).max(axis=0) > 1e-3
    agree(moved.astype(int), [0, 0, 1, 0], "which features of the output a change of feature 2 moves")


@depthwise_convolution.law(wings=("in_torch",))
def taps_pass_gradients(candidate, draw):
    """Gradients reach the tokens and the filters, equal to finite differences."""
    x, W, g = draw(4, 2), draw(3, 2), draw(4, 2)
    wanted = slopes(lambda x, W: tap_by_tap(x, W, True), g, x, W)
    for got, want, name in zip(candidate.gradients(g, x, W, True), wanted, ("x", "W"), strict=True):
        agree(got, want, f"the gradient for {name}")


@depthwise_convolution.mutant("filters turned round: a true convolution, the first tap reads the last token")
def filters_turned_round(x, W, causal=False):
    return tap_by_tap(x, W[::-1], causal)


@depthwise_convolution.mutant("a centred filter although a causal one was asked for: it sees the future")
def never_causal(x, W, causal=False):
    return tap_by_tap(x, W)


@depthwise_convolution.mutant("a causal filter although a centred one was asked for")
def always_causal(x, W, causal=False):
    return tap_by_tap(x, W, True)


@depthwise_convolution.mutant("a causal filter that does not see the token itself: one place too far back")
def strictly_past(x, W, causal=False):
    return tap_by_tap(x, W, causal, len(W) if causal else None)


@depthwise_convolution.mutant("a causal filter that reads forward: all the padding stands after the last token")
def padded_behind(x, W, causal=False):
    return tap_by_tap(x, W, causal, 0 if causal else None)


@depthwise_convolution.mutant("a sequence that goes round: the ends touch")
def goes_round(x, W, causal=False):
    return tap_by_tap(x, W, causal, move=lambda x, by: np.roll(x, by, axis=-2))


@depthwise_convolution.mutant("the end tokens repeated outwards instead of zeros")
def ends_repeated(x, W, causal=False):
    T = x.shape[-2]
    return tap_by_tap(x, W, causal, move=lambda x, by: x[..., np.clip(np.arange(T) - by, 0, T - 1), :])


@depthwise_convolution.mutant("one filter for all features: the first one's")
def one_filter_for_all(x, W, causal=False):
    return tap_by_tap(x, W[:, :1], causal)


@depthwise_convolution.mutant("a full convolution: the features are added up")
def features_added(x, W, causal=False):
    out = tap_by_tap(x, W, causal)
    return np.broadcast_to(out.sum(axis=-1, keepdims=True), out.shape)


@depthwise_convolution.style
def feature_by_feature(x, W, causal=False):
    """NumPy's own convolution of each feature with its filter turned round."""
    T, (size, d_model) = x.shape[-2], W.shape
    start = 0 if causal else size - 1 - size // 2
    flat = x.reshape(-1, T, d_model)
    out = [[np.convolve(row[:, f], W[::-1, f])[start : start + T] for f in range(d_model)] for row in flat]
    return np.array(out).swapaxes(-1, -2).reshape(x.shape)


@depthwise_convolution.style
def a_matrix_for_each_feature(x, W, causal=False):
    """A band matrix (T, T) a feature, multiplied in float32."""
    T, size = x.shape[-2], len(W)
    before = size - 1 if causal else size // 2
    tap = np.arange(T) - np.arange(T)[:, None] + before  # (T, T): which tap joins them
    band = np.where(((tap >= 0) & (tap < size))[..., None], W[np.clip(tap, 0, size - 1)], 0.0)  # (T, T, d_model)
    return np.einsum("tsd,...sd->...td", band, x).astype(np.float32)
