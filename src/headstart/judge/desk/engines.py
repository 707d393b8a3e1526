"""Where a class is graded: in processes of this machine, or on a cluster that is already there.

An engine runs a function somewhere else and waits for what it returns; it is called from `lanes` threads at once.
A process that is lost makes the call raise, and costs no other call anything.
"""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool


class Here:
    """No other process: pytest-xdist has already spread the submissions over its workers."""

    lanes = 1

    def call(self, function, *args):
        return function(*args)

    def close(self):
        """There is nothing to close."""


class Processes:
    """One process a lane, started afresh when it was lost."""

    def __init__(self, lanes=None):
        self.lanes = lanes or os.cpu_count() or 1
        self.mine, self.started = threading.local(), []

    def call(self, function, *args):
        """Run the function in this lane's process. Raises what it raises, or BrokenProcessPool."""
        if not hasattr(self.mine, "pool"):
            self.mine.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            self.started.append(self.mine.pool)
        try:
            return self.mine.pool.submit(function, *args).result()
        except BrokenProcessPool:
            del self.mine.pool
            raise

    def close(self):
        for pool in self.started:
            pool.shutdown(cancel_futures=True)


class Dask:
    """A dask.distributed cluster, through its executor interface; the workers need this package and no shared disk."""

    def __init__(self, address):
        from distributed import Client

        self.client = Client(address)
        self.executor = self.client.get_executor(pure=False)
        self.lanes = max(1, sum(self.client.nthreads().values()))

    def call(self, function, *args):
        """Run the function on some worker. Raises what it raises, or KilledWorker."""
        return self.executor.submit(function, *args).result()

    def close(self):
        self.executor.shutdown(wait=False)
        self.client.close()


def engine(name):
    """The engine of that name: "processes", "processes:4", "dask:tcp://host:8786". Raises ValueError or ImportError."""
    kind, _, where = name.partition(":")
    if kind == "processes" and (not where or (where.isdecimal() and int(where))):
        return Processes(int(where or 0))
    if kind == "dask" and where:
        return Dask(where)
    raise ValueError(f"there is no engine {name!r}: processes, processes:COUNT or dask:ADDRESS")
