"""What outside witnesses say of chapter 17's measures, and the sentences that refuse what cannot be measured."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from headstart.in_numpy.industry import reverse_complement
from headstart.in_numpy.ranking import average_precision, hit_and_ndcg


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random(200) < 0.05).astype(int)
    labels[seed] = 1
    for scores in (rng.normal(size=200) + labels, rng.integers(6, size=200) + labels):  # without ties, with many
        assert np.isclose(average_precision(scores, labels), average_precision_score(labels, scores))


@pytest.mark.parametrize("seed", range(5))
def test_ndcg_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    targets = rng.integers(12, size=8)
    for scores in (rng.normal(size=(8, 12)), rng.integers(4, size=(8, 12)) * 1.0):
        wanted = [ndcg_score(np.eye(12)[[t]], row[None], k=12) for t, row in zip(targets, scores, strict=True)]
        assert np.allclose(hit_and_ndcg(scores, targets, 12)[1], wanted)


def test_what_cannot_be_measured_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"^average_precision: labels must hold at least one positive$"):
        average_precision(np.ones(3), np.zeros(3, dtype=int))
    with pytest.raises(ValueError, match=r"^reverse_complement: dna must have 4 columns"):
        reverse_complement(np.ones((5, 3)))
