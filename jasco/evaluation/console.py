"""Tables of a report for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jasco.evaluation.summary import floors

_EMPTY = "-"


def title(report: Mapping[str, Any]) -> str:
    """Name of the evaluated model, and of its adapters with their weights."""
    checkpoint = report["frozen"]["checkpoint"]
    adapters = [f"{one['name']}:{one['scale']:g}" for one in checkpoint.get("adapters", ())]
    return " with ".join(filter(None, [str(checkpoint["name"]), ", ".join(adapters)]))


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Table of all metrics, and of the published figures if the report has some."""
    yield from _aligned(score_table(report))
    if "published" in report:
        yield ""
        yield from _aligned(published(report))


def score_table(report: Mapping[str, Any]) -> list[list[str]]:
    """Rows of metrics: ceiling, settings, and the floors of the first setting."""
    settings, first = list(report["scores"]), report["frozen"]["settings"][0]
    rows = [["metric", *settings, "floor: shuffled", "floor: dropped"]]
    for metric in metric_names(report):
        floor = floors(report, first, metric)
        found = [report["scores"][setting].get(metric) for setting in settings]
        rows.append([metric, *map(cell, (*found, floor.get("shuffled"), floor.get("dropped")))])
    return rows


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()


def published(report: Mapping[str, Any]) -> list[list[str]]:
    """Rows of published figures and of the run, after a header row."""
    columns, figures = report["published"]["columns"], report["published"]["figures"]
    rows = [["", *columns]]
    for model, settings in figures.items():
        rows += [[f"{model}, {s}", *map(number, values)] for s, values in settings.items()]
    settings = dict.fromkeys(setting for table in figures.values() for setting in table)
    for setting in settings:
        scores = report["scores"].get(setting, {})
        rows.append([f"this run, {setting}", *(cell(scores.get(m)) for m in columns.values())])
    return rows


def times(report: Mapping[str, Any]) -> str:
    """Times of the parts of a run."""
    spent = report["times"]
    return (
        f"{spent['total']:.0f} s: flow {spent['flow']:.1f} s, codec {spent['codec']:.1f} s, "
        f"embedding {spent['embedding']:.1f} s, "
        f"scoring {spent['scoring']:.1f} s in {spent['workers']} parallel processes, of which "
        f"{spent['waiting']:.1f} s were waited for"
    )


def metric_names(report: Mapping[str, Any]) -> list[str]:
    """Names of all metrics, in order of first appearance."""
    tables = report["scores"].values()
    return list(dict.fromkeys(metric for table in tables for metric in table))


def cell(interval: Mapping[str, Any] | None) -> str:
    """Mean with its interval."""
    if not interval or interval["mean"] is None:
        return _EMPTY
    mean = number(interval["mean"])
    if interval["low"] is None:
        return mean
    return f"{mean} [{number(interval['low'])}, {number(interval['high'])}]"


def number(value: float) -> str:
    """Number with three decimals below 100, else without."""
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
