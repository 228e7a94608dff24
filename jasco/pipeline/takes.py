"""Takes of requests: generated in batches, checked and saved."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import torch

from jasco.audio import Audio, normalize_loudness, save_audio
from jasco.audio.credentials import Credential
from jasco.audio.loops import normalize_loop
from jasco.audio.marks import source_type
from jasco.conditions import ConditionBatch, Conditions
from jasco.errors import JascoError
from jasco.flow import Solver, make_solver
from jasco.flow.solvers import Callback
from jasco.generation import Generation
from jasco.model import Jasco
from jasco.pipeline.adapters import RequestAdapters
from jasco.pipeline.events import (
    Candidate,
    Event,
    Failure,
    Note,
    Saved,
    Streamed,
    noted_warnings,
)
from jasco.pipeline.loops import STDOUT
from jasco.pipeline.plan import Take as PlannedTake
from jasco.pipeline.plan import groups
from jasco.pipeline.reading import Sources
from jasco.pipeline.request import Request, labelled
from jasco.pipeline.sessions import tempo_tags, write_session
from jasco.song.bars import bars_of
from jasco.song.curves import guidance_over
from jasco.song.edit import Edit
from jasco.song.editing import regenerate, with_further_chords
from jasco.song.looping import frames_of_loop, generate_loop, repeated
from jasco.song.sections import spans_of
from jasco.song.streaming import SongStream
from jasco.song.take import Take

if TYPE_CHECKING:
    from jasco.pipeline.check import Checker


@dataclass
class Stopwatch:
    """Seconds of each stage, in order."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def end(self, stage: str) -> None:
        """End a stage that began where the last one ended."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        self.seconds[stage] = now - self.started
        self.started = now


class Attempt(NamedTuple):
    """One seed of a take."""

    take: PlannedTake
    seed: int


@dataclass(frozen=True, eq=False)
class Encoded:
    """Request in the forms that its takes share, each made once.

    Attributes:
        given: conditions with drums as audio, for the check.
        coded: conditions with drums as codes, for the recipe.
        batch: encoded conditions, of one item.
        take, edit: take that is edited, and its edit; ``None`` for a take of its own.
    """

    given: Conditions
    coded: Conditions
    batch: ConditionBatch
    take: Take | None = None
    edit: Edit | None = None


class Reader:
    """Reads and encodes the requests of a batch, each once for its consecutive takes.

    Where there are several requests, one that cannot be read costs its own takes only.

    Args:
        model: model that the requests fit.
        alone: there is one request, whose error ends the run.
        first: sources of the first request, where they are read already.
    """

    def __init__(self, model: Jasco, *, alone: bool, first: Sources | None = None) -> None:
        self.model, self.alone, self.first = model, alone, first
        self._failed: Request | None = None
        self._known: dict[Request, Encoded] = {}

    def read(self, requests: Iterable[Request]) -> Generator[Event, None, dict[Request, Encoded]]:
        """Requests of a batch, without those that cannot be read; yields notes and failures."""
        found = {}
        for request in requests:
            if request is self._failed:
                continue  # its takes are consecutive
            try:
                found[request] = self._known.get(request) or (yield from self._encode(request))
            except (JascoError, OSError) as error:
                if self.alone:
                    raise
                self._failed = request
                yield Failure(request, error)
        self._known = found
        return found

    def _encode(self, request: Request) -> Generator[Event, None, Encoded]:
        """Read the files of a request, encode it, and note what had to be changed."""
        model = self.model
        known = self.first is not None and self.first.request is request
        sources = self.first if known and self.first is not None else Sources(request)
        self.first = None
        edit = sources.edit
        if request.loop is not None:
            frames = frames_of_loop(request.loop, model.codec)
        else:
            frames = model.num_frames(request.duration if edit is None else edit.longest)
        length = frames / model.frame_rate
        given = sources.clip(length)
        if edit is not None and sources.take is not None:
            asked, given = given, with_further_chords(given, sources.take, edit, model.controls)
            if asked.chords is not given.chords:
                yield Note("chords: those of the take go on", request.label)
        spans_of(request.sections, given, length)  # errors come before the first take
        if edit is None and request.loop is None:
            guidance = request.guidance or model.guidance
            guidance_over(guidance, frames, model.frame_rate, bars_of(given, length))
        if request.loop is not None:
            given = repeated(given, request.loop)
        with labelled(request.label), torch.no_grad():
            coded = model.with_codes(given, frames)
            batch = model.encode([coded], frames)
        for line in (*sources.notices(length), *given.notes(frames, model.frame_rate)):
            yield Note(line, request.label)
        return Encoded(given, coded, batch, sources.take, edit)


def make_takes(
    takes: Iterable[PlannedTake],
    model: Jasco,
    reader: Reader,
    *,
    batch_size: int,
    keep_recipe: bool = True,
    credential: Credential | None = None,
    checker: Checker | None = None,
    adapters: RequestAdapters | None = None,
    progress: bool = False,
    pipe: BinaryIO | None = None,
    callback: Callback | None = None,
) -> Iterator[Event]:
    """Generate and save takes.

    Args:
        takes: in the order to make them in.
        model: generates them.
        reader: reader of their requests.
        batch_size: most seeds to run together.
        keep_recipe: write the recipe into the file.
        credential: certificate that signs the C2PA manifests of files and sessions.
        checker: checker of the takes that are checked.
        adapters: adapters of the requests; ``None`` where they have none.
        progress: show a bar of the solver's steps on stderr.
        pipe: file object of a stream whose output is `STDOUT`.
        callback: called after each step of the solver; an exception in it ends the work.

    Yields:
        `Streamed`, or `Saved` and, of a take that is checked, `Drawn`; `Note` and `Failure` where
        they occur.

    Raises:
        JascoError: a take cannot be made, or the only request not be read.
    """
    yield from checker.opening if checker is not None else ()
    best: Candidate | None = None
    scores: dict[int, float] = {}
    for attempts in _batches(takes, batch_size):
        watch = Stopwatch(model.device)
        if adapters is not None:
            adapters.use(attempts[0].take.request)
        found = yield from reader.read(dict.fromkeys(take.request for take, _ in attempts))
        batch = [attempt for attempt in attempts if attempt.take.request in found]
        if not batch:
            continue
        if batch[0].take.request.stream:
            for attempt in batch:
                encoded = found[attempt.take.request]
                file = pipe if str(attempt.take.path) == STDOUT else None
                show = progress, callback
                yield _streamed(attempt, encoded, model, watch, keep_recipe, show, file)
            continue
        out = _generate(batch, found, model, watch, progress, callback)
        for k, (take, seed) in enumerate(batch):
            watch.started = time.perf_counter()
            made = yield from _candidate(take, out[k])
            if take.checked and checker is not None:
                encoded = found[take.request]
                part = _new_part(made.audio, encoded.edit)
                report = checker.check(part, encoded.given)
                yield from checker.notes(report)
                recipe = made.recipe | {"scores": report.plain()}
                made = replace(made, recipe=recipe, report=report)
                scores[seed] = report.score
                watch.end("check")
            if best is None or made.rank > best.rank:
                best = made
            if seed != take.seeds[-1]:
                continue
            kept = best.recipe if keep_recipe else None
            mark = take.request.mark and source_type(best.recipe)
            if take.request.output is not None:
                with noted_warnings() as notes:
                    save_audio(
                        take.path,
                        *best.audio,
                        loudness=None,
                        recipe=kept,
                        loop=best.loop,
                        mark=mark,
                        tags=tempo_tags(take.request),
                        credential=credential,
                    )
                yield from notes
            given = found[take.request].given
            written = list(
                write_session(take, best, given, keep_recipe=keep_recipe, credential=credential)
            )
            watch.end("save")
            yield Saved(take, best, scores, dict(watch.seconds), len(batch))
            yield from written
            yield from checker.draw(take, best) if checker is not None else ()
            best, scores = None, {}


def _batches(takes: Iterable[PlannedTake], size: int) -> Iterator[list[Attempt]]:
    """Consecutive attempts of equal settings and near lengths, at most ``size`` together."""
    for group in groups(takes):
        attempts = (Attempt(take, seed) for take in group for seed in take.seeds)
        while alike := list(islice(attempts, size)):
            yield alike


def _generate(
    batch: Sequence[Attempt],
    found: Mapping[Request, Encoded],
    model: Jasco,
    watch: Stopwatch,
    progress: bool,
    callback: Callback | None,
) -> Generation:
    """Run one batch; the solver's steps are the stage ``flow``, all before it ``encode``."""
    requests = [take.request for take, _ in batch]
    first = found[requests[0]]
    places = [list(found).index(request) for request in requests]
    encoded = ConditionBatch.cat([request.batch for request in found.values()])
    watch.end("encode")

    def step(done: int, total: int) -> None:
        if done == total:
            watch.end("flow")
        if callback is not None:
            callback(done, total)

    settings: dict[str, Any] = {
        "solver": _solver(requests[0], model),
        "progress": progress,
        "callback": step,
    }
    alone = settings | {"seed": batch[0].seed, "num_samples": len(batch)}
    alone |= {"guidance": requests[0].guidance}
    if (loop := requests[0].loop) is not None:
        out = generate_loop(model, first.coded, loop, **alone)
    elif first.take is not None and first.edit is not None:
        out = regenerate(model, first.take, first.coded, first.edit, **alone)
    else:
        out = model.generate(
            [found[request].coded for request in requests],
            seed=[seed for _, seed in batch],
            duration=[request.duration for request in requests],
            sections=requests[0].sections,
            encoded=encoded.select(places),
            guidance=[request.guidance or model.guidance for request in requests],
            **settings,
        )
    watch.end("decode")
    return out


