"""Images in a sequence: how many tokens they are, and which tokens may see which."""

import math

import numpy as np

from headstart.contract import shapes


def image_tokens(height, width, patch, merge=1):
    """Count the tokens of an image that is cut into square patches, of which merge × merge become one token.

    height  int   at least 1 (else ValueError), as all four; in pixels
    width   int   at least 1
    patch   int   at least 1: the side of a patch, in pixels
    merge   int   at least 1: neighbours in each direction that are joined; 1 joins nothing
    return  int   tokens of the image, padded at the edges up to whole groups of patches

    Law: twice the height and twice the width are four times the tokens, where nothing is padded.
    Source: Dosovitskiy et al. 2021, section 3.1 (patches); Wang et al. 2024, section 2.1 (merged two by two).
    """
    if min({height, width, patch, merge}) < 1:
        raise ValueError("image_tokens: height and every other size must be at least 1: width, patch and merge too")
    side = patch * merge
    return math.ceil(height / side) * math.ceil(width / side)


@shapes(image_ids="... T")
def image_block_mask(image_ids):
    """Let every token see what came before, and the tokens of one image see all of their image.

    image_ids  (..., T)      whole numbers: 0 for a token of text, n for a token of the sequence's image n = 1, 2, …
    return     (..., T, T)   boolean, True where a query may attend

    Law: without images it is the causal mask; a text token never sees what comes after it.
    Source: the published code of Gemma 3; Beyer et al. 2024, where the prompt is part of the block too.
    """
    T = image_ids.shape[-1]
    same = image_ids[..., None] == image_ids[..., None, :]  # (..., T, T)
    return np.tri(T, dtype=bool) | (same & (image_ids[..., None] > 0))


@shapes(starts="bool ...")
def last_image_mask(starts, num_images, tokens_per_image):
    """Let every text token read from one image: the last that stands at or before its place.

    starts            (..., T)   boolean, True where an image stands in the text (its mark is a token of the text)
    num_images        int        at least 1 (else ValueError): images a sequence has room for, no fewer than its marks
    tokens_per_image  int        at least 1: the tokens of image 1, then those of image 2, …
    return            (..., T, num_images·tokens_per_image)   boolean; a token before the first mark reads nothing

    Law: each row has tokens_per_image allowed keys, or none; it is the mask of gated_cross_attention.
    Source: Alayrac et al. 2022, section 2.3 (multi-visual input support).
    """
    if min({num_images, tokens_per_image}) < 1:
        raise ValueError("last_image_mask: num_images must be at least 1, and tokens_per_image at least 1")
    latest = np.cumsum(starts, axis=-1)  # (..., T): 0 before the first image
    owner = np.repeat(np.arange(1, num_images + 1), tokens_per_image)
    return latest[..., None] == owner
