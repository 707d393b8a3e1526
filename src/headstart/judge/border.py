"""The border between a law and a candidate: arrays in, arrays out, tensors on the other side for the PyTorch wing.

The same code serves a candidate in this process and one in a worker, so it imports numpy (and torch when asked)
and nothing of the course.
"""

import traceback
import tracemalloc
from itertools import zip_longest

import numpy as np


class ContractError(TypeError):
    """The candidate returned something that the contract does not allow."""


def answer(candidate, request, wing):
    """Perform a request; if the candidate raises, return {"raised": the story of it} instead."""
    try:
        return perform(candidate, request, wing)
    except Exception as error:
        return {"raised": _story(error)}


def _story(error):
    """What a learner needs to know of an exception: its type, its message and their own line, not ours."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    own = [f for f in frames if f.filename == frames[0].filename or f.filename.startswith("<cell")] if frames else []
    place = {"line": own[-1].lineno, "text": own[-1].line or "", "depth": len(frames)} if own else {}
    return {"type": type(error).__name__, "message": str(error)[:500], **place}


def perform(candidate, request, wing):
    """Carry out one request and return {"value": …, "changed": [numbers of the inputs that were altered]}.

    request  {"init": dict | None, "load": dict | None, "calls": [[method, args, kwargs], …],
              "cotangent": array | list of arrays | None, "of": "inputs" | "parameters", "memory": int | None}

    Only "calls" must be there. Without `init` the candidate itself is called (the method is then ""). With `init` an
    object is made first, `load` hands it weights through its method `load`, and the calls go to its methods. Several
    calls return the list of their results. With a `cotangent` the value is the list of gradients of sum(cotangent ·
    result), one for each float array or, of "parameters", one for each parameter of the object; several results need
    as many cotangents. With `memory` the value is whether the call got along with fewer bytes than that.
    """
    inward, outward = TRANSLATORS[wing]
    target = _made(candidate, request, inward)
    values, changed = [], []
    for method, args, kwargs in request["calls"]:
        inputs = walk([args, kwargs], inward)
        function = getattr(target, method) if method else target
        if request.get("cotangent") is not None:
            floats = list(target.parameters()) if request.get("of") == "parameters" else _floats(inputs)
            cotangents = leaves(walk(request["cotangent"], inward))
            return {"value": _gradients(function, inputs, floats, cotangents, outward), "changed": []}
        if request.get("memory") is not None:
            return {"value": _memory(function, inputs, wing) < request["memory"], "changed": []}
        result = function(*inputs[0], **inputs[1])
        changed += _changed([args, kwargs], walk(inputs, outward))
        values.append(walk(result, outward if wing == "in_numpy" else _tensor_only))
    return {"value": values[0] if len(values) == 1 else values, "changed": changed}


def _memory(function, inputs, wing):
    """Bytes that a call holds at once beside its inputs (NumPy), or that the largest tensor it makes has (PyTorch)."""
    if wing == "in_torch":
        return _largest_tensor(function, inputs)
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        function(*inputs[0], **inputs[1])
        if not tracemalloc.is_tracing():
            raise ContractError("it stopped the measurement of its memory")
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()


def _largest_tensor(function, inputs):
    """Bytes of the largest storage behind any tensor that a call makes."""
    from torch.overrides import TorchFunctionMode

    sizes = [0]

    class Weigh(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            made = [leaf for leaf in leaves(result) if hasattr(leaf, "untyped_storage")]
            sizes.extend(leaf.untyped_storage().nbytes() for leaf in made)
            return result

    with Weigh():
        function(*inputs[0], **inputs[1])
    return max(sizes)


def walk(tree, leaf):
    """Apply `leaf` to everything in nested dicts, lists and tuples."""
    if isinstance(tree, dict):
        return {key: walk(value, leaf) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        items = [walk(value, leaf) for value in tree]
        return tuple(items) if isinstance(tree, tuple) else items
    return leaf(tree)


def leaves(tree):
    """List the leaves of nested dicts, lists and tuples, in order."""
    found = []
    walk(tree, found.append)
    return found


def _made(candidate, request, inward):
    """The candidate itself, or an object of the candidate's class with the request's weights in it."""
    if request.get("init") is None:
        return candidate
    target = candidate(**walk(request["init"], inward))
    if request.get("load") is not None:
        target.load(**walk(request["load"], inward))
    return target


def _changed(before, after):
    """Numbers of the input arrays that are not what they were; what was added at the end has the next number."""
    old, new = leaves(before), leaves(after)
    arrays = [(a, b) for a, b in zip_longest(old, new) if isinstance(a, np.ndarray)]
    changed = [i for i, (a, b) in enumerate(arrays) if not _is_same(a, b)]
    return changed + [len(arrays)] * (len(new) > len(old))


def _is_same(a, b):
    return isinstance(b, np.ndarray) and np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")


def _floats(inputs):
    """The float arrays among the inputs, asked to collect gradients (PyTorch wing)."""
    return [
        leaf.requires_grad_()
        for leaf in leaves(inputs)
        if hasattr(leaf, "is_floating_point") and leaf.is_floating_point()
    ]


def _gradients(function, inputs, floats, cotangents, outward):
    """Gradients of the sum of all cotangent · result for the floats; zeros for those that it does not reach."""
    results = leaves(function(*inputs[0], **inputs[1]))
    if len(results) != len(cotangents):
        raise ContractError(f"it returned {len(results)} result(s), {len(cotangents)} are in the contract")
    if not all(getattr(result, "requires_grad", False) for result in results):
        raise ContractError("its result carries no gradient: detached, frozen, or made from NumPy or Python numbers")
    sum((result * cotangent).sum() for result, cotangent in zip(results, cotangents, strict=True)).backward()
    return [outward(leaf.grad) if leaf.grad is not None else np.zeros(leaf.shape) for leaf in floats]


def _to_tensor(leaf):
    import torch

    return torch.from_numpy(np.array(leaf)) if isinstance(leaf, np.ndarray) else leaf


def _from_tensor(leaf):
    """Tensor to array; bfloat16, which NumPy lacks, as float32."""
    if not hasattr(leaf, "detach"):
        return leaf
    leaf = leaf.detach()
    return (leaf.float() if str(leaf.dtype) == "torch.bfloat16" else leaf).numpy().copy()


def _tensor_only(leaf):
    if isinstance(leaf, np.ndarray | np.generic):
        raise ContractError(f"it returned a NumPy {type(leaf).__name__}, the contract says a torch.Tensor")
    return _from_tensor(leaf)


def _copy(leaf):
    return np.array(leaf) if isinstance(leaf, np.ndarray) else leaf


TRANSLATORS = {"in_numpy": (_copy, _copy), "in_torch": (_to_tensor, _from_tensor)}
