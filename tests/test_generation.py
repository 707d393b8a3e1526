"""Chapter 08 outside the laws: refusals in one sentence, and the text."""

import numpy as np
import pytest
import torch

from headstart.in_numpy import kv_cache, paged, sampling, speculative
from headstart.in_torch import kv_cache as kv_cache_torch
from headstart.in_torch import sampling as sampling_torch
from headstart.tales import tales

Z = np.zeros
REFUSALS = {
    "cache": (
        lambda: kv_cache.cached_attention(*[Z((1, 2))] * 3, *[Z((3, 2))] * 2, 3),
        ValueError,
        "1 rows from row 3",
    ),
    "before": (lambda: kv_cache.cached_attention(*[Z((1, 2))] * 3, *[Z((3, 2))] * 2, -1), ValueError, "from row -1"),
    "cache in PyTorch": (
        lambda: kv_cache_torch.cached_attention(*[torch.zeros(1, 2)] * 3, *[torch.zeros(3, 2)] * 2, 3),
        ValueError,
        "do not fit into a cache of 3 rows",
    ),
    "min_p": (lambda: sampling.min_p_probabilities(Z(3), 1.5), ValueError, "between 0 and 1"),
    "min_p in PyTorch": (lambda: sampling_torch.min_p_probabilities(torch.zeros(3), -1), ValueError, "between 0 and 1"),
    "too long": (lambda: paged.gather_blocks(Z((2, 3, 1)), np.array([0]), 4), ValueError, "do not hold 4"),
    "table": (lambda: append(np.array([0]), 4), ValueError, "do not fit length 4"),
    "pool": (lambda: append(np.array([0]), 3), ValueError, "no block is free"),
    "rows of p": (
        lambda: speculative.accept_drafts(*[Z((2, 2))] * 2, *[Z(2, int)] * 2, 0.5),
        ValueError,
        "3 rows of p",
    ),
    "tree": (lambda: speculative.tree_mask(np.array([-1, 1])), ValueError, "token 1 must be an earlier token"),
}


def append(table, length):
    return paged.append_paged(Z((2, 3, 1)), np.array([1, 1]), table, length, Z(1))


@pytest.mark.parametrize(("call", "error", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_are_one_sentence(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_text_is_the_same_everywhere_and_varied():
    text = tales()
    lines = text.splitlines()
    assert tales(3) == "".join(line + "\n" for line in lines[:3])
    assert 30_000 < len(text) < 50_000
    assert len(set(lines)) > 0.99 * len(lines)
    assert text.isascii()


def test_a_uniform_number_that_float32_rounds_to_one_still_picks_a_token():
    probabilities = np.array([0.1, 0.2, 0.7, 0.0], dtype=np.float32)
    assert speculative.pick_token(probabilities, 1 - 2**-53) == 2
