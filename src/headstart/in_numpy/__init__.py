"""The answers in NumPy. This wing imports numpy and the standard library, and never torch."""
