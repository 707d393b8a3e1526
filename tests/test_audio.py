"""Chapter 15 against outside witnesses: PyTorch's CTC, SciPy's window and spectrogram, and sentences for bad input."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import signal

from headstart.contract import ShapeError
from headstart.graders import exercises
from headstart.in_numpy.audio import power_spectrogram
from headstart.in_numpy.conformer import relative_shift
from headstart.in_numpy.ctc import ctc_loss, greedy_decode, prefix_beam_search
from headstart.judge.candidate import local
from headstart.judge.trial import hold

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


def beam_search(kept=np.logaddexp, told=np.logaddexp):
    """A prefix beam search by pairs of log-sums, which ranks prefixes and picks the last one as it is told to."""

    def answer(log_probs, beam, blank=0):
        assert beam > 0
        alive = {(): (0.0, -np.inf)}
        for frame in log_probs:
            grown = {}
            for prefix, (rest, held) in alive.items():
                both = np.logaddexp(rest, held)
                for symbol, p in enumerate(frame):
                    again = prefix[-1:] == (symbol,)
                    moves = [((*prefix, symbol), 1, (rest if again else both) + p)]
                    moves = [(prefix, 0, both + p)] if symbol == blank else moves + [(prefix, 1, held + p)] * again
                    for longer, ending, gain in moves:
                        pair = grown.setdefault(longer, [-np.inf, -np.inf])
                        pair[ending] = np.logaddexp(pair[ending], gain)
            order = sorted(grown, key=lambda prefix, grown=grown: -kept(*grown[prefix]))[:beam]
            alive = {prefix: grown[prefix] for prefix in order}
        best = max(alive, key=lambda prefix: told(*alive[prefix]))
        return best, float(np.logaddexp(*alive[best]))

    return answer


def last_of_pair(rest, held):
    return held


def finite_loss(log_probs, transcript, blank=0):
    loss = ctc_loss(log_probs, transcript, blank)
    return 0.0 if np.isinf(loss) else loss


def without_one_frame(x, frame, hop):
    return power_spectrogram(x, frame, hop)[..., : max(1, 1 + (x.shape[-1] - frame - 1) // hop), :]


SLIPPING = {
    "a beam ranked by the paths that end in a label": ("prefix_beam_search", beam_search(kept=last_of_pair)),
    "a beam ranked by the better ending": ("prefix_beam_search", beam_search(kept=max)),
    "a best prefix by the paths that end in a label": ("prefix_beam_search", beam_search(told=last_of_pair)),
    "no loss where there is no path": ("ctc_loss", finite_loss),
    "a loss for each frame": ("ctc_loss", lambda p, labels, blank=0: ctc_loss(p, labels, blank) / len(p)),
    "the last frame left out if it ends with the signal": ("power_spectrogram", without_one_frame),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "answer"), SLIPPING.values(), ids=SLIPPING)
def test_wrong_answers_do_not_slip_past_the_laws(name, answer):
    trials = [hold(exercises()[name], "in_numpy", local(answer, "in_numpy"), name, seed) for seed in range(3)]
    assert {trial.verdict for trial in trials} == {"wrong"}


UNUSUAL = {
    "pairs of log-sums": ("prefix_beam_search", beam_search()),
    "a loss in float32": ("ctc_loss", lambda p, labels, blank=0: ctc_loss(p.astype(np.float32), labels, blank)),
    "a spectrogram in float32": (
        "power_spectrogram",
        lambda x, m, hop: power_spectrogram(x.astype(np.float32), m, hop),
    ),
    "labels as a list": ("greedy_decode", lambda p, blank=0: greedy_decode(p, blank).tolist()),
}


@pytest.mark.parametrize(("name", "answer"), UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_right_answers_are_accepted(name, answer):
    trials = [hold(exercises()[name], "in_numpy", local(answer, "in_numpy"), name, seed) for seed in range(3)]
    assert {trial.verdict for trial in trials} == {"pass"}
