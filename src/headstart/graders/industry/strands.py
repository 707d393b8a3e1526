"""The other strand of DNA: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

reverse_complement = exercise("reverse_complement", "industry", wings=("in_numpy",))

LETTERS, PARTNER = "ACGT", {"A": "T", "C": "G", "G": "C", "T": "A"}


def one_hot(text):
    """A row a letter, columns A, C, G, T."""
    return np.array([[float(letter == column) for column in LETTERS] for letter in text])


def draw_text(draw, n):
    """Random letters."""
    return "".join(LETTERS[i] for i in draw.rng.integers(4, size=n))


@reverse_complement.law
def letter_by_letter(candidate, draw):
    """Read from the end to the start, with A for T, T for A, C for G and G for C."""
    for text in ("AACGT", "GATTACA", "A", "CC", draw_text(draw, 4), draw_text(draw, 9)):
        other = "".join(PARTNER[letter] for letter in reversed(text))
        agree(candidate(one_hot(text)), one_hot(other), f"the other strand of {text}")


@reverse_complement.law
def a_palindrome_is_its_own(candidate, draw):
    """A sequence that reads the same on both strands, as the cutting sites of many enzymes, is unchanged."""
    for text in ("GAATTC", "GGATCC", "AT"):
        agree(candidate(one_hot(text)), one_hot(text), f"the other strand of {text}")


@reverse_complement.law
def twice_is_nothing(candidate, draw):
    """The other strand of the other strand is the sequence itself."""
    dna = draw(5, 4)
    agree(candidate(np.array(candidate(dna))), dna, "the sequence read back")


@reverse_complement.law
def probabilities_and_batches(candidate, draw):
    """Rows may be probabilities, leading axes are free, and no sequence looks at another one."""
    for shape in ((3, 5, 4), (1, 4, 4), (2, 3, 2, 4), (4, 1, 4)):
        dna = np.abs(draw(*shape))
        want = np.zeros(shape)
        for at in np.ndindex(shape):
            want[*at[:-2], shape[-2] - 1 - at[-2], 3 - at[-1]] = dna[at]
        agree(candidate(dna), want, "the other strand")


@reverse_complement.law
def other_alphabets_are_refused(candidate, draw):
    """Rows of other than four columns are refused by an exception: it would be unclear which pairs to exchange."""
    for columns in (3, 5):
        expect(candidate.refuses(draw(4, columns)), f"it took rows of {columns} columns")


@reverse_complement.mutant("the reverse without the complement: no strand reads so")
def only_reversed(dna):
    return dna[..., ::-1, :]


@reverse_complement.mutant("the complement without the reverse: the other strand, read against its direction")
def only_complement(dna):
    return dna[..., ::-1]


@reverse_complement.mutant("A exchanged with C and G with T: neighbours in the table instead of partners in the helix")
def neighbours(dna):
    return dna[..., ::-1, :][..., [1, 0, 3, 2]]


@reverse_complement.mutant("A exchanged with G and C with T: the right pairs for another order of columns (A, C, T, G)")
def other_order(dna):
    return dna[..., ::-1, :][..., [2, 3, 0, 1]]


@reverse_complement.mutant("the sequence itself")
def unchanged(dna):
    return dna


@reverse_complement.mutant("the batch turned round instead of the sequence")
def first_axis(dna):
    return dna[::-1, ..., ::-1]


@reverse_complement.style
def by_matrices(dna):
    """Two permutation matrices."""
    if dna.shape[-1] != 4:
        raise ValueError("four letters")
    return np.eye(dna.shape[-2])[::-1] @ dna @ np.fliplr(np.eye(4))


@reverse_complement.style
def by_names(dna):
    """Unpack the four columns, stack them anew, flip."""
    A, C, G, T = np.moveaxis(dna, -1, 0)
    return np.flip(np.stack([T, G, C, A], axis=-1), axis=-2).astype(np.float32)
