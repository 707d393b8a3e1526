"""Patches and back: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.vision.witness import patches_by_loops

patchify = exercise("patchify", "vision", wings=("in_numpy",))
unpatchify = exercise("unpatchify", "vision", wings=("in_numpy",))

CASES = (  # shape of the images, patch: not square, one channel, no batch, two leading axes, the smallest and the whole
    ((2, 4, 6, 3), 2),
    ((6, 4, 1), 2),
    ((1, 3, 9, 2), 3),
    ((2, 2, 4, 4, 2), 4),
    ((3, 2, 3, 2), 1),
)
UNEVEN = (((5, 4, 1), 2), ((4, 5, 1), 2), ((2, 4, 3), 4))  # a rest below, a rest beside, a patch too large


@patchify.law
def every_pixel_in_its_place(candidate, draw):
    """Patches go from left to right, then down; within a patch pixels do the same, all channels of a pixel together."""
    for shape, patch in CASES:
        images = draw(*shape)
        agree(candidate(images, patch), patches_by_loops(images, patch), f"the patches of {shape} with side {patch}")


@patchify.law
def a_patch_sees_its_own_pixels(candidate, draw):
    """Changing one pixel changes one row, the one of its patch, in `channels` places."""
    images, moved = (draw(4, 6, 3) for _ in range(2))
    moved[:] = images
    moved[3, 2] += 1.0  # row 3, column 2: the second row of patches, the second in it
    before, after = candidate(images, 2), candidate(moved, 2)
    agree(np.sum(np.abs(after - before) > 0.5, axis=-1), [0, 0, 0, 0, 3, 0], "the number of changed entries by patch")


@patchify.law
def images_do_not_mix(candidate, draw):
    """A batch gives each image what it would get alone."""
    images = draw(2, 3, 4, 4, 2)
    for at in np.ndindex(2, 3):
        agree(candidate(images, 2)[at], candidate(images[at], 2), f"the patches of image {at}")


@patchify.law
def nothing_is_left_over(candidate, draw):
    """A side that leaves a rest of the image is refused by an exception, not cut off."""
    for shape, patch in UNEVEN:
        expect(candidate.refuses(draw(*shape), patch), f"it cut {shape} into patches of {patch}, it should raise")


def cut(images, patch):
    """Patches as a grid: (..., rows, patch, columns, patch, channels)."""
    *lead, height, width, channels = images.shape
    return images.reshape(*lead, height // patch, patch, width // patch, patch, channels)


def in_rows(grid, images, patch):
    """Lay a grid out as rows of patches, whatever the order of its axes."""
    *lead, height, width, channels = images.shape
    return grid.reshape(*lead, height * width // patch**2, patch**2 * channels)


@patchify.mutant("strips of the image instead of squares: reshape alone, without exchanging the two middle axes")
def reshaped_alone(images, patch):
    return in_rows(images, images, patch)


@patchify.mutant("the patches with all pixels of one channel first: (channel, row, column)")
def channels_first(images, patch):
    return in_rows(np.moveaxis(cut(images, patch).swapaxes(-4, -3), -1, -3), images, patch)


@patchify.mutant("the patches from top to bottom, then to the right")
def down_then_right(images, patch):
    return in_rows(np.moveaxis(cut(images, patch), -3, -5), images, patch)


@patchify.mutant("patches whose pixels were written down column by column")
def pixels_by_columns(images, patch):
    return in_rows(cut(images, patch).swapaxes(-4, -3).swapaxes(-3, -2), images, patch)


@patchify.mutant("every patch-th pixel of the image: a comb instead of a square")
def combed(images, patch):
    grid = cut(images, patch).swapaxes(-5, -4).swapaxes(-3, -2)  # (..., patch, rows, patch, columns, channels)
    return in_rows(grid.swapaxes(-4, -3), images, patch)


@patchify.mutant("the patches with the rest at the edge cut off in silence")
def rest_cut_off(images, patch):
    height, width = (n // patch * patch for n in images.shape[-3:-1])
    return patches_by_loops(images[..., :height, :width, :], patch)


@patchify.style
def sliced_and_stacked(images, patch):
    """One slice a patch, stacked."""
    height, width = images.shape[-3:-1]
    assert height % patch == width % patch == 0
    corners = [(i, j) for i in range(0, height, patch) for j in range(0, width, patch)]
    rows = [images[..., i : i + patch, j : j + patch, :].reshape(*images.shape[:-3], -1) for i, j in corners]
    return np.stack(rows, axis=-2)


@patchify.style
def by_einsum(images, patch):
    """einsum moves the axes; float32 inside."""
    return in_rows(np.einsum("...aibjc->...abijc", cut(images.astype(np.float32), patch)), images, patch)


@unpatchify.law
def every_pixel_back_in_its_place(candidate, draw):
    """What was cut by patchify's rule comes back as it was."""
    for shape, patch in CASES:
        images = draw(*shape)
        got = candidate(patches_by_loops(images, patch), *shape[-3:-1], patch)
        agree(got, images, f"the images {shape} put together from patches of {patch}")


