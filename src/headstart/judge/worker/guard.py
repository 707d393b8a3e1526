"""Calls that an exercise forbids, because writing them is the point. A worker loads this file by path.

A forbidden call ends the process at once, after a last word to the judge, so no `except` can swallow it. Names are
replaced wherever a module holds them; PyTorch's operators are replaced in its dispatcher, where every path ends.
"""

import ctypes
import importlib
import inspect
import re
import sys

ATTENTION = r"aten::\w*(attention|transformer_encoder)\w*(\.out)?"
SOFTMAX = r"aten::\w*softmax\w*(\.int|\.out|\.int_out)?"
OPERATORS = {"scaled_dot_product_attention": ATTENTION, "MultiheadAttention": ATTENTION, "softmax": SOFTMAX}
KIN = {"torch.nn.MultiheadAttention": ["torch.nn.functional.multi_head_attention_forward"]}
KEYS = "CPU AutogradCPU CompositeImplicitAutograd SparseCPU MkldnnCPU NestedTensorCPU".split()  # noqa: SIM905
VMAP = ["FuncTorchBatched", "FuncTorchVmapMode"]  # it takes calls apart itself, with or without a kernel of its own


def prepare(bans):
    """Find, for each banned dotted name, what `install` replaces: ([(namespace, key), …], [(operator, key), …])."""
    return {ban: (_holders([ban, *KIN.get(ban, [])]), _operators(ban)) for ban in bans if _resolve(ban) is not None}


def install(prepared, bans, stop):
    """Let every call of the banned names call `stop(name)`, which must not return."""
    for ban in bans:
        holders, operators = prepared.get(ban, ((), ()))
        for holder, key in holders:
            setattr(holder, key, _stopper(ban, stop))
        if operators:
            _override(operators, _stopper(ban, stop))


def _stopper(ban, stop):
    return lambda *args, **kwargs: stop(ban)


def _resolve(name):
    """The object of a dotted name, or None if this worker does not have it."""
    module, _, rest = name.partition(".")
    try:
        found = importlib.import_module(module)
        for part in rest.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found


def _holders(names):
    """Every module attribute that is one of the named functions, and every method of the named classes."""
    targets = [_resolve(name) for name in names]
    classes = [target for target in targets if inspect.isclass(target)]
    holders = [(each, key) for each in classes for key, value in vars(each).items() if inspect.isfunction(value)]
    wanted = {id(target) for target in targets if not inspect.isclass(target)}
    modules = [module for module in list(sys.modules.values()) if inspect.ismodule(module)]
    return holders + [(m, key) for m in modules for key, value in list(vars(m).items()) if id(value) in wanted]


def _operators(ban):
    """The operators behind a name of torch, with every dispatch key under which this machine can run them."""
    pattern = OPERATORS.get(ban.rpartition(".")[2])
    if pattern is None or not ban.startswith("torch."):
        return []
    from torch import _C

    names = [name for name in _C._dispatch_get_all_op_names() if re.fullmatch(pattern, name) and "backward" not in name]
    on_cpu = [name for name in names if _C._dispatch_has_computed_kernel_for_dispatch_key(name, "CPU")]
    has = _C._dispatch_has_kernel_for_dispatch_key
    return [(name, key) for name in on_cpu for key in KEYS + VMAP if key in VMAP or has(name, key)]


def _override(operators, stopper):
    """Register the stopper for the operators, for good: the handle that could undo it is out of reach."""
    from torch import _C

    library = _C._dispatch_library("IMPL", "aten", "")
    for name, key in operators:
        library.impl(name, key, stopper)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
