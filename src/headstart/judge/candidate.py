"""A candidate as a law sees it: something to call with arrays, wherever the answer itself lives."""

from headstart.graders.kit import Broken
from headstart.judge.border import answer, leaves
from headstart.judge.practice import refusing


class Stopped(Exception):
    """The candidate cannot be asked any further; `verdict` says why (not attempted, timeout, memory, …)."""

    def __init__(self, verdict, message):
        super().__init__(message)
        self.verdict = verdict


class AnswerRaised(Exception):
    """The candidate raised an exception of its own; the message tells which and on what line of the answer."""


class Candidate:
    """Turn calls into requests for the border, keep a record of them, and notice inputs that were altered.

    transport  a function of a request that returns the border's reply, or raises Stopped
    """

    def __init__(self, transport, init=None, load=None, record=None):
        self.transport, self.init, self.load = transport, init, load
        self.record = [] if record is None else record

    def __call__(self, *args, **kwargs):
        """Call the answer (or, after `made`, the object) and return its result as arrays."""
        return self._request([[self._method(), list(args), kwargs]])

    def made(self, init, load=None):
        """The same candidate as a class: every call is made on a fresh object with these arguments and weights."""
        return Candidate(self.transport, init, load, self.record)

    def run(self, *calls):
        """Call several methods of one fresh object in turn: ("append", k, v), ("read",) …; return their results."""
        results = self._request([[method, list(args), {}] for method, *args in calls])
        return results if len(calls) > 1 else [results]

    def gradients(self, cotangent, *args, **kwargs):
        """Gradients of sum(cotangent · result) for every float array among the arguments (PyTorch wing only).

        Of an answer that returns several arrays: a list of as many cotangents.
        """
        return self._request([[self._method(), list(args), kwargs]], cotangent=cotangent)

    def parameter_gradients(self, cotangent, *args, **kwargs):
        """Gradients of sum(cotangent · result) for every parameter of the object, one fresh layer (PyTorch wing only).

        Zeros where a parameter is frozen or has no part in the result.
        """
        return self._request([[self._method(), list(args), kwargs]], cotangent=cotangent, of="parameters")

    def fits(self, memory, *args, **kwargs):
        """Whether a call gets along with fewer than `memory` bytes at once beside its inputs.

        NumPy's allocations are counted together, of PyTorch's the largest tensor.
        """
        return self._request([[self._method(), list(args), kwargs]], memory=memory)

    def refuses(self, *args, **kwargs):
        """Whether the answer raises an exception, of whatever type, instead of returning a result.

        After `made` it is the making of the object that should raise; the arguments are then left out.
        """
        try:
            self._request([["", list(args), kwargs]] if self.init is None else [])
        except AnswerRaised:
            return True
        self.record[-1][1] = None  # known mistakes are told by their results for good input
        return False

    def _method(self):
        return "" if self.init is None else "__call__"

    def _request(self, calls, **more):
        request = {"init": self.init, "load": self.load, "calls": calls} | more
        request = {part: value for part, value in request.items() if value is not None}  # the border's own defaults
        self.record.append([request, None])
        reply = self.transport(request)
        if "raised" in reply:
            raise _translated(reply["raised"])
        self.record[-1][1] = reply["value"]
        if reply["changed"]:
            raise Broken(
                f"it changed {_which(reply['changed'][0], calls)}: work on a copy, the caller still needs the original"
            )
        return reply["value"]


def _which(number, calls):
    """What to call an input array, by its number among all arrays of the calls."""
    count = sum(hasattr(leaf, "shape") for leaf in leaves([call[1:] for call in calls]))
    return "its input" if count == 1 or number >= count else f"array {number + 1} of its {count} inputs"


def _translated(story):
    """The exception that tells a law's caller what the answer raised."""
    if story["type"] == "NotImplementedError" and story.get("depth", 1) == 1:
        return Stopped("not attempted", "the answer is still `raise NotImplementedError`")
    if story["type"] == "ContractError":
        return Broken(story["message"])
    if story["type"] == "ForbiddenCall":
        return Stopped("forbidden", story["message"])
    where = f" in line {story['line']}: {story['text']}" if story.get("text") else ""
    return AnswerRaised(f"it raised {story['type']}: {story['message']}{where}")


def local(function, wing, bans=()):
    """The candidate that lives in this process; it may not call what is named in `bans`."""

    def transport(request):
        with refusing(wing, bans):
            return answer(function, request, wing)

    return Candidate(transport)
