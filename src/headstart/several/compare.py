"""The job of chapter 11: every scheme on several ranks beside one process, forward and backward, and what was sent.

Every rank draws the same numbers from one seed, does the whole calculation alone and then its part of it.
"""

import torch
import torch.distributed as dist

from headstart.in_numpy.ranks import bytes_sent, zigzag_positions
from headstart.in_torch.multi_head import merge_heads, split_heads
from headstart.in_torch.scale import shard_layer
from headstart.several.exchanges import SENT, sum_over
from headstart.several.schemes import all_to_all, causal_attention, head_parallel, ring
from headstart.several.wire import sent_over_tcp

T, D_MODEL, HEADS = 256, 64, 8
D_HEAD = D_MODEL // HEADS


def compare(sizes=(2, 4), kv_heads=(8, 2)):
    """List one row for every scheme, number of ranks and number of key and value heads: errors, bytes, the formula."""
    rows = []
    for num_ranks in sizes:
        group, _ = dist.new_subgroups(num_ranks)
        for num_kv_heads in kv_heads:
            rows += [row(name, trial, num_ranks, num_kv_heads, group) for name, trial in TRIALS.items()]
    return rows


def row(name, trial, num_ranks, num_kv_heads, group):
    """Run one trial: the worst errors over the ranks, and this rank's bytes; each a list [forward, backward]."""
    forward, backward, counted, wire = trial(num_ranks, num_kv_heads, group)
    worst = torch.tensor([forward, backward], dtype=torch.float64)
    dist.all_reduce(worst, dist.ReduceOp.MAX, group=group)
    sizes, scheme = (T, D_MODEL, HEADS, num_kv_heads, num_ranks, 8), name.split(",")[0]
    return {
        "scheme": name, "ranks": num_ranks, "kv_heads": num_kv_heads, "errors": worst.tolist(), "counted": counted,
        "wire": wire, "formula": [bytes_sent(*sizes, backward=way)[scheme] for way in (False, True)],
    }  # fmt: skip


def draw(*shapes):
    """The same float64 tensors on every rank."""
    torch.manual_seed(0)
    return [torch.randn(*shape, dtype=torch.float64) for shape in shapes]


def sending(action):
    """Do something that all ranks do; return its result, the bytes counted and those on the wire (None: unknown)."""
    dist.barrier()
    SENT["bytes"], before = 0, sent_over_tcp()
    result = action()
    dist.barrier()  # its few bytes are on the wire too
    return result, SENT["bytes"], None if before is None else sent_over_tcp() - before


def measured(function, inputs, dout):
    """Call a function of leaf tensors and go back from dout: output, gradients, bytes counted and sent, both ways."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    out, *there = sending(lambda: function(*inputs))
    gradients, *back = sending(lambda: torch.autograd.grad(out, inputs, dout))
    return out.detach(), gradients, *map(list, zip(there, back, strict=True))


def error(pairs):
    """The largest difference between tensors that should be the same."""
    return max((ours - theirs).abs().max().item() for ours, theirs in pairs)


def tensor_parallel(num_ranks, num_kv_heads, group):
    """The layer with its heads shared out, against the whole layer; each shard's gradient against its part."""
    wide, narrow = (D_MODEL, D_MODEL), (D_MODEL, num_kv_heads * D_HEAD)
    x, W_q, W_k, W_v, W_o, dout = draw((T, D_MODEL), wide, narrow, narrow, wide, (T, D_MODEL))
    weights = [W / D_MODEL**0.5 for W in (W_q, W_k, W_v, W_o)]

    def whole(x, W_q, W_k, W_v, W_o):
        q, k, v = split_heads(x @ W_q, HEADS), split_heads(x @ W_k, num_kv_heads), split_heads(x @ W_v, num_kv_heads)
        k, v = (a.repeat_interleave(HEADS // num_kv_heads, 0) for a in (k, v))
        return merge_heads(causal_attention(q, k, v)) @ W_o

    def cut(W_q, W_k, W_v, W_o):
        return shard_layer(W_q, W_k, W_v, W_o, HEADS, dist.get_rank(group), num_ranks)

    want, (dx, *dW), *_ = measured(whole, [x, *weights], dout)
    part = lambda x, *shards: head_parallel(x, *shards, HEADS, num_kv_heads, group)  # noqa: E731
    out, (ours_dx, *ours_dW), *sent = measured(part, [x, *cut(*weights)], dout)
    copies = max(1, num_ranks // num_kv_heads)  # neighbours that hold the same key and value heads ...
    holders, _ = dist.new_subgroups(copies)
    ours_dW[1:3] = [sum_over(g, holders) for g in ours_dW[1:3]]  # ... must add up their gradients
    return error([(out, want)]), error([(ours_dx, dx), *zip(ours_dW, cut(*dW), strict=True)]), *sent


def of_tokens(scheme, positions):
    """A trial of a scheme in which a rank holds some tokens of all heads, at positions (R, n)."""

    def trial(num_ranks, num_kv_heads, group):
        q, k, v, dout = draw((HEADS, T, D_HEAD), *[(num_kv_heads, T, D_HEAD)] * 2, (HEADS, T, D_HEAD))
        groups = HEADS // num_kv_heads

        def whole(q, k, v):
            return causal_attention(q, k.repeat_interleave(groups, 0), v.repeat_interleave(groups, 0))

        places = positions(num_ranks)
        mine = places[dist.get_rank(group)]
        want, gradients, *_ = measured(whole, [q, k, v], dout)
        part = lambda q, k, v: scheme(q, k, v, places, group)  # noqa: E731
        out, ours, *sent = measured(part, [a[:, mine] for a in (q, k, v)], dout[:, mine])
        wanted = [g[:, mine] for g in gradients]
        return error([(out, want[:, mine])]), error(zip(ours, wanted, strict=True)), *sent

    return trial


def in_order(num_ranks):
    """Consecutive runs of tokens, (R, n)."""
    return torch.arange(T).reshape(num_ranks, -1)


def in_zigzag(num_ranks):
    """An early and a late run for each rank, (R, n)."""
    return torch.tensor(zigzag_positions(T, num_ranks).tolist())


TRIALS = {
    "tensor_parallel": tensor_parallel,
    "all_to_all": of_tokens(lambda q, k, v, places, group: all_to_all(q, k, v, group), in_order),
    "ring": of_tokens(ring, in_order),
    "ring, zigzag": of_tokens(ring, in_zigzag),
}
