"""Onsets of charts in a short form, for tables of tests."""

from __future__ import annotations

from jasco.charts import Chart


def shown(chart: Chart) -> str:
    """Chords bar by bar, each with its offset in quarter notes unless it is 0: ``C G@2 | F``."""
    bars = []
    for bar in chart.bars:
        inside = [c for c in chart.chords if bar.onset <= c.onset < bar.onset + bar.length]
        bars.append(
            " ".join(c.name + f"@{c.onset - bar.onset}" * (c.onset > bar.onset) for c in inside)
        )
    return " | ".join(bars)
