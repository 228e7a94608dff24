"""Process of a row of `benchmark.py --against`, which keeps freed memory as command lines do."""

from __future__ import annotations

try:
    from jasco.cli.memory import keep_freed_memory
except ImportError:  # 0.1.0 had none
    pass
else:
    keep_freed_memory()

from bench_rows import main  # noqa: E402  it imports torch, which comes after the setting

if __name__ == "__main__":
    main()
