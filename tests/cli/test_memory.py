"""Freed memory of the programs: kept, where the user has not chosen otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from jasco.cli.errors import one_line_errors

@one_line_errors("trial")
def main() -> int:
    import torch
    from jasco.checkpoint.codec import CodecSource
    codec, latents = CodecSource("demo").load(), torch.zeros(1, 200, 128)
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        codec.decode(latents)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return 0

raise SystemExit(main())
"""


def faults(**environment: str) -> int:
    """Page faults of the third decode of 4 s by the codec of the demo, in a program of its own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "THP_"))}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is that of glibc")
def test_freed_memory_is_kept() -> None:
    assert faults() < 0.2 * faults(MALLOC_MMAP_THRESHOLD_="131072")
