"""Logs of a run: rows are written at once, to a new file for each start."""

from __future__ import annotations

import csv

import pytest

from jasco.training.callbacks import format_duration
from jasco.training.metrics_file import MetricsFile


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_start_without_rows_leaves_nothing(tmp_path):
    for _ in range(3):
        assert MetricsFile(tmp_path / "logs").version == 0
    assert not list(tmp_path.iterdir())


def test_each_row_is_there_at_once_and_new_columns_keep_the_old(tmp_path):
    log = MetricsFile(tmp_path / "logs")
    log.log_metrics({"train/loss": 2.0}, 0)
    assert rows(log.path) == [{"step": "0", "train/loss": "2.0"}]
    log.log_metrics({"train/loss": 1.5}, 1)
    log.log_metrics({"val/loss": 1.25}, 1)
    log.log_metrics({"train/loss": 1.0}, 2)
    assert [row["train/loss"] for row in rows(log.path)] == ["2.0", "1.5", "", "1.0"]
    assert [row["val/loss"] for row in rows(log.path)] == ["", "", "1.25", ""]
    assert [path.name for path in log.path.parent.iterdir()] == ["metrics.csv"]


def test_the_next_start_has_the_next_file(tmp_path):
    (tmp_path / "logs" / "version_7").mkdir(parents=True)  # empty, of an older version of Jasco
    for number in range(2):
        log = MetricsFile(tmp_path / "logs")
        log.log_metrics({"train/loss": 1.0}, number)
        assert log.path.parent.name == f"version_{number}"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0625, "0.062 s"), (2.449, "2.4 s"), (80, "80 s"), (720, "12 min"), (9000, "2.5 h"),
     (244800, "2.8 days")],
)  # fmt: skip
def test_durations_in_words(seconds, said):
    assert format_duration(seconds) == said
