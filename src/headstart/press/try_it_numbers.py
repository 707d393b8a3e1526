"""As much of NumPy as judging plain numbers takes, for a page that came without NumPy.

A few exercises count: numbers in, numbers out, no arrays. Their laws use NumPy to compare numbers, and all graders
mention it when they are imported. `standing_in` lets the course be imported then; what is not here is `Missing`, which
refuses to be looked at. Whether an exercise can be judged so is tried out with the course's own answer.
"""

import math
import sys
from contextlib import contextmanager, nullcontext

inf, nan, pi = math.inf, math.nan, math.pi
NAMES = {"b": "bool", "i": "int64", "u": "uint64", "f": "float64", "c": "complex128", "U": "<U", "O": "object"}


@contextmanager
def standing_in():
    """Within this context `import numpy` brings this module; afterwards there is no NumPy again."""
    sys.modules["numpy"] = sys.modules[__name__]
    try:
        yield
    finally:
        del sys.modules["numpy"]


class NeedsNumPy(Exception):
    """Something was asked for that only NumPy itself can do."""


class Missing:
    """Everything else of NumPy: it may be named and combined, as graders do on import, but never looked at."""

    def _more(self, *_, **__):
        return self

    def _refuse(self, *_):
        raise NeedsNumPy("this takes NumPy")

    __call__ = __getattr__ = __getitem__ = __neg__ = __add__ = __radd__ = __sub__ = __rsub__ = _more
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __or__ = __ror__ = __matmul__ = _more
    __bool__ = __iter__ = __len__ = __float__ = __index__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Missing()


class generic:
    """NumPy's own scalars: there are none here."""


class dtype:
    """The type of a number, by NumPy's letter and name; what is neither number nor text is an object."""

    def __init__(self, value):
        self.kind = _kind(value)
        self.name = NAMES[self.kind] + (str(len(value)) if self.kind == "U" else "")

    def __str__(self):
        return self.name


class ndarray:
    """An array without axes, so a number (or whatever else an answer returned)."""

    shape, ndim, size = (), 0, 1

    def __init__(self, value):
        self.value, self.dtype = value, dtype(value)

    def __getitem__(self, index):
        return self.value if index == () else self

    def __invert__(self):
        return ndarray(not self.value)

    def any(self):
        """Whether the number is not zero."""
        return bool(self.value)

    def sum(self):
        """The number."""
        return int(self.value)


def _kind(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return "i" if -(2**63) <= value < 2**63 else "u" if 0 <= value < 2**64 else "O"
    return {bool: "b", float: "f", complex: "c", str: "U"}.get(type(value), "O")


def asarray(value):
    """One number as an array."""
    return value if isinstance(value, ndarray) else ndarray(value)


def isclose(a, b, rtol, atol, equal_nan=False):
    """NumPy's rule, in which b is the measure."""
    a, b = asarray(a).value, asarray(b).value
    if math.isfinite(a) and math.isfinite(b):
        return ndarray(abs(a - b) <= atol + rtol * abs(b))
    return ndarray(a == b or (equal_nan and a != a and b != b))


def allclose(a, b, rtol, atol, equal_nan=False):
    """The same as one truth."""
    return isclose(a, b, rtol, atol, equal_nan).value


def array_equal(a, b):
    """Whether two numbers are equal."""
    return asarray(a).value == asarray(b).value


def isnan(a):
    """Whether a number is none."""
    return ndarray(asarray(a).value != asarray(a).value)


def isinf(a):
    """Whether a number is infinite."""
    return ndarray(abs(asarray(a).value) == inf)


def argwhere(a):
    """The one place that there is, if the number is not zero."""
    return [()] if a.any() else []


def empty(shape):
    """Something of a shape, to be measured and not read."""
    return type("Empty", (), {"shape": shape, "size": math.prod(shape)})


def errstate(**_):
    """Numbers in Python give no warnings."""
    return nullcontext()
