"""Peak memory of a process by the kernel's own count (Linux), as it stands after ``exec``.

``getrusage`` is no measure of a child: its peak starts at that of the process that made it.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Begin the peak anew at the memory held now, where the kernel can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Most memory that this process has held since its start or the last reset (bytes)."""
    with contextlib.suppress(OSError, StopIteration):
        lines = STATUS.read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
