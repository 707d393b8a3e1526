"""How two programs are compared: in turns, warmed up, as a ratio of medians with its spread.

Absolute times belong to a machine. The contestants take turns, so that a busy moment slows all of them.
"""

import statistics
import time


def race(ours, *theirs, seconds=10.0, clock=time.perf_counter, settle=0.0):
    """Time ours beside the fastest of theirs; return the ratio of medians, its quartiles, and both medians.

    ours, *theirs  callables without arguments
    seconds        float       about how long all turns together may take; there are 5 turns at least, 101 at most
    clock          callable    time.perf_counter, or time.thread_time where one thread does all the work
    settle         float       where both cores are needed: seconds of rest, then one untimed run, before each timed
                               one. OpenMP's threads spin for milliseconds after their work and hold the core that the
                               next contestant's second thread needs
    """
    runs = [ours, *theirs]
    for run in runs:  # the first turn warms up
        run()
    turns, end = [], time.perf_counter() + seconds
    while len(turns) < 5 or (time.perf_counter() < end and len(turns) < 101):
        turns.append([timed(run, clock, settle) for run in runs])
    times = list(zip(*turns, strict=True))
    rival = min(times[1:], key=statistics.median)
    return row_of(times[0], rival)


def timed(run, clock, settle):
    """Seconds of one run."""
    if settle:
        time.sleep(settle)
        run()
    started = clock()
    run()
    return clock() - started


def row_of(ours, theirs):
    """The ratio of two series of measurements taken in turns: of medians, and the quartiles of the turns' ratios."""
    low, _, high = statistics.quantiles([a / b for a, b in zip(ours, theirs, strict=True)], n=4)
    medians = statistics.median(ours), statistics.median(theirs)
    return {"ratio": medians[0] / medians[1], "low": low, "high": high, "ours": medians[0], "theirs": medians[1]}
