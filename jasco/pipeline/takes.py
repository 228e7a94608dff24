"""Run of the takes: in which batches they are generated, and how each is checked and saved."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Any, NamedTuple

import torch

from jasco.adherence import AdherenceReport
from jasco.audio import Audio, loudness, normalize_loudness, save_audio
from jasco.conditioners.drums import encode_drums
from jasco.conditions import Conditions
from jasco.errors import JascoError
from jasco.model import Generation, Jasco
from jasco.notices import describe, show, tell, told_warnings
from jasco.pipeline.check import Checker
from jasco.pipeline.plan import Take
from jasco.pipeline.reading import Sources, check_clip
from jasco.pipeline.request import Request, located


@dataclass
class Stopwatch:
    """Seconds spent in each stage, in order."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """End a stage that began where the last one ended."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        self.seconds[stage] = now - self.started
        self.started = now


class Attempt(NamedTuple):
    """One seed of a take."""

    take: Take
    seed: int


@dataclass(frozen=True, eq=False)
class Wishes:
    """What a request asks for in a clip: with drums as audio, and with drums as the model's codes.

    The codes are made once for all takes of the request.
    """

    given: Conditions
    encoded: Conditions


@dataclass(frozen=True, eq=False)
class Made:
    """An attempt as it will be saved."""

    seed: int
    audio: Audio
    recipe: dict[str, Any]
    receipt: AdherenceReport | None = None

    @property
    def rank(self) -> float:
        """Its score; below all scores where it has none."""
        score = math.nan if self.receipt is None else self.receipt.score
        return -1.0 if math.isnan(score) else score


class Reader:
    """Reads what the requests of a batch ask for, each once for its consecutive takes.

    A request whose files cannot be read costs its own takes only, where there are others.

    Args:
        model: the requests fit it.
        alone: there is one request, whose error ends the run.
        first: sources of the first request, where they are read already.

    Attributes:
        failed: requests that could not be read.
    """

    def __init__(self, model: Jasco, *, alone: bool, first: Sources | None = None) -> None:
        self.model, self.alone, self.first = model, alone, first
        self.failed: list[Request] = []
        self._known: dict[Request, Wishes] = {}

    def read(self, batch: Sequence[Attempt]) -> dict[Request, Wishes]:
        """What the requests of a batch ask for, without those that cannot be read."""
        wishes = {}
        for request in dict.fromkeys(take.request for take, _ in batch):
            if request in self.failed[-1:]:
                continue  # its takes are consecutive
            try:
                wishes[request] = self._known.get(request) or self._wishes(request)
            except (JascoError, OSError) as error:
                if self.alone:
                    raise
                self.failed.append(request)
                tell(f"error: {describe(error)}")
        self._known = wishes
        return wishes

    def _wishes(self, request: Request) -> Wishes:
        """Read the files of a request, and report what had to be changed."""
        frames = self.model.num_frames(request.duration)
        length = frames / self.model.frame_rate
        known = self.first is not None and self.first.request is request
        sources = self.first if known and self.first is not None else Sources(request)
        self.first = None
        given = encoded = sources.clip(length)
        with located(request.label):
            check_clip(given, frames, self.model)
            if given.drums is not None:
                codes = encode_drums(given.drums, frames, self.model.codec)
                encoded = replace(given, drums=codes)
        for line in (*sources.notices(length), *given.notes(frames, self.model.frame_rate)):
            tell(line if request.label is None else f"{request.label}: {line}")
        return Wishes(given, encoded)


def run(
    takes: Iterable[Take],
    model: Jasco,
    reader: Reader,
    *,
    batch_size: int,
    load: float,
    keep_recipe: bool,
    checker: Checker | None = None,
) -> None:
    """Generate and save takes, with one line on stdout for each file, and its receipt below.

    What had to be changed to fit a request to the model goes to stderr.

    Args:
        takes: in the order to make them in.
        model: makes them.
        reader: of their requests.
        batch_size: most seeds to run together.
        load: how long the model took to load (s).
        keep_recipe: write the recipe into the file.
        checker: of the takes that are checked.
    """
    best: Made | None = None
    scores: dict[int, float] = {}
    for attempts in _batches(takes, batch_size):
        watch = Stopwatch(model.device, {"load": load})
        wishes = reader.read(attempts)
        batch = [attempt for attempt in attempts if attempt.take.request in wishes]
        if not batch:
            continue
        out = _generate(batch, wishes, model, watch)
        for k, (take, seed) in enumerate(batch):
            watch.started = time.perf_counter()
            made = _finish(take, out, k)
            if take.checked and checker is not None:
                receipt = checker.check(made.audio, wishes[take.request].given)
                recipe = made.recipe | {"scores": receipt.plain()}
                made = replace(made, recipe=recipe, receipt=receipt)
                scores[seed] = receipt.score
                watch.lap("check")
            if best is None or made.rank > best.rank:
                best = made
            if seed != take.seeds[-1]:
                continue
            line = _save(take, best, keep_recipe)
            watch.lap("save")
            stages = ", ".join(f"{stage} {s:.1f} s" for stage, s in watch.seconds.items())
            together = f" (batch of {len(batch)})" if len(batch) > 1 else ""
            show(f"{line}; {stages}{together}")
            if checker is not None and best.receipt is not None:
                checker.report(take.path, best.receipt, best.audio, scores, take.request)
            best, scores = None, {}


def _batches(takes: Iterable[Take], size: int) -> Iterator[list[Attempt]]:
    """Consecutive attempts of equal settings, at most ``size`` together."""
    for _, group in groupby(takes, key=lambda take: take.settings):
        attempts = (Attempt(take, seed) for take in group for seed in take.seeds)
        while alike := list(islice(attempts, size)):
            yield alike


def _generate(
    batch: Sequence[Attempt], wishes: Mapping[Request, Wishes], model: Jasco, watch: Stopwatch
) -> Generation:
    """Run one batch; the stages of the model are told apart where its network and solver report."""
    first = batch[0].take.request

    def begin(*_: object) -> None:
        if "encode" not in watch.seconds:
            watch.lap("encode")

    def step(done: int, total: int) -> None:
        if done == total:
            watch.lap("flow")

    hook = model.network.register_forward_pre_hook(begin)
    try:
        out = model.generate(
            [wishes[take.request].encoded for take, _ in batch],
            seed=[seed for _, seed in batch],
            solver=first.solver,
            guidance=first.guidance,
            duration=first.duration,
            progress=True,
            callback=step,
        )
    finally:
        hook.remove()
    watch.lap("decode")
    return out


def _finish(take: Take, out: Generation, k: int) -> Made:
    """Item ``k`` of a batch at the loudness of its file."""
    target = take.request.loudness
    # With the loudness, the recipe makes the file again and not only its audio.
    recipe = out.recipe[k] | {"loudness": "none" if target is None else target}
    audio = Audio(out.audio[k], out.sample_rate)
    with told_warnings(f"{take.path}: "):
        if target is not None:
            audio = normalize_loudness(audio, target)
    return Made(out.recipe[k]["seed"], audio, recipe)


def _save(take: Take, made: Made, keep_recipe: bool) -> str:
    """Save a take; returns its path, seed, loudness and length as a line."""
    recipe = made.recipe if keep_recipe else None
    with told_warnings():
        save_audio(take.path, *made.audio, loudness=None, recipe=recipe)
    level = loudness(made.audio)
    loud = f"{level:.1f} LUFS" if math.isfinite(level) else "silent or too short for a loudness"
    return f"{take.path}: seed {made.seed}, {loud}, {made.audio.duration:.2f} s"