def _solver(request: Request, model: Jasco) -> Solver:
    return make_solver(request.solver, request.steps, request.shift, default=model.solver)


def _streamed(
    attempt: Attempt,
    encoded: Encoded,
    model: Jasco,
    watch: Stopwatch,
    keep_recipe: bool,
    show: tuple[bool, Callback | None],
    pipe: BinaryIO | None,
) -> Streamed:
    """Write one seed of a stream while it is generated."""
    (path, request), seed = (attempt.take.path, attempt.take.request), attempt.seed
    stream = SongStream(
        model,
        encoded.coded,
        seed=seed,
        solver=_solver(request, model),
        guidance=request.guidance,
        duration=request.duration,
        sections=request.sections,
        encoded=encoded.batch,
        progress=show[0],
        callback=show[1],
    )
    watch.end("encode")
    stream.save(pipe or path, loudness=request.loudness, recipe=keep_recipe, mark=request.mark)
    first = (stream.began or watch.started) - watch.started
    watch.end("stream")
    gain = None if request.loudness is None else stream.gain(request.loudness)
    level, seconds = stream.level or math.nan, dict(watch.seconds)
    return Streamed(path, seed, stream.duration, level, gain, first, seconds)


def _new_part(audio: Audio, edit: Edit | None) -> Audio:
    """Part of a take that conditions were given for: the first range of an edit."""
    if edit is None:
        return audio
    start, stop = edit.ranges[0]
    return audio.crop(start, stop - start)


def _candidate(take: PlannedTake, out: Generation) -> Generator[Event, None, Candidate]:
    """Item of a batch at the loudness of its file."""
    target = take.request.loudness
    # With the loudness, the recipe makes the file again and not only its audio.
    recipe = out.recipe[0] | {"loudness": "none" if target is None else target}
    audio = Audio(out.audio[0], out.sample_rate)
    with noted_warnings(f"{take.path}: ") as notes:
        if target is not None:
            normalize = normalize_loudness if out.loop is None else normalize_loop
            audio = normalize(audio, target)
    yield from notes
    return Candidate(out.recipe[0]["seed"], audio, recipe, loop=out.loop)
