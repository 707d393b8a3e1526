"""Convolution as a product of patches, and the same convolution done by attention heads that look at shifts."""

import numpy as np

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import softmax


@shapes(x="... height width d_in")
def image_patches(x, size, stride=1):
    """Cut an image into square patches and lay the numbers of each in one row (im2col).

    x       (..., height, width, d_in)
    size    int   at least 1 (else ShapeError, a ValueError), at most the height and the width (else ValueError)
    stride  int   at least 1: pixels from one patch to the next, downwards and to the right
    return  (..., rows, columns, size·size·d_in)   rows = (height - size) // stride + 1, columns likewise; patch (r, c)
                  begins at pixel (r·stride, c·stride); its numbers in the order row, column, channel

    Law: size 1 and stride 1 give x back; with stride = size the patches share no pixel (the tokens of a ViT).
    Source: Dosovitskiy et al. 2021, section 3.1 (stride = size).
    """
    if min({size, stride}) < 1:
        raise ShapeError(f"image_patches: size and stride must be at least 1, got {size} and {stride}")
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(-3, -2))
    patches = np.moveaxis(windows[..., ::stride, ::stride, :, :, :], -3, -1)  # (..., rows, columns, size, size, d_in)
    return patches.reshape(*patches.shape[:-3], size * size * x.shape[-1])


@shapes(x="... height width d_in", W="size size d_in d_out")
def conv2d(x, W, stride=1, padding=0):
    """Slide one kernel over an image: every output is the same linear map of the patch in its place.

    x        (..., height, width, d_in)
    W        (size, size, d_in, d_out)       W[i, j] is applied to pixel (i, j) of the patch, counted from its top left
    stride   int                             1 or more, as in image_patches
    padding  int                             rows and columns of zeros around the image; 0 or more (else ValueError)
    return   (..., rows, columns, d_out)     rows = (height + 2·padding - size) // stride + 1, columns likewise

    Law: a shifted image gives a shifted output, away from the borders (stride 1); linear in x and in W.
    Source: Goodfellow et al. 2016, section 9.1, equation 9.6 (cross-correlation: the kernel is not turned round).
    """
    around = [(0, 0)] * (x.ndim - 3) + [(padding, padding)] * 2 + [(0, 0)]
    patches = image_patches(np.pad(x, around), len(W), stride)  # (..., rows, columns, size·size·d_in)
    return patches @ W.reshape(patches.shape[-1], W.shape[-1])


def shift_scores(height, width, size, sharpness):
    """Score every pixel for every pixel by place alone: each head prefers one shift of a size × size kernel.

    height     int                  at least 1 (else ShapeError, a ValueError)
    width      int                  at least 1
    size       int                  at least 1 and odd
    sharpness  float                how steeply the score falls with the squared distance from the shift
    return     (size·size, T, T)    T = height·width pixels, row by row; head, query, key. The head i·size + j has the
                                    shift (i - size // 2, j - size // 2); its score for the query at p and the key at r
                                    is -sharpness · ‖r - p - shift‖²

    Law: the scores know places, not contents; each row is largest (0) at the pixel p + shift, if the image has it.
    Source: Cordonnier et al. 2020, section 3.1, lemma 2 (the quadratic encoding).
    """
    if min({height, width, size}) < 1 or size % 2 == 0:
        raise ShapeError(
            f"shift_scores: height, width and size must be at least 1 and size odd, got {height}, {width} and {size}"
        )
    pixels = np.stack(np.divmod(np.arange(height * width), width), axis=1)  # (T, 2): row and column
    shifts = np.stack(np.divmod(np.arange(size * size), size), axis=1) - size // 2  # (size², 2)
    miss = pixels - pixels[:, None] - shifts[:, None, None]  # (size², T, T, 2)
    return -sharpness * (miss**2).sum(axis=-1)


@shapes(x="... height width d_in", W="size size d_in d_out")
def convolution_by_heads(x, W, sharpness):
    """Convolve with attention: size² heads weigh the pixels by shift_scores, head h applies its matrix, all are added.

    x          (..., height, width, d_in)
    W          (size, size, d_in, d_out)        size odd; head i·size + j applies W[i, j] to what it has read
    sharpness  float                            of the scores; their softmax runs over all pixels of the image
    return     (..., height, width, d_out)      the sum over the heads

    Law: as sharpness grows it becomes the convolution of the image with its border pixels repeated outwards.
    Source: Cordonnier et al. 2020, theorem 1 and lemma 1.
    """
    *leading, height, width, d_in = x.shape
    weights = softmax(shift_scores(height, width, len(W), sharpness))  # (size², T, T)
    heads = weights @ x.reshape(*leading, 1, height * width, d_in)  # (..., size², T, d_in)
    out = heads @ W.reshape(len(weights), d_in, W.shape[-1])  # (..., size², T, d_out)
    return out.sum(axis=-3).reshape(*leading, height, width, W.shape[-1])
