"""Losses and other figures of a run as CSV, in a file of their own for each start of the run."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from jasco.io.atomic import write_text

METRICS = "metrics.csv"


class MetricsFile(Logger):
    """Logger of rows in ``FOLDER/version_N/metrics.csv``; N is one more than at the last start.

    In place of Lightning's `CSVLogger`, which makes the folder before there is a row, keeps up to
    100 rows in memory, and writes the whole file over itself when a column is new. Here each row
    is on the disk at once, and a kill at any moment leaves a file that can be read.

    Args:
        folder: of all versions.
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
        """Number of this start: one more than the last that has rows."""
        if self._version is None:
            used = [path.parent.name for path in self.folder.glob(f"version_*/{METRICS}")]
            numbers = [int(n) for name in used if (n := name.removeprefix("version_")).isdecimal()]
            self._version = max(numbers, default=-1) + 1
        return self._version

    @property
    def path(self) -> Path:
        """The file that this start writes."""
        return self.folder / f"version_{self.version}" / METRICS

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Keep nothing: the run's folder has its configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write a row.

        Args:
            metrics: values by their names.
            step: steps before this one, as Lightning counts.
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
