"""Which image a text token reads: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect
from headstart.graders.multimodal.blocks import boolean

last_image_mask = exercise("last_image_mask", "multimodal_tokens", chapter="multimodal", wings=("in_numpy",))

CASES = (  # starts, images, tokens an image
    ([1, 0, 0, 1, 0], 2, 3),
    ([0, 1, 1, 0, 0], 2, 3),
    ([0, 0, 1, 0, 1, 1, 0], 3, 2),
    ([0, 1, 0, 0], 1, 4),
    ([0, 0, 0], 2, 2),  # text before any image
    ([1, 0, 1], 4, 1),  # room for more images than there are
    ([1], 1, 1),
)


def place_by_place(starts, num_images, tokens_per_image):
    """One place after the other: remember the last image, open its tokens."""
    starts = np.asarray(starts, dtype=bool)
    mask = np.zeros((*starts.shape, num_images * tokens_per_image), dtype=bool)
    for at in np.ndindex(*starts.shape[:-1]):
        last = -1
        for i, begins in enumerate(starts[at]):
            last += int(begins)
            if last >= 0:
                mask[at][i, last * tokens_per_image : (last + 1) * tokens_per_image] = True
    return mask


@last_image_mask.law
def each_reads_the_last_image(candidate, draw):
    """A token reads the tokens of the last image that stands at or before its place, and of no other."""
    for starts, N, M in CASES:
        got = boolean(candidate(np.array(starts, dtype=bool), N, M))
        agree(got, place_by_place(starts, N, M), f"the mask for {starts}, {N} images of {M} tokens")


@last_image_mask.law
def every_sequence_its_own_images(candidate, draw):
    """Every sequence of a batch has its own marks, whatever the leading axes."""
    starts = draw.rng.random((2, 3, 6)) < 0.4
    for batch in (starts, starts[0], starts[:1]):
        agree(boolean(candidate(batch, 6, 2)), place_by_place(batch, 6, 2), f"the masks of a batch {batch.shape}")


@last_image_mask.law
def nothing_before_the_first(candidate, draw):
    """Before the first mark nothing is read; after it every row has the tokens of one image."""
    starts = np.array([False, False, True, False, True])
    counts = np.asarray(candidate(starts, 3, 4)).sum(axis=-1)
    agree(counts, np.array([0, 0, 4, 4, 4]), "the number of keys of each token")


@last_image_mask.law
def refuses_images_of_nothing(candidate, draw):
    """Fewer than one image, or fewer than one token an image, raises an exception."""
    for N, M in ((0, 2), (2, 0), (-1, 2)):
        refused = candidate.refuses(np.array([True, False]), N, M)
        expect(refused, f"it took {N} images of {M} tokens, it should raise ValueError")


def numbers(starts, num_images, tokens_per_image):
    """The number of the last image at each place, 0 for none, and the number of each key's image."""
    latest = np.cumsum(starts, axis=-1)[..., :, None]
    return latest, np.repeat(np.arange(1, num_images + 1), tokens_per_image)


@last_image_mask.mutant("a mask in which every image so far is read, not the last alone")
def all_so_far(starts, num_images, tokens_per_image):
    latest, owner = numbers(starts, num_images, tokens_per_image)
    return latest >= owner


@last_image_mask.mutant(
    "a mask in which the mark of an image still reads the image before: the count is one place late"
)
def one_place_late(starts, num_images, tokens_per_image):
    latest, owner = numbers(starts, num_images, tokens_per_image)
    return latest - np.asarray(starts)[..., :, None] == owner


@last_image_mask.mutant("a mask in which text reads the image that comes next")
def next_image(starts, num_images, tokens_per_image):
    latest, owner = numbers(starts, num_images, tokens_per_image)
    return latest + 1 == owner


@last_image_mask.mutant("a mask in which text before the first image reads the first one")
def first_for_all(starts, num_images, tokens_per_image):
    latest, owner = numbers(starts, num_images, tokens_per_image)
    return np.maximum(latest, 1) == owner


@last_image_mask.mutant("a mask with the images' tokens tiled (1 2 1 2) where they stand in a row (1 1 2 2)")
def tokens_tiled(starts, num_images, tokens_per_image):
    latest, _ = numbers(starts, num_images, tokens_per_image)
    return latest == np.tile(np.arange(1, num_images + 1), tokens_per_image)


@last_image_mask.mutant("a mask with one key an image: its other tokens are missing")
def one_key_an_image(starts, num_images, tokens_per_image):
    latest, _ = numbers(starts, num_images, tokens_per_image)
    return latest == np.arange(1, num_images + 1)


@last_image_mask.mutant("a mask turned round: True where a token may not read")
def unread_is_true(starts, num_images, tokens_per_image):
    latest, owner = numbers(starts, num_images, tokens_per_image)
    return latest != owner


@last_image_mask.style
def seen_minus_superseded(starts, num_images, tokens_per_image):
    """What has begun, without what a later image has replaced."""
    if num_images < 1 or tokens_per_image < 1:
        raise ValueError("no images")
    latest, owner = numbers(starts, num_images, tokens_per_image)
    return (owner <= latest) & ~(owner + 1 <= latest)


@last_image_mask.style
def a_loop_over_places(starts, num_images, tokens_per_image):
    """A loop over sequences and places."""
    assert num_images >= 1
    assert tokens_per_image >= 1
    return place_by_place(starts, num_images, tokens_per_image)
