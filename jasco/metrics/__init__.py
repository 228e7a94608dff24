"""Metrics, one concept per module: each compares a reference with an estimate, both plain data.

Metrics of one item have a function ``compute(reference, estimate)``, which returns a dict of
numbers, ``nan`` where the metric is not defined for the item; `jasco.metrics.scores.Scores`
accumulates them over items and returns means with confidence intervals.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TakeMetric:
    """Metric of the takes of an evaluation beside those of the controls.

    Attributes:
        compute: dotted path of a function that returns scores by name. It takes the audio of a
            take, or the audio of the original recording and that of the take.
        paired: the function takes both.
    """

    compute: str
    paired: bool = False


TAKE_METRICS: dict[str, TakeMetric] = {
    "chroma": TakeMetric("jasco.adherence.chroma.compare", paired=True),
    "signal": TakeMetric("jasco.metrics.signal.measure"),
}
"""Metrics of takes by name; their scores are named ``METRIC.SCORE``."""
