"""The mask of text with images in it: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

image_block_mask = exercise("image_block_mask", "multimodal_tokens", chapter="multimodal", wings=("in_numpy",))

SEQUENCES = (
    [1, 1, 1, 0, 0, 0],
    [0, 0, 1, 1, 0, 2, 2, 2, 0],
    [0, 1, 1, 2, 2, 0],  # two images side by side
    [0, 0, 0],
    [1, 1],
    [1],
    [0, 7, 7, 0, 3, 0],  # any numbers above zero will do
    [1, 1, 0, 1, 1, 0],  # a token of text between the rows of an image
)


def by_pairs(image_ids):
    """Every pair asked: not later, or of the same image."""
    ids = np.asarray(image_ids)
    T = ids.shape[-1]
    mask = np.zeros((*ids.shape, T), dtype=bool)
    for at in np.ndindex(*ids.shape[:-1]):
        for i in range(T):
            for j in range(T):
                mask[(*at, i, j)] = j <= i or (ids[at][i] > 0 and ids[at][i] == ids[at][j])
    return mask


def boolean(mask):
    """The mask itself, if it is one."""
    kind = np.asarray(mask).dtype
    expect(kind.kind == "b", f"the mask is of {kind}, it should be boolean: True where a query may attend")
    return mask


def draw_batch(draw):
    """Sequences of one length with images of random lengths in random places, as a batch with two leading axes."""
    rows = []
    for _ in range(4):
        parts = [(n * (k % 2), draw.rng.integers(1, 4)) for k, n in enumerate([0, 1, 0, 2, 0, 3, 0])]
        rows.append(np.concatenate([np.full(size, n) for n, size in parts])[:7])
    return np.array(rows).reshape(2, 2, 7)


@image_block_mask.law
def past_and_own_image(candidate, draw):
    """A token sees what is not later than itself, and every token of its own image."""
    for ids in SEQUENCES:
        agree(boolean(candidate(np.array(ids))), by_pairs(ids), f"the mask of {ids}")


@image_block_mask.law
def masks_of_a_batch(candidate, draw):
    """Every sequence of a batch gets its own mask, whatever the leading axes."""
    ids = draw_batch(draw)
    for batch in (ids, ids[0], ids[:1], ids[0, 0]):
        agree(boolean(candidate(batch)), by_pairs(batch), f"the masks of a batch {batch.shape}")


@image_block_mask.law
def text_alone_is_causal(candidate, draw):
    """Without images it is the causal mask."""
    for T in (1, 4, 7):
        agree(
            boolean(candidate(np.zeros((2, T), dtype=int))), np.stack([np.tri(T, dtype=bool)] * 2), "the mask of text"
        )


@image_block_mask.law
def the_future_is_seen_in_an_image_alone(candidate, draw):
    """Above the diagonal there are the pairs of one image and no others."""
    ids = draw_batch(draw).reshape(4, 7)
    later = np.asarray(candidate(ids)) & ~np.tri(7, dtype=bool)
    for row, mask in zip(ids, later, strict=True):
        wanted = sum(int(n * (n - 1) / 2) for n in np.unique(row[row > 0], return_counts=True)[1])
        agree(int(mask.sum()), wanted, f"the number of later keys that are seen in {row.tolist()}")


def parts(image_ids):
    """Not later; same number; the query is of an image; the key is."""
    ids = np.asarray(image_ids)
    q, k = ids[..., :, None], ids[..., None, :]
    return np.broadcast_to(np.tri(ids.shape[-1], dtype=bool), (*ids.shape, ids.shape[-1])), q == k, q > 0, k > 0


@image_block_mask.mutant("the causal mask: the tokens of an image see their image only as far as they have read it")
def causal_alone(image_ids):
    return parts(image_ids)[0].copy()


@image_block_mask.mutant("a mask in which text sees later text too: 0 was taken for an image of its own")
def text_is_an_image(image_ids):
    causal, same, _, _ = parts(image_ids)
    return causal | same


@image_block_mask.mutant("a mask in which all images see each other, the later ones included")
def images_see_each_other(image_ids):
    causal, _, q, k = parts(image_ids)
    return causal | (q & k)


@image_block_mask.mutant("a mask in which every token sees all images, before they come")
def images_for_all(image_ids):
    causal, _, _, k = parts(image_ids)
    return causal | k


@image_block_mask.mutant("a mask in which the tokens of an image see everything, the text behind it included")
def images_see_all(image_ids):
    causal, _, q, _ = parts(image_ids)
    return causal | q


@image_block_mask.mutant("a mask in which images see themselves alone, and not the text before them")
def images_alone(image_ids):
    causal, same, q, _ = parts(image_ids)
    return np.where(q, same, causal)


@image_block_mask.mutant("a mask with queries and keys exchanged: text sees the future")
def transposed(image_ids):
    return by_pairs(image_ids).swapaxes(-1, -2).copy()


@image_block_mask.mutant("a mask turned round: True where a query may not attend")
def blocked_is_true(image_ids):
    return ~by_pairs(image_ids)


@image_block_mask.style
def a_loop_over_images(image_ids):
    """Start causal, then open one image after the other."""
    T = image_ids.shape[-1]
    mask = np.tril(np.ones((*image_ids.shape, T), dtype=bool))
    for n in np.unique(image_ids):
        if n > 0:
            own = image_ids == n
            mask |= own[..., :, None] & own[..., None, :]
    return mask


@image_block_mask.style
def by_places(image_ids):
    """Places compared, images compared with text set to numbers of its own."""
    place = np.arange(image_ids.shape[-1])
    group = np.where(image_ids > 0, image_ids, -1 - place)
    return (place[:, None] >= place) | np.equal(group[..., :, None], group[..., None, :])
