"""CSV logger with one file for each start of a run."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from jasco.io.atomic import write_text

METRICS = "metrics.csv"


class MetricsFile(Logger):
    """Logger of rows in ``FOLDER/version_N/metrics.csv``, with a new N at each start.

    Lightning's `CSVLogger` keeps up to 100 rows in memory and overwrites the whole file for a new
    column. Here each row is written at once, and a file is readable after a kill at any moment.

    Args:
        folder: folder of all versions.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.columns: list[str] = []
        self._version: int | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def version(self) -> int:
        """Number of this start: one more than the last version with rows."""
        if self._version is None:
            used = [path.parent.name for path in self.folder.glob(f"version_*/{METRICS}")]
            numbers = [int(n) for name in used if (n := name.removeprefix("version_")).isdecimal()]
            self._version = max(numbers, default=-1) + 1
        return self._version

    @property
    def path(self) -> Path:
        """CSV file of this start."""
        return self.folder / f"version_{self.version}" / METRICS

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Ignore hyperparameters: the run folder holds the configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write a row.

        Args:
            metrics: values by name.
            step: number of steps before this one.
        """
        row = {**metrics, "step": 0 if step is None else step}
        new = sorted(row.keys() - set(self.columns))
        if not new:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                file.write(self._text([row]))
            return
        rows: list[dict[str, Any]] = []
        if self.columns:
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        self.columns = sorted({*self.columns, *row})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        header = self._text([dict(zip(self.columns, self.columns, strict=True))])
        write_text(self.path, header + self._text([*rows, row]))

    def _text(self, rows: list[dict[str, Any]]) -> str:
        text = io.StringIO(newline="")
        csv.DictWriter(text, self.columns).writerows(rows)
        return text.getvalue()
