"""Patches as rows of numbers: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.convolution.witness import patches_by_loops
from headstart.graders.kit import again, agree, exercise, expect

image_patches = exercise("image_patches", "convolution", chapter="convolution", wings=("in_numpy",))

SHAPES = (((5, 7, 2), 3, 1), ((1, 6, 5, 3), 2, 2), ((2, 1, 4, 8, 1), 3, 2), ((7, 5, 2), 2, 3), ((3, 3, 4), 3, 1))


@image_patches.law
def every_patch_in_its_place(candidate, draw):
    """Entry (r, c) is the patch that begins at pixel (r·stride, c·stride), its numbers by row, column, channel."""
    for shape, size, stride in again(*SHAPES):
        x, words = draw(*shape), f"the patches of size {size} and stride {stride} of {shape}"
        agree(candidate(x, size, stride), patches_by_loops(x, size, stride), words)


@image_patches.law
def one_pixel_is_a_patch(candidate, draw):
    """Patches of one pixel, one pixel apart, are the image; the stride is one if none is given."""
    x = draw(2, 3, 4, 5)
    agree(candidate(x, 1), x, "the patches of size 1")
    agree(candidate(x, 2), patches_by_loops(x, 2), "the patches of size 2 and no given stride")


@image_patches.law
def tiles_share_no_pixel(candidate, draw):
    """With stride = size the patches, put back in their places, are the image."""
    x = draw(6, 4, 3)
    tiles = np.asarray(candidate(x, 2, 2))
    expect(tiles.shape == (3, 2, 12), f"the patches of size and stride 2 of (6, 4, 3) have shape {tiles.shape}")
    agree(tiles.reshape(3, 2, 2, 2, 3).swapaxes(1, 2).reshape(6, 4, 3), x, "the image put together from its patches")


@image_patches.law
def refuses_what_does_not_fit(candidate, draw):
    """A size or a stride below one, or a patch larger than the image, is refused by an exception."""
    x = draw(4, 6, 2)
    for size, stride in ((0, 1), (-1, 1), (2, 0), (2, -1), (5, 1), (7, 1)):
        expect(candidate.refuses(x, size, stride), f"it took size {size} and stride {stride} for an image of 4 by 6")
    expect(candidate.refuses(x.swapaxes(0, 1), 5), "it took size 5 for an image of 6 by 4")


@image_patches.mutant("patches whose numbers stand in the order channel, row, column, as torch's unfold gives them")
def channels_first(x, size, stride=1):
    patches = patches_by_loops(x, size, stride)
    return patches.reshape(*patches.shape[:-1], size * size, -1).swapaxes(-1, -2).reshape(patches.shape)


@image_patches.mutant("patches read column by column: their rows and columns are exchanged")
def turned_patches(x, size, stride=1):
    patches = patches_by_loops(x, size, stride)
    return patches.reshape(*patches.shape[:-1], size, size, -1).swapaxes(-2, -3).reshape(patches.shape)


@image_patches.mutant("the patches with the stride ignored: one at every pixel")
def every_pixel(x, size, stride=1):
    return patches_by_loops(x, size)


@image_patches.mutant("the patches with stride = size whatever the stride is: none of them overlap")
def never_overlapping(x, size, stride=1):
    return patches_by_loops(x, size, size)


@image_patches.mutant("one list of patches: the rows and columns they stand in are lost")
def one_list(x, size, stride=1):
    patches = patches_by_loops(x, size, stride)
    return patches.reshape(*patches.shape[:-3], -1, patches.shape[-1])


@image_patches.mutant("a grid of patches transposed: patch (r, c) stands at (c, r)")
def grid_transposed(x, size, stride=1):
    return patches_by_loops(x, size, stride).swapaxes(-2, -3)


@image_patches.mutant("the last row and column of patches missing: (height - size) // stride of them, one too few")
def one_too_few(x, size, stride=1):
    return patches_by_loops(x, size, stride)[..., :-1, :-1, :]


@image_patches.mutant("a stride of the patch's size where none is given, as in a ViT: the contract's default is one")
def tiles_by_default(x, size, stride=None):
    return patches_by_loops(x, size, size if stride is None else stride)


@image_patches.style
def one_slice_a_tap(x, size, stride=1):
    """Strided slices of the image, one for each place in the patch, set side by side."""
    height, width = x.shape[-3:-1]
    if size < 1 or stride < 1 or size > height or size > width:
        raise ValueError("the patch does not fit")
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    slices = [
        x[..., i : i + stride * rows : stride, j : j + stride * columns : stride, :][..., :rows, :columns, :]
        for i in range(size)
        for j in range(size)
    ]
    return np.concatenate(slices, axis=-1)


@image_patches.style
def by_indices(x, size, stride=1):
    """Fancy indices for rows and columns."""
    height, width, d_in = x.shape[-3:]
    if not (0 < size <= min(height, width) and stride > 0):
        raise ValueError("the patch does not fit")
    row = np.arange(0, height - size + 1, stride)[:, None, None, None] + np.arange(size)[:, None]
    column = np.arange(0, width - size + 1, stride)[:, None, None] + np.arange(size)
    found = x[..., row, column, :]
    return found.reshape(*found.shape[:-3], size * size * d_in)
