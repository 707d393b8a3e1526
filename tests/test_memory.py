"""`candidate.fits`: whether a call gets along with fewer bytes than a limit, in both wings and in a worker."""

import tracemalloc

import numpy as np
import pytest

from headstart.judge.border import perform
from headstart.judge.candidate import Candidate, local
from headstart.judge.worker import wire

X = np.ones((256, 2))
WHOLE = 8 * 256 * 256  # bytes of all pairs


def all_pairs(x):
    return (x @ x.mT).sum(-1)


def row_by_row(x):
    return sum(x @ row for row in x)


@pytest.mark.parametrize("wing", ["in_numpy", "in_torch"])
def test_an_array_of_all_pairs_is_noticed(wing):
    assert not local(all_pairs, wing).fits(WHOLE, X)
    assert local(row_by_row, wing).fits(WHOLE // 8, X)


def test_arrays_that_are_held_at_once_are_added_up():
    assert not local(lambda x: np.concatenate([x @ row for row in x]), "in_numpy").fits(WHOLE, X)


def test_views_and_inputs_count_for_nothing():
    assert local(lambda x: x[:, None].expand(256, 256, 2)[0], "in_torch").fits(WHOLE // 8, X)
    assert local(lambda x: np.broadcast_to(x, (256, 256, 2))[0], "in_numpy").fits(WHOLE // 8, X)


def test_a_measurement_that_is_stopped_is_no_pass():
    def stopping(x):
        tracemalloc.stop()
        return all_pairs(x)

    with pytest.raises(AssertionError, match="stopped the measurement"):
        local(stopping, "in_numpy").fits(WHOLE, X)


def test_tracing_that_was_on_stays_on():
    tracemalloc.start()
    try:
        assert local(row_by_row, "in_numpy").fits(WHOLE // 8, X)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    assert local(row_by_row, "in_numpy").fits(WHOLE // 8, X)
    assert not tracemalloc.is_tracing()


def test_the_question_and_the_answer_cross_the_border():
    def far_away(request):
        frame = wire.pack(request)
        sent = wire.unpack(_reader(frame), 1 << 30)
        return wire.unpack(_reader(wire.pack(perform(all_pairs, sent, "in_numpy"))), 1 << 30)

    assert Candidate(far_away).fits(WHOLE, X) is False
    assert Candidate(far_away).fits(8 * WHOLE, X) is True


def _reader(frame):
    rest = bytearray(frame)

    def read(size):
        part = rest[:size]
        del rest[:size]
        return part

    return read
