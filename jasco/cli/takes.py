"""Events of the takes as lines: files and scores on stdout, notes and failures on stderr."""

from __future__ import annotations

import math
from collections.abc import Mapping

from jasco.audio import loudness
from jasco.notices import describe, show, tell
from jasco.pipeline.events import Drawn, Event, Failure, Kept, Saved, Streamed
from jasco.pipeline.loops import STDOUT


def print_event(event: Event, *, load: float) -> None:
    """Print an event.

    Args:
        event: event of `jasco.pipeline.takes.make_takes`.
        load: time in which the model was loaded (s).
    """
    if isinstance(event, Saved):
        for line in _lines(event, load):
            show(line)
    elif isinstance(event, Streamed):
        (tell if str(event.path) == STDOUT else show)(_stream_line(event, load))
    elif isinstance(event, Drawn):
        show(f"  picture {event.path}")
    elif isinstance(event, Kept):
        show(f"  session {event.path}")
    elif isinstance(event, Failure):
        tell(f"error: {describe(event.error)}")
    else:
        tell(str(event))


def _stream_line(event: Streamed, load: float) -> str:
    """File, seed, level, length and times of a stream."""
    level = "left at its level"
    if event.gain is not None:
        level = f"gain {event.gain:+.1f} dB from its first window, {_loudness(event.level)}"
    return (
        f"{event.path}: seed {event.seed}, {level}, {event.duration:.2f} s; "
        f"{_times({'load': load, **event.seconds})}, first audio after {event.first:.1f} s"
    )


def _loudness(level: float) -> str:
    return f"{level:.1f} LUFS" if math.isfinite(level) else "silent or too short for a loudness"


def _times(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {s:.1f} s" for stage, s in seconds.items())


def _lines(saved: Saved, load: float) -> list[str]:
    """File, seed, loudness, length and times of a take, then its scores."""
    chosen = saved.chosen
    loud = _loudness(loudness(chosen.audio))
    stages = _times({"load": load, **saved.seconds})
    together = f" (batch of {saved.batch})" if saved.batch > 1 else ""
    lines = [
        f"{saved.take.path}: seed {chosen.seed}, {loud}, {chosen.audio.duration:.2f} s; "
        f"{stages}{together}"
    ]
    if len(saved.scores) > 1:
        tried = ", ".join(f"{seed} {_number(score)}" for seed, score in saved.scores.items())
        lines.append(f"  best of {len(saved.scores)} seeds: {tried}")
    if chosen.report is not None:
        lines += [f"  {line}" for line in chosen.report.lines()]
    return lines


def _number(score: float) -> str:
    return "not scored" if math.isnan(score) else f"{score:.3f}"
