"""From requests to files: which takes there are, in which batches they run, how each is saved."""

from __future__ import annotations

import math
import os
import secrets
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import torch

from jasco.audio import Audio, loudness, normalize_loudness, save_audio
from jasco.cli.check import Checker, picture_of, tell
from jasco.cli.request import Request, located
from jasco.conditioners.drums import encode_drums
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import AudioError, SettingError
from jasco.model import Generation, Jasco
from jasco.receipt import AdherenceReport

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")


@dataclass(frozen=True)
class Take:
    """One file to make of a request.

    Attributes:
        request: of which it is a take.
        seeds: to try, of which the best is kept.
        path: of the file.
        checked: there is a receipt of it.
    """

    request: Request
    seeds: range
    path: Path
    checked: bool

    @property
    def files(self) -> list[Path]:
        """All that is written, but for the ``.json`` of a wav file."""
        return [self.path, picture_of(self.path)] if self.checked else [self.path]

    @property
    def settings(self) -> tuple[object, ...]:
        """What takes of one batch have in common."""
        request = self.request
        guidance = None if request.guidance is None else tuple(request.guidance.items())
        return request.duration, request.solver, guidance


def plan(
    requests: Sequence[Request], read: Iterable[Path] = (), *, check: bool = False
) -> list[Take]:
    """The takes of all requests in order, each with its seeds and its file.

    Takes that share a name are numbered: ``song-1.flac``, ``song-2.flac``.

    Args:
        requests: each with an output.
        read: files that are read, and so must not be written.
        check: make a receipt of each take, and not only where the best of several is kept.

    Raises:
        SettingError: no output, a file for two takes, or one that is read too.
        AudioError: an output that cannot be written.
    """
    kept = {os.path.abspath(path) for path in read}
    kept |= {os.path.abspath(r.drums) for r in requests if isinstance(r.drums, Path)}
    wanted: Counter[str] = Counter()
    for request in requests:
        with located(request.label):
            if request.output is None:
                raise SettingError(
                    "no output: give one, or -o FILE for all (.wav, .flac, .mp3, .ogg)"
                )
            check_output(request.output)
            wanted[os.path.abspath(request.output)] += request.samples
    takes: list[Take] = []
    made: Counter[str] = Counter()
    taken: set[str] = set()
    for request in requests:
        output = request.output or Path()
        name = os.path.abspath(output)
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        for sample in range(request.samples):
            made[name] += 1
            several = wanted[name] > 1
            path = output.with_stem(f"{output.stem}-{made[name]}") if several else output
            tried = request.best_of
            seeds = range(seed + sample * tried, seed + (sample + 1) * tried)
            take = Take(request, seeds, path, check or tried > 1)
            with located(request.label):
                for file in take.files:
                    if os.path.abspath(file) in taken:
                        raise SettingError(f"{file} is the output of two takes: name another")
                    if os.path.abspath(file) in kept:
                        raise SettingError(f"{file} is read and would be overwritten: name another")
            taken.update(os.path.abspath(file) for file in take.files)
            takes.append(take)
    return takes


def check_output(path: Path) -> None:
    """Raise an AudioError if a file cannot be written for a reason that shows beforehand."""
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(
            f"cannot write {path}: the suffix must be one of {', '.join(SUFFIXES)}, "
            f"not {path.suffix!r}"
        )
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if path.is_dir() or not folder.is_dir():
        raise AudioError(f"cannot write {path}: {path if path.is_dir() else folder} is in the way")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise AudioError(f"cannot write {path}: the folder {folder} cannot be written to")


def check_model(requests: Iterable[Request], model: Jasco) -> None:
    """Encode every request except its drum audio, so that none fails after hours of others.

    Raises:
        JascoError: a request that does not fit the model.
    """
    for request in requests:
        with located(request.label):
            frames = model.num_frames(request.duration)
            (request.guidance or model.guidance).terms(model.controls)
            drums = request.drums
            if isinstance(drums, Path):  # any codes tell whether there is a control for drums
                drums = DrumCodes(torch.zeros(frames, dtype=torch.int64))
            with torch.no_grad():
                model.encode([replace(request.wishes, drums=drums)], frames)


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


def run(
    takes: Sequence[Take],
    model: Jasco,
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
        batch_size: most seeds to run together.
        load: how long the model took to load (s).
        keep_recipe: write the recipe into the file.
        checker: of the takes that are checked.
    """
    wishes: dict[Request, Wishes] = {}
    best: Made | None = None
    scores: dict[int, float] = {}
    for batch in _batches(takes, batch_size):
        watch = Stopwatch(model.device, {"load": load})
        wishes = _wishes(batch, model, wishes)
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
            print(f"{line}; {stages}{together}", flush=True)
            if checker is not None and best.receipt is not None:
                checker.report(take.path, best.receipt, best.audio, scores, take.request)
            best, scores = None, {}


def _batches(takes: Sequence[Take], size: int) -> Iterator[list[Attempt]]:
    """Consecutive attempts of equal settings, at most ``size`` together."""
    for _, group in groupby(takes, key=lambda take: take.settings):
        alike = [Attempt(take, seed) for take in group for seed in take.seeds]
        yield from (alike[i : i + size] for i in range(0, len(alike), size))


def _wishes(
    batch: Sequence[Attempt], model: Jasco, known: Mapping[Request, Wishes]
) -> dict[Request, Wishes]:
    """What the requests of a batch ask for; what is not known yet is read, and reported."""
    frames = model.num_frames(batch[0].take.request.duration)
    wishes = {}
    for request in dict.fromkeys(take.request for take, _ in batch):
        if request not in known:
            given = encoded = request.clip(frames / model.frame_rate)
            for line in given.report(frames, model.frame_rate):
                tell(line if request.label is None else f"{request.label}: {line}")
            if given.drums is not None:
                encoded = replace(given, drums=encode_drums(given.drums, frames, model.codec))
            wishes[request] = Wishes(given, encoded)
        else:
            wishes[request] = known[request]
    return wishes


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
    with _told_warnings(f"{take.path}: "):
        if target is not None:
            audio = normalize_loudness(audio, target)
    return Made(out.recipe[k]["seed"], audio, recipe)


def _save(take: Take, made: Made, keep_recipe: bool) -> str:
    """Save a take; returns its path, seed, loudness and length as a line."""
    recipe = made.recipe if keep_recipe else None
    with _told_warnings():
        save_audio(take.path, *made.audio, loudness=None, recipe=recipe)
    level = loudness(made.audio)
    loud = f"{level:.1f} LUFS" if math.isfinite(level) else "silent or too short for a loudness"
    return f"{take.path}: seed {made.seed}, {loud}, {made.audio.duration:.2f} s"


@contextmanager
def _told_warnings(prefix: str = "") -> Iterator[None]:
    """Warnings as plain lines on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        tell(f"{prefix}{warning.message}")
