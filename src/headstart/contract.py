"""Shape contracts, stated once above a function and checked at its door: one sentence instead of a broadcasting error.

The decorator works for both wings: it asks its arguments for nothing but `.shape` and `.dtype`.
"""

import functools
import inspect


class ShapeError(ValueError):
    """An array whose shape breaks the contract of the function it was given to."""


def shapes(**specs):
    """Check arguments against specs such as `q="... T_q d_head"` before every call.

    A spec names the last axes from left to right; `...` stands for any leading axes, which broadcast between the
    arguments. A name used twice must have one size. A spec that starts with `bool` asks for a boolean array whose axes
    may also be 1 or missing (it broadcasts). None is not checked where it is the default. Raises ShapeError (a
    ValueError) or TypeError with one sentence.
    """

    def decorate(function):
        signature = inspect.signature(function)
        optional = [name for name in specs if signature.parameters[name].default is None]
        called = function.__qualname__.removesuffix(".forward").rpartition(".")[2]  # a layer goes by its class's name

        @functools.wraps(function)
        def checked(*args, **kwargs):
            given = signature.bind(*args, **kwargs).arguments
            sizes = {}
            for name, spec in specs.items():
                if name in given and not (given[name] is None and name in optional):
                    _match(called, name, given[name], spec, sizes)
            return function(*args, **kwargs)

        return checked

    return decorate


def _match(function, name, array, spec, sizes):
    """Compare one array with its spec and remember the sizes it settles."""
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise TypeError(f"{function}: {name} must be an array, got {type(array).__name__}")
    mask = spec.startswith("bool ")
    if mask and str(array.dtype) not in ("bool", "torch.bool"):
        raise TypeError(f"{function}: {name} must be boolean (True: may attend), got {array.dtype}")
    axes = [axis for axis in spec.removeprefix("bool ").split() if axis != "..."]
    shape = tuple(array.shape)
    if not mask and (len(shape) < len(axes) or (len(shape) > len(axes) and "..." not in spec)):
        raise ShapeError(f"{function}: {name} must have shape ({spec.replace(' ', ', ')}), got {shape}")
    for axis, size in zip(reversed(axes), reversed(shape), strict=False):
        if sizes.setdefault(axis, size) != size and not (mask and size == 1):
            raise ShapeError(f"{function}: {name} has shape {shape}, but {axis} is {sizes[axis]} elsewhere")
    for place, size in enumerate(reversed(shape[: max(0, len(shape) - len(axes))])):  # counted from the named axes on
        if size != 1 and sizes.setdefault(place, size) != size:
            raise ShapeError(f"{function}: {name} has shape {shape}, whose leading axes do not fit those of the others")
