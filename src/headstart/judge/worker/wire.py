"""The wire between the judge and a worker: a length, a JSON header, the raw bytes of the arrays.

Both ends use this file (a worker loads it by path). Nothing is ever unpickled: what arrives can only be numbers,
text, plain containers and arrays of plain numbers, and no more of them than the receiver allows.
"""

import json
import math
import struct

import numpy as np

NUMBERS = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()  # noqa: SIM905
DTYPES = {name: np.dtype(name) for name in NUMBERS}
NAMES = {dtype: name for name, dtype in DTYPES.items()}  # NumPy makes a name anew each time
ARRAY = (np.ndarray, np.generic)
HEADER, ARRAYS, AXES, SIZE, DEPTH = 1 << 20, 4096, 16, 1 << 40, 32  # bytes, and counts


class WireError(ValueError):
    """Something that may not cross the wire; the message says what, for the learner."""


def pack(message):
    """Turn a message into the bytes of one frame. Raises WireError."""
    arrays = []
    tree = _flat(message, arrays, 0)
    try:
        header = json.dumps({"tree": tree, "arrays": [[NAMES[a.dtype], a.shape] for a in arrays]}).encode()
    except ValueError as error:  # an int of thousands of digits
        raise WireError(f"a number too long to be written ({error})") from None
    return b"".join([struct.pack(">I", len(header)), header, *(a.tobytes() for a in arrays)])


def unpack(read, most, header_most=HEADER):
    """Read one message with `read(n) -> bytearray of n bytes`. Raises WireError if it is malformed or too long."""
    (size,) = struct.unpack(">I", read(4))
    if size > header_most:
        raise WireError(f"a header of {size} bytes, at most {header_most} are allowed")
    try:
        header = json.loads(read(size))
        return _tree(header["tree"], _arrays(read, header["arrays"], most - size), 0)
    except WireError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        raise WireError("a message that is not of the wire's form") from None


def _flat(item, arrays, depth):
    """A tree for JSON; arrays are put aside and numbered, containers are tagged with their kind."""
    if depth > DEPTH:
        raise WireError(f"lists nested more than {DEPTH} deep")
    if item is None or type(item) in (bool, int, float, str):
        return item
    if isinstance(item, ARRAY):
        arrays.append(_plain(item))
        return {"array": len(arrays) - 1}
    if isinstance(item, dict):
        return {"dict": [[_key(key), _flat(value, arrays, depth + 1)] for key, value in item.items()]}
    if isinstance(item, (list, tuple)):
        kind = "tuple" if isinstance(item, tuple) else "list"
        return {kind: [_flat(value, arrays, depth + 1) for value in item]}
    raise WireError(f"a {type(item).__name__}")


def _plain(item):
    """A contiguous array of an allowed dtype in this machine's byte order."""
    array = np.array(item, order="C", subok=False)
    if array.dtype in NAMES:
        return array
    if array.dtype.name not in DTYPES:
        raise WireError(f"an array of {array.dtype}")
    return array.astype(DTYPES[array.dtype.name])  # another byte order


def _key(key):
    if type(key) not in (str, int):
        raise WireError(f"a dict whose keys are a {type(key).__name__}")
    return key


def _arrays(read, specs, most):
    """Read the arrays that a header announces, once it is certain that they stay within bounds."""
    sizes = [_bytes(dtype, shape) for dtype, shape in specs]
    if len(sizes) > ARRAYS or sum(sizes) > most:
        raise WireError(f"{len(sizes)} arrays of {sum(sizes)} bytes together, which is too much")
    return [np.ndarray(shape, DTYPES[dtype], read(size)) for size, (dtype, shape) in zip(sizes, specs, strict=True)]


def _bytes(dtype, shape):
    """The number of bytes of one announced array."""
    if dtype not in DTYPES or len(shape) > AXES:
        raise WireError(f"an array of {str(dtype)[:40]} with {len(shape)} axes")
    if not all(type(n) is int and 0 <= n <= SIZE for n in shape):
        raise WireError("an array of an impossible shape")
    return math.prod(shape) * DTYPES[dtype].itemsize


def _tree(node, arrays, depth):
    """Put the arrays back into the tree."""
    if depth > DEPTH:
        raise WireError(f"lists nested more than {DEPTH} deep")
    if not isinstance(node, dict):
        if isinstance(node, list):
            raise WireError("a message that is not of the wire's form")
        return node
    ((kind, content),) = node.items()
    if kind == "array":
        if type(content) is not int or content < 0:
            raise WireError("an array that was not announced")
        return arrays[content]
    if kind == "dict":
        return {_key(key): _tree(value, arrays, depth + 1) for key, value in content}
    return {"list": list, "tuple": tuple}[kind](_tree(value, arrays, depth + 1) for value in content)
