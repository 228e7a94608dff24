"""SVG charts: means with intervals, and requested above extracted controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from jasco.melody import LOWEST_NOTE, NUM_NOTES

WIDTH = 760
"""Width of a chart (pixels)."""

_LEFT, _RIGHT = 150, 24  # room for labels
_ROW = 22
_LANE = 18
_ROLL = 106  # two pixels per note
_CLASS = 6  # pixels per pitch class, where octaves are unknown
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def intervals(rows: Sequence[tuple[str, str, Mapping[str, Any] | None]], title: str) -> str:
    """Chart of a dot for each mean and a line for its interval, on a common axis.

    Args:
        rows: (label, CSS class, interval of a report); rows without a mean are skipped.
        title: text for screen readers.
    """
    shown = [(label, kind, i) for label, kind, i in rows if i and i["mean"] is not None]
    values = [i[key] for _, _, i in shown for key in ("mean", "low", "high") if i[key] is not None]
    if not values:
        return ""
    low, high = min(0.0, *values), max(values)
    if low == 0.0 and 0.2 < high <= 1.0:
        high = 1.0  # the axis of shares ends at 1
    high = high if high > low else low + 1.0
    scale = (WIDTH - _LEFT - 70) / (high - low)
    height = _ROW * len(shown) + 24

    def x(value: float) -> float:
        return _LEFT + (value - low) * scale

    parts = [_open(height, title)]
    for place in range(5):
        value = low + (high - low) * place / 4
        parts.append(_line(x(value), 0, x(value), height - 20, "grid"))
        parts.append(_text(x(value), height - 6, f"{value:.3g}", "tick"))
    for row, (label, kind, interval) in enumerate(shown):
        y = _ROW * row + _ROW / 2
        parts.append(_text(_LEFT - 10, y + 4, label, "label"))
        if interval["low"] is not None:
            parts.append(_line(x(interval["low"]), y, x(interval["high"]), y, f"bar {kind}"))
        parts.append(
            f'<circle cx="{x(interval["mean"]):.1f}" cy="{y:.1f}" r="4.5" class="{kind}"/>'
        )
        at = x(interval["high"] if interval["high"] is not None else interval["mean"])
        parts.append(_text(at + 8, y + 4, f"{interval['mean']:.3g}", "value"))
    return "".join([*parts, "</svg>"])


def compared(
    requested: Mapping[str, Any], extracted: Mapping[str, Any], duration: float, frame_rate: float
) -> str:
    """Chart of requested and extracted controls in lanes over the time of a clip.

    Args:
        requested: controls from `jasco.evaluation.scoring.plain`.
        extracted: controls of the same form; a control that is absent here is not drawn.
        duration: length of the clip (s).
        frame_rate: frames per second of the melody (Hz).
    """
    scale = (WIDTH - _LEFT - _RIGHT) / duration
    parts: list[str] = []
    y = 4.0
    if "chords" in extracted and "chords" in requested:
        for name, side in (("requested", requested), ("extracted", extracted)):
            parts += _chords(side["chords"], name, y, scale)
            y += _LANE + 4
        y += 8
    if "onsets" in extracted and "onsets" in requested:
        for name, side in (("requested", requested), ("extracted", extracted)):
            parts.append(_text(_LEFT - 10, y + 13, f"drums {name}", "label"))
            places = [_LEFT + time * scale for time in side["onsets"] if time <= duration]
            parts += [_line(x, y, x, y + _LANE, f"hit {name}") for x in places]
            y += _LANE + 4
        y += 8
    rows = "rows" if "rows" in extracted else "pitch_classes"
    if rows in extracted and rows in requested:
        step = scale / frame_rate
        parts += _melody(requested[rows], extracted[rows], y, step, whole=rows == "rows")
        y += (_ROLL if rows == "rows" else 12 * _CLASS) + 8
    seconds = range(0, int(duration) + 1, max(1, round(duration / 10)))
    ticks = [_text(_LEFT + s * scale, y + 12, f"{s} s", "tick") for s in seconds]
    title = "requested and extracted"
    return "".join([_open(y + 18, title), *parts, *ticks, "</svg>"]) if parts else ""


def _chords(segments: Sequence[Any], name: str, y: float, scale: float) -> Iterator[str]:
    yield _text(_LEFT - 10, y + 13, f"chords {name}", "label")
    for start, end, label in segments:
        x, width = _LEFT + start * scale, max((end - start) * scale - 1, 1)
        silent = " silent" if label == "N" else ""
        yield _rect(x, y, width, _LANE, f"chord {name}{silent}", f"{label}, {start:g} to {end:g} s")
        if width > 7 * len(label) + 6:
            yield _text(x + 4, y + 13, label, "name")


def _melody(
    requested: Sequence[Any], extracted: Sequence[Any], y: float, step: float, *, whole: bool
) -> Iterator[str]:
    size = _ROLL / NUM_NOTES if whole else _CLASS
    count = NUM_NOTES if whole else 12
    yield _rect(_LEFT, y, WIDTH - _LEFT - _RIGHT, size * count, "roll", "melody")
    yield _text(_LEFT - 10, y + 13, "melody", "label")
    for name, runs, thick in (("requested", requested, 2.2), ("extracted", extracted, 1.0)):
        for start, stop, row in runs:
            note = (row + LOWEST_NOTE) % 12 if whole else row
            title = f"{_NAMES[note]} {name}"
            top = y + size * (count - 1 - row) + size * (1 - thick) / 2
            place = _LEFT + start * step
            yield _rect(place, top, (stop - start) * step, size * thick, f"note {name}", title)


def _open(height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'width="{WIDTH}" height="{height:.0f}">'
    )


def _line(x_1: float, y_1: float, x_2: float, y_2: float, kind: str) -> str:
    place = f'x1="{x_1:.1f}" y1="{y_1:.1f}" x2="{x_2:.1f}" y2="{y_2:.1f}"'
    return f'<line {place} class="{kind}"/>'


def _rect(x: float, y: float, width: float, height: float, kind: str, title: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} class="{kind}"><title>{escape(title)}</title></rect>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
