"""Charts: lead sheets of other programs, with their bars, tempo, chords and melody in time."""

from jasco.charts.chart import Bar, Chart, ChartChord, ChartNote, Section, TempoChange
from jasco.charts.formats import load_chart, save_chart

__all__ = [
    "Bar",
    "Chart",
    "ChartChord",
    "ChartNote",
    "Section",
    "TempoChange",
    "load_chart",
    "save_chart",
]
