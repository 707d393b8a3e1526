"""One thread for each process: where small arrays or several processes are at work, more threads only wait."""

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
