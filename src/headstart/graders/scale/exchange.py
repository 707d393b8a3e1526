"""Tokens swapped for heads among the ranks, and back: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise
from headstart.graders.scale.witness import refuses

sequence_to_heads = exercise("sequence_to_heads", "scale")
heads_to_sequence = exercise("heads_to_sequence", "scale")

SHAPES = (((), 2, 2, 3, 2), ((2,), 3, 1, 2, 1), ((1, 2), 2, 3, 2, 2), ((), 1, 2, 4, 3), ((), 4, 2, 1, 2))  # R, h, n, d


def by_parcels(x):
    """Every parcel carried by itself, from its rank to its rank."""
    *lead, R, H, n, d = x.shape
    h, out = H // R, np.zeros((*lead, R, H // R, R * n, d))
    for sender in range(R):
        for to in range(R):
            out[..., to, :, sender * n : (sender + 1) * n, :] = x[..., sender, to * h : (to + 1) * h, :, :]
    return out


def back_by_parcels(x):
    """The same on the way back."""
    *lead, R, h, T, d = x.shape
    n, out = T // R, np.zeros((*lead, R, R * h, T // R, d))
    for sender in range(R):
        for to in range(R):
            out[..., to, sender * h : (sender + 1) * h, :, :] = x[..., sender, :, to * n : (to + 1) * n, :]
    return out


@sequence_to_heads.law
def every_parcel_arrives(candidate, draw):
    """What rank r holds of the heads of rank s lands on rank s, at the tokens of rank r."""
    for lead, R, h, n, d in SHAPES:
        x = draw(*lead, R, R * h, n, d)
        agree(candidate(x), by_parcels(x), f"the exchange among {R} ranks, {h} heads each,")


@sequence_to_heads.law
def heads_become_whole(candidate, draw):
    """Afterwards every rank has its heads' tokens in the order of the sequence."""
    for R, h, n in ((2, 2, 3), (3, 1, 2)):
        tokens, heads = np.meshgrid(np.arange(R * n), np.arange(R * h))
        whole = np.stack([heads, tokens], axis=-1) * 1.0  # (H, T, 2): each entry says whose it is
        got = candidate(np.stack(np.split(whole, R, axis=1)))
        agree(got, np.stack(np.split(whole, R)), "(head, token) of every entry")


@sequence_to_heads.law
def heads_must_divide(candidate, draw):
    """Heads that cannot be shared out evenly raise an exception."""
    refuses(candidate, draw(2, 3, 2, 2), why="3 heads do not divide into 2 ranks")


@sequence_to_heads.law(wings=("in_torch",))
def gradients_go_back(candidate, draw):
    """The gradient takes the way back: that of every parcel lands on the rank that sent it."""
    for lead, R, h, n, d in SHAPES[:2]:
        x, g = draw(*lead, R, R * h, n, d), draw(*lead, R, h, R * n, d)
        agree(candidate.gradients(g, x)[0], back_by_parcels(g), "the gradient")


@heads_to_sequence.law
def every_parcel_comes_back(candidate, draw):
    """What rank r holds of the tokens of rank s lands on rank s, at the heads of rank r."""
    for lead, R, h, n, d in SHAPES:
        x = draw(*lead, R, h, R * n, d)
        agree(candidate(x), back_by_parcels(x), f"the exchange among {R} ranks, {n} tokens each,")


@heads_to_sequence.law
def undoes_the_first_exchange(candidate, draw):
    """There and back again is where it was."""
    for lead, R, h, n, d in SHAPES[:3]:
        x = draw(*lead, R, R * h, n, d)
        agree(candidate(by_parcels(x)), x, "the array after both exchanges")


@heads_to_sequence.law
def tokens_must_divide(candidate, draw):
    """Tokens that cannot be shared out evenly raise an exception."""
    refuses(candidate, draw(2, 2, 3, 2), why="3 tokens do not divide into 2 ranks")


@heads_to_sequence.law(wings=("in_torch",))
def gradients_go_there(candidate, draw):
    """The gradient takes the way there: that of every parcel lands on the rank that sent it."""
    for lead, R, h, n, d in SHAPES[:2]:
        x, g = draw(*lead, R, h, R * n, d), draw(*lead, R, R * h, n, d)
        agree(candidate.gradients(g, x)[0], by_parcels(g), "the gradient")


