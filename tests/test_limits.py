"""What chapter 19's laws leave out: the sentence of a refusal, bits that a library's sum does not promise."""

import numpy as np
import pytest

from headstart.contract import ShapeError
from headstart.in_numpy.attention import attention_weights
from headstart.in_numpy.circuits import ablate_heads, qk_ov_circuits
from headstart.in_numpy.limits import counterfactual_weights, fixed_order_sum, largest_weight_bound
from headstart.in_numpy.multi_head import head_contributions, merge_heads, multi_head_attention, split_heads


def test_too_few_keys_are_refused_in_a_sentence():
    with pytest.raises(ShapeError, match=r"^counterfactual_weights: 3 keys of width 2 may leave no choice"):
        counterfactual_weights(np.full(3, 1 / 3), np.zeros((3, 2)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_sum_keeps_its_type_and_its_bits(dtype):
    x = np.random.default_rng(0).normal(size=(64, 100)).astype(dtype)
    batch = fixed_order_sum(x, 16)
    assert batch.dtype == dtype
    assert (batch == [fixed_order_sum(row, 16) for row in x]).all()
    assert (batch == fixed_order_sum(np.asfortranarray(x), 16)).all()


def test_circuits_rebuild_the_layer():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(5, 6)), [rng.normal(size=(6, 6)) for _ in range(4)]
    QK, OV = qk_ov_circuits(*W, 3)
    A = np.stack([np.exp(x @ qk @ x.T) for qk in QK])
    A /= A.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose((A @ x @ OV).sum(axis=0), multi_head_attention(x, x, *W, 3), atol=1e-10)


def test_a_head_cut_out_takes_its_term_with_it():
    rng = np.random.default_rng(0)
    heads, W_o, off = rng.normal(size=(2, 3, 4, 2)), rng.normal(size=(6, 6)), np.array([False, True, False])
    terms = head_contributions(heads, W_o)
    left = merge_heads(ablate_heads(heads, off)) @ W_o
    np.testing.assert_allclose(left, terms[:, ~off].sum(axis=1), atol=1e-12)
    assert split_heads(merge_heads(heads), 3).shape == heads.shape


def test_the_bound_holds_for_many_softmaxes():
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 5.0):
        q, k = rng.normal(size=(50, 8, 4), scale=scale), rng.normal(size=(50, 16, 4))
        assert (attention_weights(q, k).max(axis=-1) <= largest_weight_bound(q, k) + 1e-12).all()
