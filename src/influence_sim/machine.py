"""What this machine has: free memory, by what the system, its container and its limits say."""

from __future__ import annotations

import os
from pathlib import Path

GIB = 2**30


def free_memory() -> float | None:
    """Return the bytes this process may still take, None where the system does not tell."""
    found = [free for free in (_of_system(), _of_container(), _of_limit()) if free is not None]
    return min(found, default=None)


def gigabytes(size: float) -> str:
    """Return a size in words."""
    return f"{size / GIB:.1f} GB"


def _of_system() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return None


def _of_container() -> float | None:
    """Return what a control group (version 2) leaves; cached pages of files count as free."""
    folder = Path("/sys/fs/cgroup")
    try:
        most, used = float((folder / "memory.max").read_text()), float((folder / "memory.current").read_text())
        pages = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return most - used + float(pages.get("inactive_file", 0))
    except (OSError, ValueError):  # not in a group, or one without a limit ("max")
        return None


def _of_limit() -> float | None:
    """Return what `ulimit -v` leaves of the address space."""
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft == resource.RLIM_INFINITY:
            return None
        return float(soft - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize())
    except (ImportError, OSError):
        return None
