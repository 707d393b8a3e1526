"""Calls that an exercise forbids, because writing them is the point. Installed in a worker before learner code.

A forbidden call ends the process at once, after a last word to the judge, so no `except` can swallow it. Loaded by
path in a worker.
"""


def install(bans, stop):
    """Let every call of the banned functions call `stop(name)`."""
