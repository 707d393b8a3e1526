"""Images as tokens: cut into patches and put together again, what that costs, and where a class token looked."""

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(images="... height width channels")
def patchify(images, patch):
    """Cut images into square patches and lay each out as one row: an image becomes a sequence of tokens.

    images  (..., height, width, channels)
    patch   int                                 a side that divides height and width, else ShapeError
    return  (..., num_patches, d_patch)         num_patches = height / patch · width / patch, from left to right, then
                                                down; d_patch = patch² · channels, in the order (row, column, channel)

    Law: times a matrix (d_patch, d_model) this is a convolution whose kernel and stride are the patch.
    Source: Dosovitskiy et al. 2021, section 3.1.
    """
    rows, columns = grid_of("patchify", *images.shape[-3:-1], patch)
    *lead, _, _, channels = images.shape
    strips = images.reshape(*lead, rows, patch, columns, patch * channels)
    return strips.swapaxes(-3, -2).reshape(*lead, rows * columns, patch * patch * channels)


@shapes(tokens="... num_patches d_patch")
def unpatchify(tokens, height, width, patch):
    """Put patches back in their places: the inverse of patchify.

    tokens  (..., num_patches, d_patch)         as patchify lays them out; another number of patches is a ShapeError
    height  int                                 of the image, in pixels
    width   int
    patch   int                                 a side that divides height and width, else ShapeError
    return  (..., height, width, channels)      channels = d_patch / patch²

    Law: unpatchify(patchify(images, patch), height, width, patch) = images.
    Source: He et al. 2022, section 3 (a decoder whose last layer gives the pixels of each patch, reshaped to an image).
    """
    rows, columns = grid_of("unpatchify", height, width, patch)
    *lead, num_patches, _ = tokens.shape
    if num_patches != rows * columns:
        raise ShapeError(f"unpatchify: {rows} times {columns} patches were expected, got {num_patches}")
    strips = tokens.reshape(*lead, rows, columns, patch, -1).swapaxes(-3, -2)
    return strips.reshape(*lead, height, width, -1)


def grid_of(name, height, width, side):
    """Count the squares of a side that fit below and beside each other, if none is left over."""
    if side < 1 or height % side or width % side:
        raise ShapeError(f"{name}: {side} is not a side that divides {height} and {width}")
    return height // side, width // side


def vit_flops(height, width, patch, channels, d_model, num_layers, d_ff):
    """Count the operations of a Vision Transformer's matrix products for one image, its classifier left out.

    height, width  int    of the image in pixels
    patch          int    a side that divides height and width, else ShapeError (a ValueError)
    channels       int    3 for colour
    d_model        int    width of the tokens
    num_layers     int    encoder blocks
    d_ff           int    hidden width of the feed-forward network
    return         dict   {"tokens": T, "embedding": int, "projections": int, "pairs": int, "feed_forward": int}

    One class token stands beside the patches; a multiply-add counts as two. embedding: patches times a matrix;
    projections: W_q, W_k, W_v, W_o; pairs: q kᵀ and weights times v; feed_forward: two matrices; over all layers.
    Law: half the patch side gives four times the patches, and nearly 16 times the pairs.
    Source: Dosovitskiy et al. 2021, section 3.1.
    """
    rows, columns = grid_of("vit_flops", height, width, patch)
    T = rows * columns + 1
    return {
        "tokens": T,
        "embedding": 2 * height * width * channels * d_model,
        "projections": num_layers * 8 * T * d_model**2,
        "pairs": num_layers * 4 * T**2 * d_model,
        "feed_forward": num_layers * 4 * T * d_model * d_ff,
    }


@shapes(weights="... num_layers H T T")
def attention_rollout(weights):
    """Follow attention through all layers: how much of each input token reaches each output, if values did not count.

    weights  (..., num_layers, H, T, T)   attention weights, first layer first
    return   (..., T, T)                  row i: what output i holds of each input

    Layer by layer: the mean over heads, averaged with the identity (the residual connection), times what the layers
    before it gave. Law: rows that sum to one stay rows that sum to one; it never looks at a value or a gradient.
    Source: Abnar and Zuidema 2020, section 3.
    """
    own = np.eye(weights.shape[-1])  # (T, T)
    steps = (weights.mean(axis=-3) + own) / 2  # (..., num_layers, T, T)
    total = own
    for layer in range(weights.shape[-4]):
        total = steps[..., layer, :, :] @ total
    return total
