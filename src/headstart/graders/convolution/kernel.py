"""One kernel over an image: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.convolution.witness import bordered, conv_by_taps
from headstart.graders.kit import agree, exercise, expect

conv2d = exercise("conv2d", "convolution", chapter="convolution", wings=("in_numpy",), needs=("image_patches",))

CASES = (  # shape of the image, size of the kernel, d_out, stride, padding
    ((5, 6, 2), 3, 4, 1, 0),
    ((1, 4, 7, 3), 3, 2, 1, 1),
    ((2, 2, 6, 5, 2), 2, 3, 2, 1),
    ((7, 4, 1), 3, 1, 3, 2),
    ((2, 3, 3, 4), 1, 4, 1, 0),  # as many channels out as in
    ((3, 2, 2), 5, 3, 2, 2),
)


def by_taps(x, W, stride=1, padding=0):
    """The right answer, one tap at a time."""
    return conv_by_taps(bordered(x, padding), W, stride)


@conv2d.law
def every_output_is_a_sum_over_its_patch(candidate, draw):
    """Output (r, c) is the sum of W[i, j] applied to pixel (r·stride + i, c·stride + j) of the padded image."""
    for shape, size, d_out, stride, padding in CASES:
        x, W = draw(*shape), draw(size, size, shape[-1], d_out)
        words = f"the output for {shape}, a kernel of {size} by {size}, stride {stride}, padding {padding}"
        agree(candidate(x, W, stride, padding), by_taps(x, W, stride, padding), words)


@conv2d.law
def one_tap_shifts_the_image(candidate, draw):
    """A kernel with the identity in one tap and zeros elsewhere moves the image, and zeros come in at the border."""
    x = draw(4, 5, 3)
    for i, j in ((0, 0), (0, 2), (2, 1), (1, 1)):
        W = np.zeros((3, 3, 3, 3))
        W[i, j] = np.eye(3)
        want = bordered(x, 1)[i : i + 4, j : j + 5]
        agree(candidate(x, W, padding=1), want, f"the output of a kernel with the identity in tap ({i}, {j}) alone")


@conv2d.law
def translation_equivariance(candidate, draw):
    """The output of a shifted image is the shifted output, away from the borders."""
    x, W = draw(2, 7, 8, 2), draw(3, 3, 2, 3)
    here, there = candidate(x[:, :-1, :-2], W), candidate(x[:, 1:, 2:], W)
    agree(np.asarray(here)[:, 1:, 2:], np.asarray(there)[:, :-1, :-2], "the output of the shifted image")


@conv2d.law
def refuses_what_does_not_fit(candidate, draw):
    """A kernel larger than the padded image, a stride below one and a negative padding are refused by an exception."""
    x, W = draw(4, 4, 2), draw(3, 3, 2, 2)
    for stride, padding in ((0, 0), (-1, 0), (1, -1), (1, -2)):
        expect(candidate.refuses(x, W, stride, padding), f"it took stride {stride} and padding {padding}")
    expect(candidate.refuses(x[:2], W), "it took a kernel of 3 by 3 for an image of 2 by 4")
    expect(candidate.refuses(x[:, :2], W), "it took a kernel of 3 by 3 for an image of 4 by 2")


@conv2d.mutant("a true convolution: the kernel turned round (deep learning's convolution is a cross-correlation)")
def kernel_turned_round(x, W, stride=1, padding=0):
    return by_taps(x, W[::-1, ::-1], stride, padding)


@conv2d.mutant("the kernel's rows and columns exchanged")
def kernel_transposed(x, W, stride=1, padding=0):
    return by_taps(x, W.swapaxes(0, 1), stride, padding)


@conv2d.mutant("the output without padding")
def never_padded(x, W, stride=1, padding=0):
    return conv_by_taps(x, W, stride)


@conv2d.mutant("the image padded so that the output has its size, whatever the padding asked for")
def always_same(x, W, stride=1, padding=0):
    return by_taps(x, W, stride, len(W) // 2)


@conv2d.mutant("the output at every pixel: the stride is ignored")
def stride_ignored(x, W, stride=1, padding=0):
    return by_taps(x, W, 1, padding)


@conv2d.mutant("the image padded with its own border pixels instead of zeros")
def border_repeated(x, W, stride=1, padding=0):
    return conv_by_taps(bordered(x, padding, "edge"), W, stride)


@conv2d.mutant("an image that goes round: the opposite border is used for padding")
def goes_round(x, W, stride=1, padding=0):
    return conv_by_taps(bordered(x, padding, "wrap"), W, stride)


@conv2d.mutant("patches and kernel flattened in different orders: channels come first in the kernel only")
def channels_first_in_the_kernel(x, W, stride=1, padding=0):
    turned = np.moveaxis(W, 2, 0).reshape(W.shape)
    return by_taps(x, turned, stride, padding)


@conv2d.mutant("one filter for each input channel, their outputs not added up: the mean over the channels")
def channels_averaged(x, W, stride=1, padding=0):
    return by_taps(x, W, stride, padding) / W.shape[2]


@conv2d.style
def with_einsum(x, W, stride=1, padding=0):
    """Windows of a view and one einsum."""
    if padding < 0 or stride < 1:
        raise ValueError("negative padding or no stride")
    windows = np.lib.stride_tricks.sliding_window_view(bordered(x, padding), W.shape[:2], axis=(-3, -2))
    return np.einsum("...rcdij,ijdo->...rco", windows[..., ::stride, ::stride, :, :, :], W)


@conv2d.style
def pixel_by_pixel(x, W, stride=1, padding=0):
    """Loops over the outputs, in float32."""
    if padding < 0 or stride < 1:
        raise ValueError("negative padding or no stride")
    size, padded = len(W), bordered(x, padding).astype(np.float32)
    rows, columns = ((n - size) // stride + 1 for n in padded.shape[-3:-1])
    if min(rows, columns) < 1:
        raise ValueError("the kernel does not fit")
    out = np.zeros((*x.shape[:-3], rows, columns, W.shape[-1]), np.float32)
    for r, c in np.ndindex(rows, columns):
        patch = padded[..., r * stride : r * stride + size, c * stride : c * stride + size, :]
        out[..., r, c, :] = np.tensordot(patch, W, axes=3)
    return out
