"""The answers in PyTorch. This wing imports torch and the standard library, and never the NumPy wing."""