def checked(divides):
    """Raise ValueError where the contract does."""
    if not divides:
        raise ValueError("uneven")


@sequence_to_heads.mutant("a reshape alone: nothing was sent, the numbers were only counted in another order")
def reshaped_alone(x):
    *lead, R, H, n, d = x.shape
    checked(H % R == 0)
    return x.reshape(*lead, R, H // R, R * n, d)


@sequence_to_heads.mutant("an exchange that leaves the sender's axis before the heads: tokens and heads are mixed up")
def sender_before_heads(x):
    *lead, R, H, n, d = x.shape
    checked(H % R == 0)
    arrived = x.reshape(*lead, R, R, H // R, n, d).swapaxes(-5, -4)
    return arrived.reshape(*lead, R, H // R, R * n, d)


@sequence_to_heads.mutant("tokens in the order (place on the rank, rank) instead of (rank, place on the rank)")
def tokens_interleaved(x):
    *lead, R, H, n, d = x.shape
    checked(H % R == 0)
    arrived = np.moveaxis(x.reshape(*lead, R, R, H // R, n, d), -5, -2)  # (..., to, h, n, from, d)
    return arrived.reshape(*lead, R, H // R, n * R, d)


@sequence_to_heads.mutant("heads dealt out in turn: rank r has the heads r, r + R, … instead of a run of them")
def heads_dealt_in_turn(x):
    *lead, R, H, n, d = x.shape
    checked(H % R == 0)
    turned = np.moveaxis(x.reshape(*lead, R, H // R, R, n, d), -3, -4)
    return by_parcels(turned.reshape(x.shape))


@sequence_to_heads.mutant("the parcels on the ranks that sent them: the two rank axes were not swapped")
def never_sent(x):
    *lead, R, H, n, d = x.shape
    checked(H % R == 0)
    kept = x.reshape(*lead, R, R, H // R, n, d).swapaxes(-4, -3)
    return kept.reshape(*lead, R, H // R, R * n, d)


@heads_to_sequence.mutant("a reshape alone: nothing was sent")
def reshaped_back_alone(x):
    *lead, R, h, T, d = x.shape
    checked(T % R == 0)
    return x.reshape(*lead, R, R * h, T // R, d)


@heads_to_sequence.mutant("parcels on the ranks that sent them: the two rank axes were not swapped")
def never_sent_back(x):
    *lead, R, h, T, d = x.shape
    checked(T % R == 0)
    return x.reshape(*lead, R, h, R, T // R, d).swapaxes(-4, -3).reshape(*lead, R, R * h, T // R, d)


@heads_to_sequence.mutant("heads in the order (head on the rank, rank) instead of (rank, head on the rank)")
def heads_interleaved(x):
    *lead, R, h, T, d = x.shape
    checked(T % R == 0)
    arrived = np.moveaxis(x.reshape(*lead, R, h, R, T // R, d), -5, -3)  # (..., h, to, from, n, d)
    return np.moveaxis(arrived, -5, -4).reshape(*lead, R, h * R, T // R, d)


@heads_to_sequence.mutant("every R-th token to a rank instead of a run of tokens")
def tokens_dealt_in_turn(x):
    *lead, R, h, T, d = x.shape
    checked(T % R == 0)
    return back_by_parcels(x.reshape(*lead, R, h, T // R, R, d).swapaxes(-3, -2).reshape(x.shape))


@sequence_to_heads.style
def joined_and_cut(x):
    """Join the sequence, then cut the heads: what an all-gather would have allowed."""
    R = x.shape[-4]
    checked(x.shape[-3] % R == 0)
    whole = np.concatenate([x[..., r, :, :, :] for r in range(R)], axis=-2)
    return np.stack(np.split(whole, R, axis=-3), axis=-4)


@heads_to_sequence.style
def joined_and_cut_back(x):
    """Join the heads, then cut the sequence; float32."""
    R = x.shape[-4]
    checked(x.shape[-2] % R == 0)
    whole = np.concatenate([x[..., r, :, :, :] for r in range(R)], axis=-3)
    return np.stack(np.split(whole, R, axis=-2), axis=-4).astype(np.float32)
