"""Run a function in several processes of this machine that can talk to each other, and end them in time.

For practice and tests on one machine. On several hosts the same job is started by `torchrun`; see `__main__`.
"""

import json
import os
import socket
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


class LaunchError(RuntimeError):
    """A process failed or did not come to an end in time; the message says which and why, all have been ended."""


def run(job, num_ranks, *args, seconds=60, backend="gloo"):
    """Call job(*args) in `num_ranks` new processes that form a group; return what rank 0 returned.

    job        function at the top of a module that can be imported (not of a notebook cell)
    num_ranks  int
    args       plain values, handed to every process
    seconds    all processes are killed after that long, and LaunchError is raised
    return     what rank 0's call returned: numbers, strings, lists and dicts
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        todo = (job, args, num_ranks, str(Path(folder)), seconds, backend)
        processes = mp.start_processes(_rank, todo, num_ranks, join=False, start_method="spawn")
        _wait(processes, time.monotonic() + seconds, seconds)
        result = Path(folder, "result.json")
        if not result.exists():
            raise LaunchError("run: rank 0 left before it had an answer")
        return json.loads(result.read_text(encoding="utf-8"))


def _wait(processes, deadline, seconds):
    """Wait for all; kill all if one fails or time is up."""
    try:
        while not processes.join(max(0.0, deadline - time.monotonic()), grace_period=1.0):
            if time.monotonic() >= deadline:
                raise LaunchError(f"run: the processes did not end within {seconds} seconds")
    except mp.ProcessExitedException as failure:
        raise LaunchError(f"run: {failure}") from None
    except mp.ProcessRaisedException as failure:
        lines = str(failure).strip().splitlines()
        raise LaunchError(f"run: {lines[0].strip('-: ')}: {lines[-1]}") from None
    finally:
        for process in processes.processes:
            process.kill()
            process.join()


def prepare(backend, rank):
    """One thread a process; with nccl each process gets a GPU, and new tensors are made there."""
    torch.set_num_threads(1)
    if backend == "nccl":
        torch.set_default_device(torch.device("cuda", rank % torch.cuda.device_count()))
        torch.cuda.set_device(torch.get_default_device())


def _rank(rank, job, args, num_ranks, folder, seconds, backend):
    """What each process does: join the group through a file, so that no port can be taken, and do the job."""
    prepare(backend, rank)
    loopback = {"lo", "lo0"} & {name for _, name in socket.if_nameindex()}  # Linux, macOS; elsewhere gloo finds it
    for name in loopback:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
    store = dist.FileStore(str(Path(folder, "store")), num_ranks)
    dist.init_process_group(backend, store=store, rank=rank, world_size=num_ranks, timeout=timedelta(seconds=seconds))
    try:
        result = job(*args)
        if rank == 0:
            Path(folder, "result.json").write_text(json.dumps(result), encoding="utf-8")
        dist.barrier()  # nobody leaves while others still listen
    finally:
        dist.destroy_process_group()
