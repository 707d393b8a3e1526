"""What ranks say to each other, counted: all-reduce, all-to-all, and the step of a ring, over torch.distributed.

All ranks of a group call the same function with tensors of one shape. gloo serves CPUs, nccl GPUs: which of them it is
was said when the group was made, and nothing here depends on it.
"""

import torch
import torch.distributed as dist

SENT = {"bytes": 0}  # what this rank has given to the functions below since it was last set to zero


def sum_over(x, group):
    """Add up a tensor over all ranks; counted as a ring all-reduce, 2·(R - 1)/R of the tensor sent by each rank."""
    R, total = dist.get_world_size(group), x.contiguous().clone()
    SENT["bytes"] += 2 * (R - 1) * total.nbytes // R
    dist.all_reduce(total, group=group)
    return total


def exchange(parcels, group):
    """Give parcels[r] to rank r, for every r, and get as many; a rank's parcel to itself is not counted."""
    parcels, arrived = parcels.contiguous(), torch.empty_like(parcels, memory_format=torch.contiguous_format)
    SENT["bytes"] += parcels.nbytes - parcels[0].nbytes
    dist.all_to_all_single(arrived, parcels, group=group)
    return arrived


def pass_on(tensors, group):
    """Give tensors to the next rank of the ring and get the previous rank's."""
    rank, R = dist.get_rank(group), dist.get_world_size(group)
    if R == 1:  # the next rank is this one
        return tensors
    world = group or dist.group.WORLD
    after, before = (dist.get_global_rank(world, (rank + step) % R) for step in (1, -1))
    tensors = [x.contiguous() for x in tensors]
    arrived = [torch.empty_like(x) for x in tensors]
    SENT["bytes"] += sum(x.nbytes for x in tensors)
    moves = [dist.P2POp(dist.isend, x, after, group) for x in tensors]
    moves += [dist.P2POp(dist.irecv, x, before, group) for x in arrived]
    for move in dist.batch_isend_irecv(moves):
        move.wait()
    return arrived


class IntoHeads(torch.autograd.Function):
    """The door into head-parallel work: nothing to do forward; backward, each rank's share of dx is added up."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dout):
        return sum_over(dout, ctx.group), None


class OutOfHeads(torch.autograd.Function):
    """The door out of it: forward, the partial outputs are added up; backward there is nothing to do."""

    @staticmethod
    def forward(ctx, partial, group):
        return sum_over(partial, group)

    @staticmethod
    def backward(ctx, dout):
        return dout, None


class Exchange(torch.autograd.Function):
    """All-to-all; what came from rank r goes back to rank r."""

    @staticmethod
    def forward(ctx, parcels, group):
        ctx.group = group
        return exchange(parcels, group)

    @staticmethod
    def backward(ctx, dout):
        return exchange(dout, ctx.group), None