@unpatchify.law
def one_row_fills_one_square(candidate, draw):
    """A row of sevens among zeros becomes one square of sevens."""
    tokens, want = np.zeros((6, 12)), np.zeros((4, 6, 3))
    tokens[5], want[2:, 4:] = 7.0, 7.0
    agree(candidate(tokens, 4, 6, 2), want, "the image of one bright patch, the last of 2 times 3")


@unpatchify.law
def sequences_do_not_mix(candidate, draw):
    """A batch gives each sequence the image that it would get alone."""
    tokens = draw(3, 6, 8)
    for n in range(3):
        agree(candidate(tokens, 4, 6, 2)[n], candidate(tokens[n], 4, 6, 2), f"image {n}")


@unpatchify.law
def as_many_patches_as_fit(candidate, draw):
    """A number of patches that does not fill the image, or a side that leaves a rest, is refused by an exception."""
    for shape, sizes in (((12, 12), (4, 6, 2)), ((3, 12), (4, 6, 2)), ((4, 4), (5, 4, 2)), ((4, 4), (4, 5, 2))):
        expect(candidate.refuses(draw(*shape), *sizes), f"it put {shape} together for {sizes}, it should raise")


def grid_again(tokens, height, width, patch):
    """(..., rows, columns, patch, patch, channels)"""
    return tokens.reshape(*tokens.shape[:-2], height // patch, width // patch, patch, patch, -1)


@unpatchify.mutant("the rows of tokens poured into the image: reshape alone, without exchanging the two middle axes")
def poured(tokens, height, width, patch):
    return tokens.reshape(*tokens.shape[:-2], height, width, -1)


@unpatchify.mutant("the image with every patch transposed: its pixels were read column by column")
def patches_transposed(tokens, height, width, patch):
    return np.moveaxis(grid_again(tokens, height, width, patch), -2, -4).reshape(*tokens.shape[:-2], height, width, -1)


@unpatchify.mutant("the image with its patches placed from top to bottom, then to the right")
def placed_by_columns(tokens, height, width, patch):
    grid = tokens.reshape(*tokens.shape[:-2], width // patch, height // patch, patch, patch, -1).swapaxes(-5, -4)
    return grid.swapaxes(-4, -3).reshape(*tokens.shape[:-2], height, width, -1)


@unpatchify.mutant("the image from rows that were read as (channel, row, column)")
def channels_read_first(tokens, height, width, patch):
    grid = tokens.reshape(*tokens.shape[:-2], height // patch, width // patch, -1, patch, patch)
    return np.moveaxis(grid, -3, -1).swapaxes(-4, -3).reshape(*tokens.shape[:-2], height, width, -1)


@unpatchify.mutant("an image for any number of patches: what is too much went into the channels")
def never_counted(tokens, height, width, patch):
    return grid_again(tokens, height, width, patch).swapaxes(-4, -3).reshape(*tokens.shape[:-2], height, width, -1)


@unpatchify.style
def pasted(tokens, height, width, patch):
    """Paste patch by patch into an empty image."""
    columns = width // patch
    assert tokens.shape[-2] * patch**2 == height * width
    assert height % patch == width % patch == 0
    image = np.empty((*tokens.shape[:-2], height, width, tokens.shape[-1] // patch**2))
    for n in range(tokens.shape[-2]):
        top, left = n // columns * patch, n % columns * patch
        square = tokens[..., n, :].reshape(*tokens.shape[:-2], patch, patch, -1)
        image[..., top : top + patch, left : left + patch, :] = square
    return image
