"""Chapter 15 against outside witnesses: PyTorch's CTC, SciPy's window and spectrogram, and sentences for bad input."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import signal

from headstart.contract import ShapeError
from headstart.in_numpy.audio import power_spectrogram
from headstart.in_numpy.conformer import relative_shift
from headstart.in_numpy.ctc import ctc_loss, greedy_decode, prefix_beam_search

RNG = np.random.default_rng(15)


def log_probs_of(T, n_symbols):
    return torch.log_softmax(torch.tensor(2 * RNG.normal(size=(T, n_symbols))), -1)


@pytest.mark.parametrize("blank", [0, 4])
@pytest.mark.parametrize(("T", "transcript"), [(30, [1, 2, 2, 3]), (12, [3, 3, 3, 3]), (7, [1, 1, 1, 1]), (5, [])])
def test_ctc_loss_equals_torch(T, transcript, blank):
    log_probs = log_probs_of(T, 5)
    target = torch.tensor(transcript, dtype=torch.long)[None]
    lengths = torch.tensor([T]), torch.tensor([len(transcript)])
    want = F.ctc_loss(log_probs[:, None], target, *lengths, blank=blank, reduction="none")[0].item()
    assert ctc_loss(log_probs.numpy(), target[0].numpy(), blank) == pytest.approx(want, rel=1e-9)


def test_a_spelling_without_a_path_has_an_infinite_loss_as_in_torch():
    log_probs, target = log_probs_of(2, 3), torch.tensor([[1, 1]])
    lengths = torch.tensor([2]), torch.tensor([2])
    assert F.ctc_loss(log_probs[:, None], target, *lengths, reduction="none").item() == np.inf
    assert ctc_loss(log_probs.numpy(), target[0].numpy()) == np.inf


@pytest.mark.parametrize("frame", [7, 16])
def test_spectrogram_equals_scipy(frame):
    x = RNG.normal(size=(2, 70))
    window = signal.get_window("hann", frame)
    _, _, want = signal.stft(x, window=window, nperseg=frame, noverlap=frame - 3, boundary=None, padded=False)
    got = power_spectrogram(x, frame, 3)
    np.testing.assert_allclose(got, (np.abs(want) * window.sum()).swapaxes(-1, -2) ** 2, rtol=1e-9, atol=1e-12)


def test_a_sum_in_the_beam_is_never_above_the_whole_sum_and_equals_it_in_the_end():
    log_probs = log_probs_of(7, 3).numpy()
    for beam in (1, 2, 4, 1000):
        labels, score = prefix_beam_search(log_probs, beam)
        assert score <= -ctc_loss(log_probs, labels) + 1e-9
    assert score == pytest.approx(-ctc_loss(log_probs, labels))
    assert score >= -ctc_loss(log_probs, greedy_decode(log_probs))


def test_what_does_not_fit_is_told_in_a_sentence():
    with pytest.raises(
        ShapeError, match="power_spectrogram: frame must be from 2 to 6 and hop at least 1, got 7 and 2"
    ):
        power_spectrogram(np.zeros(6), 7, 2)
    with pytest.raises(ShapeError, match="relative_shift: 3 queries need 5 distances, got 4"):
        relative_shift(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="ctc_loss: the blank 0 stands in the transcript"):
        ctc_loss(np.zeros((4, 3)), np.array([1, 0]))
