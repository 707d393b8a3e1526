"""Good and bad input for any reference, made from the contract that its docstring states: the shape table.

A row such as `q, k  (..., T_q, d_head)` gives the array's axes; an axis named twice, or as a factor of a product
(`H·d_head`), must have one size everywhere. `int` and `bool` rows are plain arguments; "boolean" marks a mask,
"whole numbers" an array of token numbers. Indented rows such as `"norm"   gain, bias (d_model,)` are the entries of
the dict above them, tuples in this order; `"blocks"   list of encoder_block's weights` names where to look further.
`int  even`, `int  a side that divides height and width`, `int  at least 1`, `float  above 0` and
`float  from 0 to below 1` say which numbers are refused, `whole numbers from 0 to T` which arrays.
"""

import inspect
import math
import re

import numpy as np

from headstart.contract import ShapeError
from headstart.judge.border import walk

ROW = re.compile(r"^(\w+(?:, \w+)*) +\(([^)]*)\)(.*)", re.MULTILINE)
PLAIN = re.compile(r"^(\w+(?:, \w+)*) {2,}\S", re.MULTILINE)
LIMITED = re.compile(r"^(\w+) +(?:int|float) +.*?(even|a side that divides|at least 1|above 0|below 1)\b", re.MULTILINE)
REFUSED = {"even": (7, 0, -2), "at least 1": (0, -1), "above 0": (0, -1), "below 1": (1, -1)}
REFUSED["a side that divides"] = (0, -1, 3, 4)  # height and width are 4 and 6: one of them, or the other, has a rest
LENGTHS = re.compile(r"^(\w+) +\([^)]*\) +whole numbers from 0 to T\b", re.MULTILINE)
ENTRY = re.compile(r'^ +"(\w+)" +(.*)', re.MULTILINE)
PART = re.compile(r"(\w+(?:, \w+)*) \(([^)]*)\)")
SIZES = {"...": 2, "H": 2, "num_heads": 2, "d_head": 3, "d_model": 6, "T": 4, "T_q": 4, "T_k": 5, "G": 2, "R": 2}
NUMBERS = {
    "factor": 4.0,
    "T_train": 64,
    "num_layers": 2,
    "d_ff": 8,
    "n_vocab": 9,
    "n_positions": 10,
    "num_kv_heads": 1,
    "window": 2,
    "global_every": 2,
    "chunk": 2,
    "block_size": 2,
    "top_k": 1,
    "lam": 0.5,
    "step": 3,
    "warmup": 4,
    "peak": 0.5,
    "total": 10,
    "max_norm": 1.0,
    "gradients": [np.array([3.0, -4.0]), np.array([[1.0], [2.0]])],
    "num_ranks": 1,
    "rank": 0,
}  # plain arguments without a default that are no sizes
NUMBERS |= {  # chapter 08: limits, uniform numbers, and small arrays that must fit together
    "top_p": 0.8,
    "min_p": 0.1,
    "uniform": 0.4,
    "length": 2,
    "header": 1,
    "end": 2,
    "parents": np.array([-1, 0, 0, 1]),
    "owners": np.array([0, 1, 0, 2, 0, 0, 0]),
    "block_table": np.array([3]),
    "caches": [[np.zeros((2, 2, 7, 3)), np.zeros((2, 2, 7, 3))]],
}
SIZES["T+1"] = SIZES["T"] + 1
NUMBERS |= {  # chapter 09: sizes of a product, of a batch, of a model and its cache; speeds of a machine
    "rows": 3,
    "d_in": 4,
    "d_out": 5,
    "B": 2,
    "num_parameters": 50,
    "cache_numbers": 6,
    "intensity": 2.0,
    "peak_flops": 9.0,
    "bandwidth": 3.0,
}
NUMBERS |= {"budget": 10_000}  # chapter 21: bytes
SIZES |= {"height": 4, "width": 6, "num_patches": 6, "d_patch": 12, "num_windows": 6, "places": 4}  # chapter 14
NUMBERS |= {"patch": 2, "channels": 3, "shift": 1}
NUMBERS |= {"start": 1, "padding": 0, "max_length": 2, "num_types": 2}  # chapter 13: tokens and sizes
NUMBERS |= {"gate": 0.5, "num_images": 2, "tokens_per_image": 3}  # chapter 16
SIZES |= {"size": 3}  # chapter 12: taps of a kernel
NUMBERS |= {
    "sharpness": 0.5,
    "positions": 5,
    "taps": 9,
    "kernels": np.array([3, 5]),
    "strides": np.array([1, 2]),
    "dilations": np.array([2, 1]),
}
NUMBERS |= {"frame": 4, "hop": 2, "num_left": 1, "beam": 2, "transcript": np.array([1, 2])}  # chapter 15
OTHER = 7  # the size of an axis that is not listed
HEADS = "does not divide into"


