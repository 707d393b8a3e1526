"""Measure everything side by side, print one table of ratios, write the numbers down."""

import argparse
import importlib
import json
import os
import subprocess
from pathlib import Path

from headstart.threads import ONE_THREAD

PARTS = ("attention", "layer", "decoding", "imports", "cuda", "judge", "warm")


def main():
    """Run the parts asked for; a part that cannot run here says why and stops nothing."""
    parser = argparse.ArgumentParser(prog="python -m headstart.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="small sizes, few turns: to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("_build/bench.json"), help="where the numbers go")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    os.environ |= ONE_THREAD  # before NumPy is loaded: what takes two threads asks for them
    run = measure(options.parts or PARTS, options.quick)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{options.out} holds the numbers")


def measure(parts, quick):
    """Run the parts, printing each comparison as it is made; return them all."""
    import torch  # after the threads are set

    from headstart.bench import machine, table

    torch.set_num_threads(1)
    run = {"machine": machine.describe(), "quick": quick, "rows": [], "left_out": {}}
    print(table.sentence(run["machine"]), "", table.HEAD, sep="\n", flush=True)
    for part in parts:
        try:
            for row in importlib.import_module(f"headstart.bench.{part}").rows(quick):
                run["rows"].append({"part": part} | row)
                print(table.line(row), flush=True)
        except (RuntimeError, OSError, subprocess.SubprocessError) as reason:
            run["left_out"][part] = str(reason)
            print(f"Not measured: {part}. {reason}", flush=True)
    return run


if __name__ == "__main__":
    main()
