"""Memory of the command lines: freed buffers are kept for the tensors that follow.

The allocator of glibc returns each large buffer to the system when its tensor is freed, and the
system clears the pages of the next one again: 500,000 page faults for an EnCodec decode of 10 s,
and up to half of its time. Kept buffers give the same results without these.

Only the command lines set this, not ``import jasco``.
"""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # options of mallopt
KEPT = 512 * 2**20
"""Free memory at the end of the heap above which it is returned (bytes)."""
_LARGEST = 2**30
_CHOSEN = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_")


def keep_freed_memory() -> None:
    """Let the allocator of glibc keep freed memory, unless environment variables say otherwise.

    Must be called before the import of torch, in a program of its own. Other allocators and
    systems are left as they are.
    """
    if "torch" in sys.modules or os.environ.keys() & set(_CHOSEN):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # Older versions refuse a threshold above 32 MB, and can map nothing instead.
    if mallopt(_MMAP_THRESHOLD, _LARGEST) or mallopt(_MMAP_MAX, 0):
        mallopt(_TRIM_THRESHOLD, KEPT)