def accepted(answer, wing):
    """List, in words, the bad input that `answer` (a function or a class of layers) does not refuse as it should."""
    return [words for words, call, error, hint in cases(answer, wing) if not _refused(call, error, hint)]


def cases(answer, wing):
    """List (words, call, error, hint): `call()` must raise `error` with one sentence that matches `hint`."""
    made = _cases(answer, answer, wing, f"^{answer.__name__}: .*")
    if not inspect.isclass(answer):
        return made
    sizes = {name: SIZES[name] for name in inspect.signature(answer).parameters}
    return made + _cases(lambda **inputs: answer(**sizes)(**inputs), answer.forward, wing, "")


def tables(doc):
    """Map each array of a docstring's shape table to (axes, its type)."""
    rows = {}
    for names, axes, rest in ROW.findall(doc):
        kind = bool if "boolean" in rest else int if "whole numbers" in rest else float
        for name in names.split(", "):
            rows[name] = (_axes(axes), kind)
    rows.pop("return", None)
    return rows


def documented(doc):
    """Every name that has a row in a docstring's table, arrays and plain arguments alike."""
    return {name for row in (ROW, PLAIN) for match in row.finditer(doc) for name in match[1].split(", ")}


def _axes(text):
    return [axis.strip() for axis in text.split(",") if axis.strip()]


def inputs(contract, sizes=SIZES, seed=0):
    """Good input for a function: arrays (float64, masks boolean) by its shape table, sizes by their names."""
    rng, parameters = np.random.default_rng(seed), inspect.signature(contract).parameters
    rows = tables(inspect.getdoc(contract))
    good = {name: _array(axes, kind, sizes, rng) for name, (axes, kind) in rows.items()}
    if "weights" in parameters and "weights" not in rows:
        good["weights"] = _weights(contract, sizes, rng)
    plain = {name: n for name, n in (sizes | NUMBERS).items() if not (name in rows and isinstance(n, int | float))}
    good |= {name: plain[name] for name in parameters if name in plain}
    return good | {name: 2 * sizes.get(name, 4) for name, limit in _limits(contract) if limit == "even"}


def _limits(contract):
    """The plain arguments that a docstring limits, each with the words of the limit."""
    return LIMITED.findall(inspect.getdoc(contract))


def _array(axes, kind, sizes, rng):
    shape = [math.prod(_size(factor, sizes) for factor in axis.split("·")) for axis in axes]
    if kind is float:
        return rng.normal(size=shape)
    return rng.random(shape) < 0.6 if kind is bool else rng.integers(sizes["T"], size=shape)


def _size(factor, sizes):
    return int(factor) if factor.isdigit() else sizes.get(factor, OTHER)


def _weights(contract, sizes, rng):
    """The dict of weights that a docstring describes: each entry a tuple of arrays, one array, or a list of dicts."""
    made = {}
    for name, text in ENTRY.findall(inspect.getdoc(contract)):
        if others := re.match(r"list of (\w+)'s weights", text):
            made[name] = [_weights(inspect.unwrap(contract).__globals__[others[1]], sizes, rng)]
        else:
            parts = [_axes(axes) for names, axes in PART.findall(text) for _ in names.split(", ")]
            arrays = tuple(_array(axes, float, sizes, rng) for axes in parts)
            made[name] = arrays if len(arrays) > 1 else arrays[0]
    return made


