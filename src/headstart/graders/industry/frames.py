"""Agents as seen by each other: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise

in_each_frame = exercise("in_each_frame", "industry", wings=("in_numpy",))

SHAPES = (((), 3), ((2,), 5), ((1,), 1), ((2, 3), 2))


def agent_by_agent(positions, headings):
    """Distance and bearing of each pair, then the bearing less the observer's heading."""
    N = positions.shape[-2]
    out = np.zeros((*positions.shape[:-2], N, N, 2))
    for at in np.ndindex(out.shape[:-1]):
        *lead, i, j = at
        dx, dy = positions[*lead, j] - positions[*lead, i]
        bearing = math.atan2(dy, dx) - headings[*lead, i]
        out[at] = math.hypot(dx, dy) * math.cos(bearing), math.hypot(dx, dy) * math.sin(bearing)
    return out


def draw_scene(draw, lead, N):
    """Places within a few metres, headings all around."""
    return draw(*lead, N, 2, scale=3.0), draw(*lead, N, scale=3.0)


@in_each_frame.law
def ahead_and_to_the_left(candidate, draw):
    """Entry (i, j) is agent j as agent i sees it, for every shape."""
    for lead, N in SHAPES:
        scene = draw_scene(draw, lead, N)
        agree(candidate(*scene), agent_by_agent(*scene), "the relative places")


@in_each_frame.law
def who_looks_north(candidate, draw):
    """To an agent that looks north, another 5 m further north is 5 m ahead; to one that looks south, 5 m behind."""
    positions = np.array([[2.0, 1.0], [2.0, 6.0]]) + draw(2)
    seen = candidate(positions, np.array([math.pi / 2, -math.pi / 2]))
    agree(seen, [[[0.0, 0.0], [5.0, 0.0]], [[5.0, 0.0], [0.0, 0.0]]], "the relative places")
    seen = candidate(positions, np.array([0.0, math.pi]))
    agree(seen, [[[0.0, 0.0], [0.0, 5.0]], [[0.0, 5.0], [0.0, 0.0]]], "the relative places, looking east and west")


@in_each_frame.law
def no_common_frame_is_special(candidate, draw):
    """Turning and shifting the whole scene changes nothing."""
    positions, headings = draw_scene(draw, (2,), 4)
    turn = 0.7
    turned = positions @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    want = agent_by_agent(positions, headings)
    agree(candidate(turned + draw(2, scale=5.0), headings + turn), want, "the relative places, scene turned")


@in_each_frame.law
def agents_have_no_order(candidate, draw):
    """Shuffling the agents shuffles observers and observed alike."""
    positions, headings = draw_scene(draw, (), 5)
    order = draw.rng.permutation(5)
    want = agent_by_agent(positions, headings)[order][:, order]
    agree(candidate(positions[order], headings[order]), want, "the relative places, shuffled")


def offsets(positions):
    """From agent i to agent j: x and y, (..., N, N) each."""
    return np.moveaxis(positions[..., None, :, :] - positions[..., :, None, :], -1, 0)


def turned(x, y, angle):
    """The vectors in a frame that is turned by `angle`."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=-1)


@in_each_frame.mutant("offsets in the common frame: shifted and never turned, so north stays special")
def not_turned(positions, headings):
    return turned(*offsets(positions), 0.0)


@in_each_frame.mutant("offsets turned by +heading instead of -heading: the rotation the wrong way round")
def wrong_way(positions, headings):
    return turned(*offsets(positions), -headings[..., :, None])


@in_each_frame.mutant("the other agent's heading in the place of the observer's own")
def others_heading(positions, headings):
    return turned(*offsets(positions), headings[..., None, :])


@in_each_frame.mutant("entry (i, j) with i and j exchanged: agent i as seen by agent j")
def exchanged(positions, headings):
    return agent_by_agent(positions, headings).swapaxes(-3, -2)


@in_each_frame.mutant("offsets from j to i instead of from i to j: ahead is behind")
def backwards(positions, headings):
    return -agent_by_agent(positions, headings)


@in_each_frame.mutant("y to the right: a frame of the other handedness")
def left_handed(positions, headings):
    return agent_by_agent(positions, headings) * np.array([1.0, -1.0])


@in_each_frame.mutant("places turned, but not shifted to the observer")
def not_shifted(positions, headings):
    x, y = np.moveaxis(positions, -1, 0)
    return turned(x[..., None, :], y[..., None, :], headings[..., :, None])


@in_each_frame.mutant("the frame of agent 0 for everyone")
def one_frame(positions, headings):
    return turned(*offsets(positions), headings[..., :1, None])


@in_each_frame.mutant("degrees expected where radians are given")
def degrees(positions, headings):
    return turned(*offsets(positions), np.radians(headings)[..., :, None])


@in_each_frame.style
def by_complex_numbers(positions, headings):
    """A place is a complex number, a turn is a factor."""
    z = positions[..., 0] + 1j * positions[..., 1]
    seen = (z[..., None, :] - z[..., :, None]) * np.exp(-1j * headings)[..., :, None]
    return np.stack([seen.real, seen.imag], axis=-1)


@in_each_frame.style
def by_matrices(positions, headings):
    """One rotation matrix an agent and an einsum, in float32."""
    cos, sin = np.cos(headings), np.sin(headings)
    R = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
    offset = positions[..., None, :, :] - positions[..., :, None, :]
    return np.einsum("...iab,...ijb->...ija", R, offset).astype(np.float32)
