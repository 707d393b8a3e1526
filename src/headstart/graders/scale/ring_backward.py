"""Back through the ring: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, scores_of, slopes_at_once
from headstart.graders.backward.from_output import from_saved
from headstart.graders.backward.witness import QKV, agree_all
from headstart.graders.kit import exercise
from headstart.graders.scale.ring import whole_lse
from headstart.graders.scale.witness import draw_blocks, gathered, orders, together

ring_attention_backward = exercise(
    "ring_attention_backward",
    "ring_backward",
    chapter="scale",
    wings=("in_numpy",),
    needs=("attention_backward_from_output",),
)

SMALL = (((), 3, 1, 2, 2), ((2, 1), 2, 2, 2, 1), ((), 1, 3, 2, 2))  # leading axes, R, n, d_head, d_v


def saved(q, k, v, positions=None):
    """What the forward pass keeps."""
    return together(q, k, v, positions), whole_lse(q, k, positions)


def wanted(dout, q, k, v, positions=None):
    """The gradients by finite differences of attention over all tokens at once."""
    return slopes_at_once(lambda q, k, v: together(q, k, v, positions), dout, q, k, v)


@ring_attention_backward.law
def slopes_through_the_ring(candidate, draw):
    """dq, dk and dv equal finite differences, each on the rank to which its token belongs."""
    for shape in SMALL:
        q, k, v = draw_blocks(draw, *shape)
        dout = draw(*v.shape)
        agree_all(candidate(dout, q, k, v, *saved(q, k, v)), wanted(dout, q, k, v), QKV)


@ring_attention_backward.law
def slopes_through_the_causal_ring(candidate, draw):
    """With positions the future passes nothing back, however the tokens were dealt out."""
    q, k, v = draw_blocks(draw, (), 3, 2, 2, 2)
    dout = draw(*v.shape)
    for positions in orders(draw, 3, 2):
        got = candidate(dout, q, k, v, *saved(q, k, v, positions), positions)
        agree_all(got, wanted(dout, q, k, v, positions), QKV)


@ring_attention_backward.law
def gradients_come_home(candidate, draw):
    """Where one rank's queries alone have a gradient, every rank's keys and values still get theirs."""
    q, k, v = draw_blocks(draw, (), 4, 1, 2, 2)
    for rank in (0, 3):
        dout = draw(4, 1, 2) * (np.arange(4) == rank)[:, None, None]
        agree_all(candidate(dout, q, k, v, *saved(q, k, v)), wanted(dout, q, k, v), QKV)


@ring_attention_backward.law
def far_scores_come_back(candidate, draw):
    """Scores near -1800, and an lse as low, are met like any others: the future passes nothing back."""
    q, k, v = draw_blocks(draw, (), 2, 2, 4, 2)
    q, k, dout, positions = np.round(4 * q) / 4, np.round(4 * k) / 4, draw(2, 2, 2), np.array([[0, 3], [1, 2]])
    q[..., 0], k[..., 0] = 60.0, 0.0
    lse = whole_lse(q, k, positions)  # and 1800 less once every key has -60 there
    k[..., 0] = -60.0
    got = candidate(dout, q, k, v, together(q, k, v, positions), lse - 1800.0, positions)
    agree_all(got, wanted(dout, q, k, v, positions), QKV, atol=2e-2)


def back(
    dout, q, k, v, out, lse, positions=None, steps=0, home=True, gradients=1, D=None, stay=False, places_move=True
):
    """The way back with (wrong) steps, moves or D; `stay` leaves dk and dv on the ranks that computed them."""
    parts, places = [np.zeros_like(a) for a in (q, k, v)], positions
    R = q.shape[-3]
    for step in range(R + steps):
        mask = None if positions is None else places[:, None, :] <= positions[:, :, None]
        more = from_saved(dout, q, k, v, out, lse, mask, D=None if D is None else D(dout, q, k, v, mask))
        parts = [a + b for a, b in zip(parts, more, strict=True)]
        k, v = np.roll(k, 1, axis=-3), np.roll(v, 1, axis=-3)
        if not stay and (home or step < R - 1):
            parts[1:] = [np.roll(a, gradients, axis=-3) for a in parts[1:]]
        places = np.roll(places, 1, axis=0) if places is not None and places_move else places
    return tuple(parts)


@ring_attention_backward.mutant("gradients of keys and values one rank short of home: they move R times, not R - 1")
def not_home(*args):
    return back(*args, home=False)


@ring_attention_backward.mutant("gradients of keys and values that stay where they were computed")
def gradients_stay(*args):
    return back(*args, stay=True)


@ring_attention_backward.mutant("gradients that travel against their keys and values")
def gradients_backwards(*args):
    return back(*args, gradients=-1)


@ring_attention_backward.mutant("a way back of R - 1 steps: one block is missing")
def back_one_step_too_few(*args):
    return back(*args, steps=-1)


@ring_attention_backward.mutant("a row sum over the block at hand instead of D = rowsum(dout · out)")
def row_sum_of_a_block(dout, q, k, v, out, lse, positions=None):
    def local(dout, q, k, v, mask):
        weights = np.exp(scores_of(q, k, mask) - np.where(np.isinf(lse), 0.0, lse)[..., None])
        return ((dout @ v.mT) * weights).sum(-1, keepdims=True)

    return back(dout, q, k, v, out, lse, positions, D=local)


@ring_attention_backward.mutant("a way back without D")
def ring_without_D(*args):
    return back(*args, D=lambda *_: 0.0)


@ring_attention_backward.mutant("a way back that ignores positions")
def back_from_the_future(dout, q, k, v, out, lse, positions=None):
    return back(dout, q, k, v, out, lse)


@ring_attention_backward.mutant("a way back whose mask stays that of the first step")
def back_with_the_first_mask(*args):
    return back(*args, places_move=False)


@ring_attention_backward.mutant("gradients of each rank's own block alone")
def back_at_home(dout, q, k, v, out, lse, positions=None):
    mask = None if positions is None else positions[:, None, :] <= positions[:, :, None]
    return from_saved(dout, q, k, v, out, lse, mask)


@ring_attention_backward.style
def back_at_once(dout, q, k, v, out, lse, positions=None):
    """All tokens gathered, the plain backward pass, dealt out again."""
    R = q.shape[-3]
    places = None if positions is None else positions.reshape(-1)
    mask = None if places is None else places <= places[:, None]
    q, k, v, dout = (gathered(a) for a in (q, k, v, dout))
    A = plain_softmax(scores_of(q, k, mask))
    dA = dout @ v.mT
    dS = A * (dA - (dA * A).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    return [g.reshape(*g.shape[:-2], R, -1, g.shape[-1]) for g in (dS @ k, dS.mT @ q, A.mT @ dout)]


@ring_attention_backward.style
def back_in_float32(dout, q, k, v, out, lse, positions=None):
    """float32 throughout."""
    return back(*(a.astype(np.float32) for a in (dout, q, k, v, out, lse)), positions)
