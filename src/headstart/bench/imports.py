"""What `import headstart.in_numpy.attention` costs beside `import numpy`: CPU time of a fresh interpreter."""

import resource
import subprocess
import sys
from functools import partial

from headstart.bench.race import race


def rows(quick):
    """One comparison."""
    ours, theirs = (
        partial(subprocess.run, [sys.executable, "-c", f"import {module}"], check=True)
        for module in ("headstart.in_numpy.attention", "numpy")
    )
    measured = race(ours, theirs, seconds=3.0 if quick else 8.0, clock=children)
    yield {"what": "import headstart.in_numpy.attention", "against": "import numpy", "goal": 1.1} | measured


def children():
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
