"""Forbidden calls in a notebook: refused while the candidate is asked, and allowed again right after.

A worker has stronger means (guard.py); here it is enough that practice and marks agree.
"""

from contextlib import contextmanager


class ForbiddenCall(Exception):
    """The answer called what the exercise asks to write."""


@contextmanager
def refusing(wing, bans):
    """Within this context, calling a banned function of torch or one of its kin raises ForbiddenCall."""
    if wing != "in_torch" or not bans:
        yield
        return
    from torch.overrides import TorchFunctionMode

    banned = {_key(ban.rpartition(".")[2]) for ban in bans}

    class Refuse(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            name = getattr(function, "__name__", "")
            if any(ban in _key(name) for ban in banned):
                raise ForbiddenCall(f"it called {name}, which the exercise asks you to write")
            return function(*args, **(kwargs or {}))

    with Refuse():
        yield


def _key(name):
    """One spelling for MultiheadAttention and multi_head_attention_forward."""
    return name.lower().replace("_", "")
