"""Back through dropout: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import slopes
from headstart.graders.backward.witness import draw_kept
from headstart.graders.kit import again, agree, exercise

dropout_backward = exercise("dropout_backward", "backward", wings=("in_numpy",))


@dropout_backward.law
def dropout_by_the_definition(candidate, draw):
    """What was kept hands on dout / (1 - rate), what was dropped zero, for every shape and rate."""
    for shape, rate in again(((5,), 0.5), ((2, 3), 0.2), ((2, 1, 4), 0.0), ((3, 4), 0.9)):
        dout, kept = draw(*shape), draw_kept(draw, *shape)
        want = [d / (1 - rate) if keep else 0.0 for d, keep in zip(dout.ravel(), kept.ravel(), strict=True)]
        agree(candidate(dout, kept, rate), np.reshape(want, shape), f"dx at rate {rate}")


@dropout_backward.law
def dropout_slopes(candidate, draw):
    """It equals finite differences of the forward pass with the same draw; the default rate is 0.1."""
    x, dout, kept = draw(3, 4), draw(3, 4), draw_kept(draw, 3, 4)
    agree(candidate(dout, kept), slopes(lambda x: np.where(kept, x / 0.9, 0.0), dout, x)[0], "dx at the default rate")


@dropout_backward.law
def a_boolean_draw(candidate, draw):
    """The draw may come as booleans."""
    dout, kept = draw(2, 5), draw_kept(draw, 2, 5) > 0
    agree(candidate(dout, kept, 0.25), np.where(kept, dout / 0.75, 0.0), "dx")


@dropout_backward.law
def nothing_dropped(candidate, draw):
    """A draw that kept everything at rate 0 hands dout on unchanged."""
    dout = draw(3, 2)
    agree(candidate(dout, np.ones((3, 2)), 0.0), dout, "dx")


@dropout_backward.mutant("dropout that forgets the factor 1/(1 - rate) on the way back")
def not_rescaled(dout, kept, rate=0.1):
    return dout * kept


@dropout_backward.mutant("dropout divided by the rate instead of by 1 - rate")
def divided_by_the_rate(dout, kept, rate=0.1):
    return dout * kept / (rate or 1.0)


@dropout_backward.mutant("dropout multiplied by 1 - rate instead of divided by it")
def multiplied_by_the_rest(dout, kept, rate=0.1):
    return dout * kept * (1 - rate)


@dropout_backward.mutant("the gradient handed to the numbers that were dropped: the draw is inverted")
def draw_inverted(dout, kept, rate=0.1):
    return dout * (1.0 - kept) / (1 - rate)


@dropout_backward.mutant("the gradient handed through as if nothing had been dropped")
def draw_ignored(dout, kept, rate=0.1):
    return dout / (1 - rate)


@dropout_backward.style
def dropout_by_where(dout, kept, rate=0.1):
    """np.where on a boolean draw."""
    return np.where(np.asarray(kept) > 0, dout * (1.0 / (1.0 - rate)), 0.0)
