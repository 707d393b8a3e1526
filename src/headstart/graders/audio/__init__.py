"""Chapter 15: spectrogram, gain, relative shift, chunk mask, CTC's loss and its two decoders, edit distance."""

# ruff: noqa: I001  (the order of these imports is the order of the exercises)
from headstart.graders.audio import spectrogram, shift, loss, greedy, beam, edits, chunks, gain

__all__ = ["beam", "chunks", "edits", "gain", "greedy", "loss", "shift", "spectrogram"]
