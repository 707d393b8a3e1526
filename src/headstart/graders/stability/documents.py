"""The document mask: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import by_loops
from headstart.graders.kit import agree, exercise
from headstart.graders.stability.witness import same_mask

document_mask = exercise("document_mask", "masks", chapter="stability")


def documents_by_loops(ids):
    """Query i and key j are of one document where their ids are equal."""
    mask = np.zeros((*ids.shape, ids.shape[-1]), dtype=bool)
    for at in np.ndindex(mask.shape):
        mask[at] = ids[at[:-1]] == ids[at[:-2] + at[-1:]]
    return mask


@document_mask.law
def same_document_only(candidate, draw):
    """Query and key may meet where their ids are equal, both ways, in the shape (..., T, T)."""
    far = 2**24  # an id may be any whole number: float32, uint8 or a table of ids would mix some of these up
    for ids in ([0, 0, 1, 1, 1], [7], [3, 3, 3], [0, 1, 2, 3], [far, 5, far + 1, far + 5, far]):
        same_mask(candidate(np.array(ids)), documents_by_loops(np.array(ids)), f"document_mask({ids})")


@document_mask.law
def leading_axes_are_free(candidate, draw):
    """Each sequence of a batch has its own documents, numbered in any way, in one piece or in several."""
    for shape in ((2, 6), (2, 3, 5), (4, 4)):
        ids = draw.rng.integers(-2, 3, size=shape)
        same_mask(candidate(ids), documents_by_loops(ids), f"document_mask of ids of shape {shape}")


@document_mask.law
def packed_as_if_alone(candidate, draw):
    """Documents packed into one sequence get the answers that each gets alone."""
    q, k, v = draw(7, 3), draw(7, 3), draw(7, 2)
    ids = np.array([0, 0, 1, 1, 1, 2, 2])
    out = by_loops(q, k, v, np.asarray(candidate(ids)))
    for document in range(3):
        own = ids == document
        agree(out[own], by_loops(q[own], k[own], v[own]), f"the answers of document {document}")


@document_mask.mutant("a document mask inverted: only tokens of different documents see each other")
def different_documents(ids):
    return ~documents_by_loops(ids)


@document_mask.mutant("a document mask that lets neighbouring documents in (ids that differ by one)")
def neighbouring_documents(ids):
    return np.abs(ids[..., :, None] - ids[..., None, :]) <= 1


@document_mask.mutant("a document mask that lets a query see all earlier documents as well (<= instead of ==)")
def earlier_documents_too(ids):
    return ids[..., None, :] <= ids[..., :, None]


@document_mask.mutant("a document mask with a causal one in it: nothing ahead in the same document is seen")
def causal_inside(ids):
    return documents_by_loops(ids) & np.tri(ids.shape[-1], dtype=bool)


@document_mask.mutant("a mask that finds the tokens of the first document alone")
def first_document_only(ids):
    first = ids == ids[..., :1]
    return first[..., :, None] & first[..., None, :]


@document_mask.mutant("the right document mask as numbers 0 and 1 instead of booleans")
def document_numbers(ids):
    return documents_by_loops(ids).astype(float)


@document_mask.style
def by_one_hot_products(ids):
    """One-hot ids multiplied: the product is 1 where they agree."""
    one_hot = ids[..., None] == np.unique(ids)
    return one_hot.astype(int) @ one_hot.mT.astype(int) > 0


@document_mask.style
def by_differences(ids):
    """A difference of zero."""
    return np.logical_not(np.expand_dims(ids, -1) - np.expand_dims(ids, -2))
