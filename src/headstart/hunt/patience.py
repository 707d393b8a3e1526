"""A file under repair may loop for ever: give up on it in time, where the system has an alarm clock for that."""

import signal
import threading
from contextlib import contextmanager


class TooLong(BaseException):
    """The time is up. No Exception, for the file may catch all of those."""


@contextmanager
def patience(seconds):
    """Raise TooLong within this context when the seconds are over. On Windows, and in a thread, nothing does."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _give_up(*_):
    raise TooLong
