"""SVG chart of means with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH = 760
"""Width of a chart (pixels)."""

_LEFT = 150  # room for labels
_ROW = 22


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


def _open(height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'width="{WIDTH}" height="{height:.0f}">'
    )


def _line(x_1: float, y_1: float, x_2: float, y_2: float, kind: str) -> str:
    place = f'x1="{x_1:.1f}" y1="{y_1:.1f}" x2="{x_2:.1f}" y2="{y_2:.1f}"'
    return f'<line {place} class="{kind}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
