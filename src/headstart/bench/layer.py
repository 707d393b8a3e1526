"""The layer of the PyTorch wing beside nn.MultiheadAttention, and tiles of our own beside the fused operator."""

import time

import torch
from torch import nn

from headstart.bench.race import race
from headstart.in_torch.fast import fast_attention
from headstart.in_torch.fast_layer import FastMultiHeadAttention

D_MODEL, H = 512, 8
KINDS = {"full": False, "causal": True}


def rows(quick):
    """Every comparison, on one thread."""
    seconds = 1.0 if quick else 4.0
    for T in (512,) if quick else (512, 1024, 2048):
        for kind, causal in KINDS.items():
            bench = Layers(T, causal)
            label = f"{kind}, T {T}"
            yield {"what": f"PyTorch layer, forward, {label}", "goal": 1.0} | bench.against_theirs(seconds, False)
            yield {"what": f"PyTorch layer, forward and backward, {label}", "goal": 1.0} | bench.against_theirs(
                seconds, True
            )
            yield {"what": f"PyTorch layer, weights asked, {label}", "goal": 0.7} | bench.weights_asked(seconds)
            if not causal:
                yield {"what": f"its matrix products alone, {label}", "goal": None} | bench.products(seconds)
            for backward, goal in ((False, 1.2), (True, 1.25)):
                way = "forward and backward" if backward else "forward"
                goal = goal if causal else None  # the goal is set for causal attention
                yield {"what": f"layer on our tiles, {way}, {label}", "goal": goal} | bench.on_tiles(seconds, backward)


class Layers:
    """One input and the layers that take it, all with the same shapes."""

    def __init__(self, T, causal):
        """Make the layers for T tokens."""
        torch.manual_seed(0)
        self.x, self.causal = torch.randn(1, T, D_MODEL), causal
        self.hidden = torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None
        self.theirs = nn.MultiheadAttention(D_MODEL, H, bias=False, batch_first=True)
        self.fused, self.tiled = FastMultiHeadAttention(D_MODEL, H), FastMultiHeadAttention(D_MODEL, H, fast_attention)

    def their_run(self, backward, training, weights=False):
        """nn.MultiheadAttention; without training it takes its fast path where it has one."""

        def run():
            self.theirs.train(training)
            return self.theirs(
                self.x,
                self.x,
                self.x,
                attn_mask=self.hidden,
                is_causal=self.causal and not weights,
                need_weights=weights,
            )[0]

        return timed_both_ways(run, backward)

    def against_theirs(self, seconds, backward):
        """Our layer, no weights asked, against the faster of their two paths."""
        rivals = [self.their_run(backward, training) for training in ((True,) if backward else (True, False))]
        ours = timed_both_ways(lambda: self.fused(self.x, causal=self.causal), backward)
        measured = race(ours, *rivals, seconds=seconds, clock=time.thread_time)
        return {"against": "nn.MultiheadAttention, its fastest"} | measured

    def weights_asked(self, seconds):
        """Both layers return the mean of their heads' weights."""
        ours = timed_both_ways(lambda: self.fused(self.x, causal=self.causal, need_weights=True)[0], False)
        return self.against_their_weights(ours, seconds)

    def products(self, seconds):
        """What no layer that returns its weights can leave out: projections, scores, output."""
        T, d_head = self.x.shape[1], D_MODEL // H
        into, out = torch.randn(D_MODEL, 3 * D_MODEL), torch.randn(D_MODEL, D_MODEL)
        q, k, v = torch.randn(3, H, T, d_head).unbind()
        made = [torch.empty(T, 3 * D_MODEL), torch.empty(H, T, T), torch.empty(H, T, d_head), torch.empty(T, D_MODEL)]

        def run():
            torch.mm(self.x[0], into, out=made[0])
            torch.bmm(torch.bmm(q, k.mT, out=made[1]), v, out=made[2])
            torch.mm(self.x[0], out, out=made[3])

        return self.against_their_weights(timed_both_ways(run, False), seconds)

    def against_their_weights(self, run, seconds):
        """Something against their layer, which returns the mean of its heads' weights."""
        rivals = [self.their_run(False, training, weights=True) for training in (True, False)]
        measured = race(run, *rivals, seconds=seconds, clock=time.thread_time)
        return {"against": "nn.MultiheadAttention, need_weights=True"} | measured

    def on_tiles(self, seconds, backward):
        """Our layer on the attention written by hand against the same layer on the fused operator."""
        ours, theirs = (
            timed_both_ways(lambda layer=layer: layer(self.x, causal=self.causal), backward)
            for layer in (self.tiled, self.fused)
        )
        return {"against": "the layer on SDPA"} | race(ours, theirs, seconds=seconds, clock=time.thread_time)


def timed_both_ways(run, backward):
    """The run with its backward pass, or without any record for one."""
    return (lambda: run().sum().backward()) if backward else torch.no_grad()(run)
