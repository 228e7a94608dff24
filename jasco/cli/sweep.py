"""Table of the runs of ``jasco-train --multirun``, with their figures at the end."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from jasco.io.atomic import write_text

ROW = "row.json"
"""File in the folder of a run, its words and figures."""
TABLE = "table.csv"
"""File in the folder of the sweep."""
FIGURES = ("val/loss", "adherence/")
"""Beginnings of the names of the figures in the logs."""


class SweepTable(Callback):
    """Table of a sweep: rewritten after each run, also by launchers, and printed at the end.

    Its columns are the words in which the runs differ, their last validation loss, their adherence
    where samples are scored, and the size of their adapters.
    """

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Write the row of a run that was begun, and the table."""
        folder = Path(config.hydra.runtime.output_dir)
        if config.hydra.mode == RunMode.MULTIRUN and any(folder.iterdir()):
            words = [word.lstrip("+~").split("=", 1) for word in config.hydra.overrides.task]
            row = {word[0]: word[-1] for word in words} | figures(folder)
            write_text(folder / ROW, json.dumps(row) + "\n")
            rows = read_rows(folder.parent)
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            write_text(folder.parent / TABLE, text.getvalue())

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print the table."""
        folder = Path(config.hydra.sweep.dir).absolute()
        rows = read_rows(folder)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(f"{x:>{width}}" for x, width in zip(row, widths, strict=True)))
        print(folder / TABLE, flush=True)


def read_rows(folder: Path) -> list[list[str]]:
    """Header and rows of the table of a sweep, in the order of its runs."""
    paths = sorted(folder.glob(f"*/{ROW}"), key=lambda path: (len(path.parent.name), path))
    rows = [{"run": path.parent.name} | json.loads(path.read_text()) for path in paths]
    names = list(dict.fromkeys(name for row in rows for name in row))
    kept = [
        name
        for name in names
        if name in ("run", "adapter MB")
        or name.startswith(FIGURES)
        or len({row.get(name) for row in rows}) > 1
    ]
    return [kept, *([row.get(name, "-") for name in kept] for row in rows)]


def figures(run: Path) -> dict[str, str]:
    """Last figures in the logs of a run, and the size of its adapter (MB)."""
    from jasco.adapters.reading import FOLDER, WEIGHTS
    from jasco.training.metrics_file import METRICS

    found: dict[str, str] = {}
    logs = sorted(run.glob(f"logs/*/{METRICS}"), key=lambda path: (len(path.parent.name), path))
    for path in logs:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                named = {name: value for name, value in row.items() if name.startswith(FIGURES)}
                found |= {name: f"{float(value):.4f}" for name, value in named.items() if value}
    adapter = run / FOLDER / WEIGHTS
    if adapter.is_file():
        found["adapter MB"] = f"{adapter.stat().st_size / 1e6:.3g}"
    return found
