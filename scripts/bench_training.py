"""Training sections of `benchmark.py`: steps from the start, and fine-tunes side by side."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from bench import Bench, random_400m, train_steps
from bench_against import HERE, Side
from bench_rows import FINE_TUNINGS, FRAMES, SIZES, Measured, batch_of, step_flops

from jasco.adapters.reading import WEIGHTS

SMALL_GB = 8.0
"""Memory of a small GPU."""


def bench_train(bench: Bench) -> None:
    """Training step in bfloat16: loss, gradients, clipping and AdamW, in the loop of Lightning."""
    from lightning.pytorch import Callback

    from jasco.training.flow.module import JascoModule

    class Clock(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            bench.synchronize()
            self.start = time.perf_counter()

        def on_train_batch_end(self, *_: Any) -> None:
            bench.synchronize()
            times.append(time.perf_counter() - self.start)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = JascoModule(random_400m(bench.device).train())
    count = 8 if bench.device.type == "cpu" else 32
    batch = batch_of(module.model, count, FRAMES)
    flop = step_flops(module, count, FRAMES)
    times: list[float] = []
    dtype = torch.bfloat16
    bench.measure_ceiling(dtype)
    train_steps(module, batch, bench.repeats + 1, bench.device, Clock())
    bench.measure_ceiling(dtype)
    bench.row(
        f"training step, 400M, {count} clips of 10 s",
        statistics.median(times[1:]),
        dtype=dtype,
        flop=flop,
        peak_memory_gb=bench.peak_memory(),
    )


def bench_finetune(bench: Bench) -> None:
    """Fine-tuning on one clip of 10 s, full and with adapters of rank 16, on the CPU.

    Each measurement is a process of its own, one after the other, and the ways take turns: the
    ratios of their times do not depend on the load, and the largest alone must fit into the memory.
    One that does not fit has its expected memory only.
    """
    for size in SIZES:
        rows = {how: f"fine-tuning step, {size}, {how}" for how in FINE_TUNINGS}
        found = alternate(rows.values(), bench.repeats)
        for how, row in rows.items():
            if figures := found[row]:
                more = {name: x for name, x in figures.items() if name != "seconds"}
                bench.row(f"{size}, {how}", figures.get("seconds", float("nan")), **more)
        print("\n".join(table({how: found[row] for how, row in rows.items()})), flush=True)
        adapter, model = stored_sizes(size)
        print(f"  adapter of rank 16: {adapter:.1f} MB, {adapter / model:.2%} of {model:.0f} MB")


def alternate(rows: Iterable[str], rounds: int) -> dict[str, Measured]:
    """Medians of rows of this checkout, one process at a time, in turns; peaks of memory."""
    found: dict[str, list[Measured]] = {row: [] for row in rows}
    for _ in range(rounds):
        for row, measured in found.items():
            side = Side(HERE.parent, row)
            side.measure()
            if why := side.end():
                print(f"  {row}: {why}", flush=True)
            measured += side.found
    return {
        row: {
            name: (max if name == "gb" else statistics.median)(one[name] for one in measured)
            for name in (measured[0] if measured else {})
        }
        for row, measured in found.items()
    }


def table(found: Mapping[str, Measured]) -> list[str]:
    """Lines of ways to fine-tune: memory, CPU time of a step, ratios to the full fine-tune.

    ``expected_gb`` is that of weights, optimiser and activations, without the program: what a GPU
    holds.
    """
    full = found.get("full", {})
    lines = [f"  {'':<38}{'GB':>8}{'ratio':>7}{'CPU s':>8}{'ratio':>7}{'expected GB':>13}"]
    for how, figures in found.items():
        cells = []
        for name, width in (("gb", 8), ("cpu", 8)):
            value, whole = figures.get(name), full.get(name)
            cells.append(f"{'-' if value is None else format(value, '.2f'):>{width}}")
            cells.append(f"{format(value / whole, '.2f') if value and whole else '-':>7}")
        expected = figures.get("expected_gb", float("nan"))
        fits = f" fits {SMALL_GB:g} GB" if expected < SMALL_GB else ""
        lines.append(f"  {how:<38}{''.join(cells)}{expected:>13.1f}{fits}")
    return lines


def stored_sizes(size: str) -> tuple[float, float]:
    """Sizes (MB) of an adapter of rank 16 and of the folder of its model, both in float16."""
    from jasco.training.flow.adapter import AdapterSettings, attach, write_adapter

    model = random_400m(torch.device("cpu"), size)
    with tempfile.TemporaryDirectory() as scratch:
        folder = model.save_pretrained(Path(scratch, "model"), dtype="float16")
        whole = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
        attach(model, AdapterSettings(), {})
        adapter = (write_adapter(model, Path(scratch, "adapter")) / WEIGHTS).stat().st_size
    return adapter / 1e6, whole / 1e6
