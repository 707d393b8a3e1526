"""Chapter 14's exercises against outside witnesses (PyTorch, SciPy), and the sentences of their refusals."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from headstart.contract import ShapeError
from headstart.in_numpy.detection import match_queries
from headstart.in_numpy.shifted_windows import merge_windows, shifted_window_mask
from headstart.in_numpy.vision import patchify, unpatchify


def test_patches_equal_torch_unfold():
    images = torch.randn(2, 3, 6, 8)  # (B, channels, height, width)
    want = F.unfold(images, 2, stride=2).mT.reshape(2, 12, 3, 4).mT.reshape(2, 12, 12)  # its order: channel first
    assert np.array_equal(patchify(images.permute(0, 2, 3, 1).numpy(), 2), want.numpy())


@pytest.mark.parametrize("shape", [(3, 3), (6, 2), (8, 4), (7, 0)])
def test_matching_is_as_cheap_as_scipys(shape):
    for seed in range(10):
        cost = np.random.default_rng(seed).normal(size=shape)
        matched = match_queries(cost)
        rows, columns = linear_sum_assignment(cost)
        assert np.isclose(cost[matched, np.arange(shape[1])].sum(), cost[rows, columns].sum())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: unpatchify(np.zeros((5, 12)), 4, 6, 2), "unpatchify: 2 times 3 patches were expected, got 5"),
        (
            lambda: merge_windows(np.zeros((6, 8, 1)), 4, 6, 2),
            "merge_windows: 6 windows of 8 tokens do not fill 4 by 6",
        ),
        (lambda: match_queries(np.zeros((2, 3))), "match_queries: 2 queries are too few for 3 targets"),
        (
            lambda: shifted_window_mask(4, 4, 2, 2),
            "shifted_window_mask: shift must lie between 0 and window - 1, 1, got 2",
        ),
    ],
)
def test_refused_in_a_sentence(call, sentence):
    with pytest.raises(ShapeError) as caught:
        call()
    assert str(caught.value) == sentence
