"""Print every comparison, one after the other, as ratios."""

from headstart.bench import attention, judge

for bench in (attention, judge):
    print(*bench.lines(bench.compare()), "", sep="\n", flush=True)
