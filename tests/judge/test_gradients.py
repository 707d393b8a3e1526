"""Gradients across the border: of one result, of several with a cotangent each, and of results that carry none."""

import io

import numpy as np
import pytest
import torch

from headstart.graders.kit import Broken
from headstart.judge.border import perform
from headstart.judge.candidate import local
from headstart.judge.worker import wire

X, Y = np.array([1.0, 2.0, 3.0]), np.array(4.0)
G, H = np.array([1.0, 10.0, 100.0]), np.array(0.5)


def product_and_sum(x, y):
    return x * y, (x.sum() + y,)


def one_detached(x, y):
    return x * y, x.detach().sum()


def test_one_result():
    dx, dy = local(lambda x, y: x * y, "in_torch").gradients(G, X, Y)
    np.testing.assert_allclose(dx, 4 * G)
    np.testing.assert_allclose(dy, 321.0)


def test_several_results_are_summed_each_with_its_cotangent():
    dx, dy = local(product_and_sum, "in_torch").gradients([G, H], X, Y)
    np.testing.assert_allclose(dx, 4 * G + 0.5)
    np.testing.assert_allclose(dy, 321.0 + 0.5)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (one_detached, "carries no gradient"),
        (lambda x, y: (x * y).tolist(), "it returned 3 .* 2 are in the contract"),
        (lambda x, y: x * y, "it returned 1 .* 2 are in the contract"),
        (lambda x, y: [torch.ones(3), 1.0], "carries no gradient"),
    ],
    ids=["one detached", "numbers", "one too few", "constants"],
)
def test_what_carries_no_gradient_is_told(answer, sentence):
    with pytest.raises(Broken, match=sentence):
        local(answer, "in_torch").gradients([G, H], X, Y)


def test_several_cotangents_cross_the_wire():
    request = {"init": None, "load": None, "calls": [["", [X, Y], {}]], "cotangent": [G, H], "of": "inputs"}
    source = io.BytesIO(wire.pack(request))
    arrived = wire.unpack(lambda n: bytearray(source.read(n)), 1 << 20)
    np.testing.assert_allclose(perform(product_and_sum, arrived, "in_torch")["value"][0], 4 * G + 0.5)
