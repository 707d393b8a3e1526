"""The padding mask: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import by_loops
from headstart.graders.kit import agree, exercise, expect
from headstart.graders.stability.witness import same_mask

padding_mask = exercise("padding_mask", "masks", chapter="stability")


def padding_by_loops(lengths, T):
    """Key j of sequence b is real where j is below its length."""
    return np.array([[[j < length for j in range(T)]] for length in lengths])


@padding_mask.law
def real_keys_only(candidate, draw):
    """Key j of sequence b may be seen where j < lengths[b], in the shape (B, 1, T), for every length from 0 to T."""
    for lengths, T in (([3, 1, 5], 5), ([4], 4), ([0, 2], 3), ([2, 2, 0, 1], 2)):
        same_mask(candidate(np.array(lengths), T), padding_by_loops(lengths, T), f"padding_mask({lengths}, {T})")


@padding_mask.law
def random_lengths(candidate, draw):
    """The mask of sequence b counts as many keys as lengths[b], and the real ones come first."""
    lengths = draw.rng.integers(0, 9, size=6)
    same_mask(candidate(lengths, 8), padding_by_loops(lengths, 8), f"padding_mask({lengths.tolist()}, 8)")


@padding_mask.law
def padding_cannot_be_read(candidate, draw):
    """Under the mask every sequence of a batch gets the answers that it gets without padding."""
    q, k, v, lengths = draw(3, 4, 2), draw(3, 4, 2), draw(3, 4, 2), np.array([4, 2, 1])
    out = by_loops(q, k, v, np.asarray(candidate(lengths, 4)))
    for b, n in enumerate(lengths):
        agree(out[b, :n], by_loops(q[b, :n], k[b, :n], v[b, :n]), f"the answers of sequence {b}, {n} tokens long")


@padding_mask.law
def refuses_impossible_lengths(candidate, draw):
    """A length below 0 or above T is refused with an exception, wherever it stands."""
    for lengths in ([2, 5], [-1, 3], [7]):
        refused = candidate.refuses(np.array(lengths), 4)
        expect(refused, f"padding_mask({lengths}, 4) should raise a ValueError: lengths lie between 0 and 4")


@padding_mask.mutant("a padding mask inverted: True marks the padding, as key_padding_mask wants it")
def marks_the_padding(lengths, T):
    return ~padding_by_loops(lengths, T)


@padding_mask.mutant("a padding mask laid over the queries, (B, T, 1), instead of the keys")
def over_the_queries(lengths, T):
    return padding_by_loops(lengths, T).swapaxes(-1, -2)


@padding_mask.mutant("a padding mask of shape (B, T), which broadcasts against queries, not sequences")
def without_the_query_axis(lengths, T):
    return padding_by_loops(lengths, T)[:, 0]


@padding_mask.mutant("a padding mask that lets the first padded key in (<= instead of <)")
def one_too_many(lengths, T):
    return (np.arange(T) <= lengths[:, None])[:, None]


@padding_mask.mutant("a padding mask that takes the padding to stand in front")
def padding_in_front(lengths, T):
    return padding_by_loops(lengths, T)[..., ::-1]


@padding_mask.mutant("a padding mask of queries and keys, which leaves the padded queries nothing: shape (B, T, T)")
def both_sides(lengths, T):
    real = padding_by_loops(lengths, T)
    return real & real.swapaxes(-1, -2)


@padding_mask.mutant("the right padding mask as numbers 0 and 1 instead of booleans")
def padding_numbers(lengths, T):
    return padding_by_loops(lengths, T).astype(float)


@padding_mask.style
def filled_in_a_loop(lengths, T):
    """A loop that fills an empty mask, and looks at each length as it comes to it."""
    mask = np.zeros((len(lengths), 1, T), dtype=bool)
    for b, n in enumerate(lengths):
        if not 0 <= n <= T:
            raise ValueError(f"length {n} of {T}")
        mask[b, :, :n] = True
    return mask
