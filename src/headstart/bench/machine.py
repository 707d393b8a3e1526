"""What the measurements were made on: never a name, only what a reader needs to judge them."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path


def describe():
    """The processor, its cores, the versions, the day."""
    packages = {name: importlib.metadata.version(name) for name in ("numpy", "torch")}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | packages,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def processor():
    """The processor's model, as the system states it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return platform.processor() or "unknown"
