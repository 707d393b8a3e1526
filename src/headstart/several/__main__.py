"""The same job under torchrun, on one host or many: `torchrun --nproc-per-node 4 -m headstart.several gloo`.

torchrun tells each process its rank and where to meet (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT); nothing else in the
course's code knows on how many hosts it runs. With GPUs the word is nccl.
"""

import os
import sys
from datetime import timedelta

import torch.distributed as dist

from headstart.several.compare import HEADS, compare
from headstart.several.launch import prepare


def main(backend="gloo"):
    """Join the group that torchrun describes, compare, let rank 0 print."""
    prepare(backend, int(os.environ["LOCAL_RANK"]))
    dist.init_process_group(backend, timeout=timedelta(seconds=60))
    rows = compare(sizes=(dist.get_world_size(),))
    if dist.get_rank() == 0:
        print(*rows, sep="\n")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    if "LOCAL_RANK" not in os.environ or sys.argv[1:] not in (["gloo"], ["nccl"]):
        sys.exit("usage: torchrun --nproc-per-node N -m headstart.several gloo   (or nccl, with N GPUs on each host)")
    if HEADS % int(os.environ["WORLD_SIZE"]):
        sys.exit(f"the comparison has {HEADS} heads: {os.environ['WORLD_SIZE']} processes cannot share them equally")
    main(sys.argv[1])
