"""Takes of the page: generated as jobs whose events are JSON, and compared with what was asked."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import cache
from typing import Any

from jasco.adherence import AdherenceReport, ControlExtractor
from jasco.adherence.controls import comparison
from jasco.audio import load_audio, loudness, probe, read_recipe
from jasco.chords import ChordProgression
from jasco.errors import JascoError, SettingError
from jasco.notices import describe, printable
from jasco.pipeline.adapters import RequestAdapters
from jasco.pipeline.check import Checker
from jasco.pipeline.events import Failure, Note, Saved
from jasco.pipeline.jobs import Sound, Step, run_job
from jasco.pipeline.plan import GPU_BATCH, Plan
from jasco.pipeline.reading import Sources, check_fit
from jasco.pipeline.request import Request
from jasco.pipeline.takes import Reader
from jasco.session.build import make_session
from jasco.session.save import save_session
from jasco.studio.models import Models
from jasco.studio.requests import values_of
from jasco.studio.workspace import Kept, Workspace

Plain = dict[str, Any]

"""Most candidates of one take that a GPU generates together."""

_OF_THE_WORK = ("adapter", "best_of", "edit", "stream")
_CLOSELY = ((0.85, "closely"), (0.6, "mostly"), (0.35, "loosely"), (-1.0, "hardly"))
_MEANINGS = {
    "chords": "{:.0%} of the time with the chord asked for",
    "drums": "{:.0%} agreement of the strokes",
    "melody": "{:.0%} of the time on the note asked for",
}


def answered(events: Iterator[Plain], workspace: Workspace) -> Iterator[Plain]:
    """Events, with the line of an error as the last of them."""
    try:
        yield from events
    except (JascoError, OSError) as error:
        yield {"event": "error", "text": workspace.shown(printable(describe(error)))}


def generate(page: Any, models: Models, workspace: Workspace) -> Generator[Plain]:
    """Generate the take of a request of the page; closing the generator ends the work.

    Yields:
        ``note``, ``step`` (done, total, left in s) and ``sound`` (a piece of a wav file in base64)
        as they occur, then ``take``.

    Raises:
        JascoError: the request cannot be met.
    """
    started = time.perf_counter()
    is_stream = isinstance(page, Mapping) and bool(page.get("stream"))
    kept = workspace.place("take.wav" if is_stream else "take.flac")
    pieces: list[bytes] = []
    saved: Saved | None = None
    model = models.get()
    try:
        request = Request.build(values_of(page, workspace, kept.path, models.adapters))
        check_fit([request], model)
        asked = [request] if request.adapters else []
        adapters = RequestAdapters(asked, model, models.hub) if asked else None
        checker = Checker([request], model.device) if request.best_of > 1 else None
        batch = 1 if model.device.type == "cpu" else GPU_BATCH
        job = run_job(
            Plan([request]),
            model,
            Reader(model, alone=True),
            batch_size=batch,
            checker=checker,
            adapters=adapters,
        )
        with closing(job):
            for event in job:
                if isinstance(event, Step):
                    yield {"event": "step", **asdict(event)}
                elif isinstance(event, Sound):
                    pieces.append(event.data)
                    yield {"event": "sound", "data": base64.b64encode(event.data).decode()}
                elif isinstance(event, Note):
                    yield {"event": "note", "text": workspace.shown(printable(str(event)))}
                elif isinstance(event, Failure):
                    raise event.error
                elif isinstance(event, Saved):
                    saved = event
        if pieces:
            kept.path.write_bytes(b"".join(pieces))
        take = facts_of(kept) | {"seconds": round(time.perf_counter() - started, 2)}
        if saved is not None and saved.chosen.report is not None:
            take["report"] = plain_report(saved.chosen.report)
            take["tried"] = len(saved.scores)
        yield {"event": "take", **take}
    except BaseException:
        workspace.drop(kept.id)
        raise
    finally:
        model.unload_adapter()


def facts_of(kept: Kept) -> Plain:
    """Facts of the file of a take, with its recipe and loudness (LUFS; ``None`` for silence)."""
    recipe, level = read_recipe(kept.path), loudness(load_audio(kept.path))
    return {
        "id": kept.id,
        "duration": probe(kept.path).duration,
        "loudness": round(level, 2) if math.isfinite(level) else None,
        "recipe": recipe,
        "seed": None if recipe is None else recipe.get("seed"),
    }


def check(page: Any, take: Any, workspace: Workspace) -> Plain:
    """Report of a take on the controls of a request of the page.

    Raises:
        JascoError: the take or a file of the request is not there.
    """
    audio = load_audio(workspace.file(take).path)
    if not isinstance(page, Mapping):
        raise SettingError("the request of the take is a JSON object")
    plain = {key: value for key, value in page.items() if key not in _OF_THE_WORK}
    request = Request.build(values_of(plain, workspace, workspace.file(take).path))
    given = Sources(request).clip(audio.duration)
    return plain_report(AdherenceReport.check(audio, given, _extractor()))


def plain_report(report: AdherenceReport) -> Plain:
    """Lanes of a report (times in s), and its main scores in words."""
    lanes: Plain = {}
    words: Plain = {}
    for control in report.compared:
        sides = report.requested[control], report.extracted[control]
        lanes[control] = [_named(comparison(control).plain(side)) for side in sides]
        score = report.main.get(control)
        if score is None:
            words[control] = {"score": None, "line": "not scored: there is nothing to compare"}
            continue
        how = next(word for least, word in _CLOSELY if score >= least)
        meaning = _MEANINGS.get(control, "score {:.2f}").format(score)
        words[control] = {"score": round(score, 3), "line": f"followed {how}: {meaning}"}
    return {"lanes": lanes, "words": words, "missing": dict(report.missing)}


def save_session_of(kept: Kept, workspace: Workspace, title: str) -> Kept:
    """Session of a take for other music programs, as one DAWproject file."""
    project = workspace.place(f"{title or 'take'}.dawproject")
    recipe = read_recipe(kept.path) or {}
    save_session(make_session(load_audio(kept.path), recipe, title=title or "take"), project.path)
    return project


@cache
def _extractor() -> ControlExtractor:
    return ControlExtractor.load()


def _named(side: Plain) -> Plain:
    """Side whose chords are named as in the vocabulary."""
    if not side.get("chords"):
        return side
    pairs = [(label, start) for start, _, label in side["chords"]]
    names = ChordProgression.from_pairs(pairs).names
    segments = [[s, e, name] for (s, e, _), name in zip(side["chords"], names, strict=True)]
    return {**side, "chords": segments}
