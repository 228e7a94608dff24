"""Chart of a request: its chords and melody become controls of the clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jasco.charts import Chart, load_chart
from jasco.charts.formats import is_link
from jasco.errors import ChartError, shortened

CHART_CONTROLS = ("chords", "melody")
"""Controls that a chart gives."""

CHART_KEYS: dict[str, tuple[type | tuple[type, ...], str, str]] = {
    "chart": (
        (str, Path),
        "the path of a chart",
        "lead sheet with chords and melody",
    ),
    "song": ((int, str), "the number or the title of a song", "song of a chart that holds several"),
    "bars": (
        (str, int),
        'bars of the chart such as "9-16"',
        "bars of --chart or --edit, 9-16; of --loop their number",
    ),
    "transpose": (int, "semitones", "transposition of the chart (semitones)"),
    "chart_parts": (
        str,
        '"chords", "melody" or "chords,melody"',
        "parts of the chart that are used: chords, melody; default: both",
    ),
}
"""Keys of a request about its chart: types, the same in words, and the line of ``--help``."""


def with_chart(
    values: Mapping[str, Any],
    files: list[Path],
    charts: list[Chart] | None = None,
    *,
    sets_duration: bool = True,
) -> dict[str, Any]:
    """Values of a request with the controls of its chart in place of the chart.

    Controls that the request gives itself go before those of the chart, and ``bpm`` is the tempo of
    both.

    Args:
        values: of the request, by key.
        files: receives the file of the chart.
        charts: receives the chart, its bars selected.
        sets_duration: the clip lasts as long as the bars of the chart, where nothing else is said.

    Raises:
        ChartError: the chart cannot be read, or a key about it is given without one.
    """
    kept = {key: value for key, value in values.items() if key not in CHART_KEYS}
    if "chart" not in values:
        if given := [key for key in CHART_KEYS if key in values]:
            raise ChartError(f"{', '.join(given)} choose of a chart: give one as chart (--chart)")
        return kept
    names = [part.strip() for part in values.get("chart_parts", "chords,melody").split(",")]
    if not set(names) <= set(CHART_CONTROLS):
        raise ChartError(
            f"chart_parts is {shortened(values['chart_parts'])}: give chords, melody or both, "
            "parted by a comma"
        )
    chart = load_chart(values["chart"], song=values.get("song"))
    if not is_link(values["chart"]):
        files.append(Path(values["chart"]))
    chart = chart.selected(values.get("bars"), values.get("transpose", 0), values.get("bpm"))
    if charts is not None:
        charts.append(chart)
    parts = chart.controls()
    used = [name for name in names if name in parts]
    if not used:
        raise ChartError(f"chart_parts is {', '.join(names)}: these bars have {', '.join(parts)}")
    added = {
        name: parts[name] for name in used if name not in values and f"{name}_from" not in values
    }
    if "melody" in added and "chords" not in added:
        added = replace(chart, chords=()).controls()  # with the notes of the chart
    if "chords" not in values:
        kept.pop("bpm", None)
    length = chart.seconds(chart.end) - values.get("start", 0.0)
    if sets_duration and "crop" not in values and length > 0:
        kept.setdefault("duration", length)
    return {**added, **kept}