def converted(arguments, wing):
    """The same arguments with tensors for arrays, if the wing is PyTorch's."""
    if wing == "in_numpy":
        return arguments
    import torch

    return walk(arguments, lambda leaf: torch.from_numpy(np.array(leaf)) if isinstance(leaf, np.ndarray) else leaf)


def cast(arguments, dtype):
    """The same arguments with every float array in another precision."""
    return walk(arguments, lambda leaf: leaf.astype(dtype) if str(getattr(leaf, "dtype", "")) == "float64" else leaf)


def _cases(function, contract, wing, sentence):
    """Bad input for a function by the signature and the docstring of `contract`."""
    rows, good = tables(inspect.getdoc(contract)), inputs(contract)
    if not rows and {"num_heads", "d_model"} <= set(good) and "num_kv_heads" not in good:
        good.pop("d_head", None)  # where d_head is given, any number of heads will do
    good = cast(good, "float32")
    function(**converted(good, wing))  # what is called good must be good
    if "caches" not in good:  # which are for a batch of two: three stand apart from two heads
        function(**converted(cast(inputs(contract, SIZES | {"...": 3}), "float32"), wing))
    bad = [(*case, sentence + hint) for name in rows for *case, hint in _bad_arrays(name, rows, good)]
    limits = _limits(contract)
    bad += [(f"{name}={n}", {name: n}, ValueError, sentence + limit) for name, limit in limits for n in REFUSED[limit]]
    for name in LENGTHS.findall(inspect.getdoc(contract)):
        wrong = [np.full_like(good[name], n) for n in (-1, good["T"] + 1)]
        bad += [(f"{name} out of range", {name: array}, ValueError, sentence + name) for array in wrong]
    if "num_heads" in good and "num_heads" not in dict(limits):
        bad += [(f"num_heads={n}", {"num_heads": n}, ValueError, HEADS) for n in (0, -1, -2, 4)]
    return [
        (words, lambda change=change: function(**converted(good | change, wing)), error, hint)
        for words, change, error, hint in bad
    ]


def _bad_arrays(name, rows, good):
    """A list for an array, one axis too few or too many, sizes that another array contradicts, numbers as a mask."""
    axes, kind = rows[name]
    array = good[name]
    yield f"{name} as a list", {name: array.tolist()}, TypeError, name
    if kind is bool:
        yield f"{name} of numbers", {name: array.astype(np.float32)}, TypeError, name
    else:
        named = [axis for axis in axes if axis != "..."]
        yield f"{name} of too few axes", {name: np.zeros(array.shape[-len(named) :][1:], "float32")}, ShapeError, name
        if "..." not in axes:
            yield f"{name} of too many axes", {name: array[None]}, ShapeError, name
        elif any("..." in others for other, (others, _) in rows.items() if other != name):
            longer = np.concatenate([array, array[:1]])
            yield f"{name} of other leading axes", {name: longer}, ShapeError, "leading axes"
    for n, axis in enumerate(axes):
        if axis != "..." and _is_settled_elsewhere(axis, name, rows):
            larger = np.concatenate([array, np.take(array, [0], axis=n)], axis=n)
            yield f"{name} with another {axis}", {name: larger}, ShapeError, "shape|rows|heads"
            if "·" in axis and name != "mask" and "mask" in good:  # without it, which is asked first
                yield f"{name} with another {axis}, no mask", {name: larger, "mask": None}, ShapeError, "shape|heads"


def _is_settled_elsewhere(axis, name, rows):
    factors = {f for other, (axes, _) in rows.items() if other != name for a in axes for f in (a, *a.split("·"))}
    return axis in factors or (factors >= set(axis.split("·")))


def _refused(call, error, hint):
    try:
        call()
    except Exception as raised:
        return isinstance(raised, error) and "\n" not in str(raised) and re.search(hint, str(raised)) is not None
    return False
