"""What a grader is written with: an exercise collects its laws, its known mistakes and its accepted styles.

Laws speak NumPy whatever the wing: they call the candidate with arrays and get arrays back, so one law judges the
NumPy answer, its PyTorch twin and an answer that lives in another process.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RTOL, ATOL = 1e-4, 1e-5  # wide enough for a float32 answer on inputs of moderate scale, narrow enough for a bug

WINGS = ("in_numpy", "in_torch")

EXERCISES = {}


class Broken(AssertionError):
    """A law does not hold; the message says how, in terms the learner can act on.

    got, want   the two arrays, where the law compared arrays of one shape: a report can draw them
    """

    def __init__(self, message, got=None, want=None):
        super().__init__(message)
        self.got, self.want = got, want


@dataclass(frozen=True)
class Law:
    """One thing that every right answer satisfies. `sentence` is what the learner reads when it is broken.

    wings   where it can be asked: laws about gradients ask PyTorch alone, all others also the known mistakes and
            accepted styles, which are written in NumPy whatever the exercise's wing.
    """

    name: str
    sentence: str
    holds: Any
    wings: tuple


@dataclass(frozen=True)
class Mutant:
    """A wrong answer that people give, with its diagnosis: "your output equals {diagnosis}"."""

    name: str
    diagnosis: str
    answer: Any


@dataclass
class Exercise:
    """One name, one contract, and everything needed to judge an answer to it.

    home    file of the wings that holds the reference: "attention" for in_numpy/attention.py
    chapter slug of the chapter that sets it: "multi-head"
    wings   where the exercise exists: in_numpy, in_torch or both
    needs   names of exercises that an answer may call; the judge supplies them
    bans    dotted names of PyTorch that an answer may not call, because writing them is the point
    """

    name: str
    home: str
    chapter: str
    wings: tuple
    needs: tuple = ()
    bans: tuple = ()
    laws: list = field(default_factory=list)
    mutants: list = field(default_factory=list)
    styles: list = field(default_factory=list)

    def law(self, function=None, *, wings=WINGS):
        """Register a law: a function of (candidate, draw) whose docstring is one sentence."""
        if function is None:
            return lambda function: self.law(function, wings=wings)
        self.laws.append(Law(function.__name__, _sentence(function), function, wings))
        return function

    def mutant(self, diagnosis):
        """Register a wrong answer; `diagnosis` completes the sentence "your output equals …"."""

        def register(function):
            self.mutants.append(Mutant(function.__name__, diagnosis, function))
            return function

        return register

    def style(self, function):
        """Register a right answer, unlike the reference, that every law must accept."""
        self.styles.append(function)
        return function


def exercise(name, home, *, chapter=None, wings=WINGS, needs=(), bans=()):
    """Declare an exercise of the course; its chapter is that of its file unless another is named."""
    assert name not in EXERCISES, f"two exercises are called {name}"
    EXERCISES[name] = Exercise(name, home, chapter or home.replace("_", "-"), wings, needs, bans)
    return EXERCISES[name]


def _sentence(function):
    """The first paragraph of a docstring on one line."""
    return " ".join(function.__doc__.split("\n\n")[0].split())


class Draw:
    """Fresh inputs for one law, replayable: the same seed and law draw the same numbers."""

    def __init__(self, seed, law=""):
        self.rng = np.random.default_rng([seed, zlib.crc32(law.encode())])

    def __call__(self, *shape, scale=1.0):
        """Standard normal floats (float64) of the given shape, times `scale`."""
        return self.rng.normal(scale=scale, size=shape)

    def mask(self, *shape):
        """A random boolean mask in which every row allows at least one key and, if it can, forbids one."""
        mask = self.rng.random(shape) < 0.6
        allowed = self.rng.integers(shape[-1], size=shape[:-1])
        np.put_along_axis(mask, ((allowed + 1) % shape[-1])[..., None], False, axis=-1)
        np.put_along_axis(mask, allowed[..., None], True, axis=-1)
        return mask


def again(*cases):
    """The cases, and the first once more for other numbers of the same shapes: what was kept for a shape is stale."""
    return (*cases, cases[0])


def expect(condition, message):
    """Raise Broken with the message unless the condition holds."""
    if not condition:
        raise Broken(message)


def agree(got, want, what="the output", rtol=RTOL, atol=ATOL):
    """Raise Broken unless two arrays agree in shape and, within tolerance, in every value; say where and how."""
    got, want = _as_array(got, what), np.asarray(want)
    if got.shape != want.shape:
        hint = "; yours is the transpose" if got.shape == want.shape[:-2] + want.shape[:-3:-1] else ""
        raise Broken(f"{what} has shape {got.shape}, it should be {want.shape}{hint}")
    bad = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    if bad.any():
        raise Broken(_difference(got, want, bad, what), got, want)


def _as_array(got, what):
    """Take numbers and arrays of numbers; refuse everything else with a sentence."""
    if isinstance(got, bool | int | float | np.ndarray | np.generic) and np.asarray(got).dtype.kind in "biuf":
        return np.asarray(got)
    kind = f"an array of {got.dtype}" if isinstance(got, np.ndarray) else f"a {type(got).__name__}"
    raise Broken(f"{what} is {kind}, it should be an array of numbers")


def _difference(got, want, bad, what):
    """Name the first place that differs, how many do, and the transpose or the NaN if that is what it is."""
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    where = f"[{', '.join(map(str, first))}]" if first else ""
    text = f"{what}{where} is {got[first]:.6g}, it should be {want[first]:.6g} ({bad.sum()} of {bad.size} differ)"
    for name, test in (("NaN", np.isnan), ("infinite", np.isinf)):
        if test(got[bad]).any() and not test(want).any():
            place = [int(i) for i in np.argwhere(test(got))[0]]
            text += f"; the first {name} entry is at {place}"
    if got.ndim >= 2 and got.shape[-1] == got.shape[-2] and np.allclose(got.mT, want, RTOL, ATOL):
        text += "; yours is the transpose"
    return text
