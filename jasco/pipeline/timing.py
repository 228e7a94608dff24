"""Tempo, metre, key and chart of a clip, and the session that bears them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jasco.charts import Chart

SESSION_TYPES = ((str, Path), "the path of a folder, or of a .dawproject or .rpp file")
_KEYS = ("bpm", "time_signature", "key")


@dataclass(frozen=True)
class Timing:
    """Facts of a clip that the conditions do not hold.

    Attributes:
        tempo: ``bpm``, ``time_signature`` and ``key``, as given.
        chart: chart that the clip plays from its beginning on.
        session: session to write; ``None`` for none.
    """

    tempo: Mapping[str, Any] = field(default_factory=dict)
    chart: Chart | None = None
    session: Path | None = None

    @classmethod
    def of(
        cls, values: Mapping[str, Any], charts: Sequence[Chart], *, start: float, is_edit: bool
    ) -> Timing:
        """Facts of a clip.

        Args:
            values: of its request, by key.
            charts: chart that it plays, or none.
            start: start of the clip in its chart (s); after 0 the chart is not that of the clip.
            is_edit: tempo and chart are those of a range of the take.
        """
        tempo = {} if is_edit else {key: values[key] for key in _KEYS if key in values}
        chart = charts[0] if charts and not start and not is_edit else None
        session = values.get("session")
        return cls(tempo, chart, None if session is None else Path(session))
