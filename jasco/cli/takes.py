"""From requests to files: which takes there are, in which batches they run, how each is saved."""

from __future__ import annotations

import math
import os
import secrets
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import torch

from jasco.audio import Audio, loudness, normalize_loudness, save_audio
from jasco.cli.request import Request, located
from jasco.conditioners.drums import encode_drums
from jasco.drums import DrumCodes
from jasco.errors import AudioError, SettingError
from jasco.model import Generation, Jasco

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")


@dataclass(frozen=True)
class Take:
    """One file to make of a request."""

    request: Request
    seed: int
    path: Path

    @property
    def settings(self) -> tuple[object, ...]:
        """What takes of one batch have in common."""
        request = self.request
        guidance = None if request.guidance is None else tuple(request.guidance.items())
        return request.duration, request.solver, guidance


def plan(requests: Sequence[Request], read: Iterable[Path] = ()) -> list[Take]:
    """The takes of all requests in order, each with its seed and its file.

    Takes that share a name are numbered: ``song-1.flac``, ``song-2.flac``.

    Args:
        requests: each with an output.
        read: files that are read, and so must not be written.

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
            with located(request.label):
                if os.path.abspath(path) in taken:
                    raise SettingError(f"{path} is the output of two takes: name another")
                if os.path.abspath(path) in kept:
                    raise SettingError(f"{path} is read and would be overwritten: name another")
            taken.add(os.path.abspath(path))
            takes.append(Take(request, seed + sample, path))
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
                wishes = request.without_drums(frames / model.frame_rate)
                model.encode([replace(wishes, drums=drums)], frames)


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


def run(
    takes: Sequence[Take], model: Jasco, *, batch_size: int, load: float, keep_recipe: bool
) -> None:
    """Generate and save takes, with one line on stdout for each file.

    What had to be changed to fit a request to the model goes to stderr.

    Args:
        takes: in the order to make them in.
        model: makes them.
        batch_size: most takes to run together.
        load: how long the model took to load (s).
        keep_recipe: write the recipe into the file.
    """
    told: set[Request] = set()
    for batch in _batches(takes, batch_size):
        watch = Stopwatch(model.device, {"load": load})
        out = _generate(batch, model, watch, told)
        for k, take in enumerate(batch):
            watch.started = time.perf_counter()
            line = _save(take, out, k, keep_recipe)
            watch.lap("save")
            stages = ", ".join(f"{stage} {s:.1f} s" for stage, s in watch.seconds.items())
            together = f" (batch of {len(batch)})" if len(batch) > 1 else ""
            print(f"{line}; {stages}{together}", flush=True)


def _batches(takes: Sequence[Take], size: int) -> Iterator[list[Take]]:
    """Consecutive takes of equal settings, at most ``size`` together."""
    for _, group in groupby(takes, key=lambda take: take.settings):
        alike = list(group)
        yield from (alike[i : i + size] for i in range(0, len(alike), size))


def _generate(
    batch: Sequence[Take], model: Jasco, watch: Stopwatch, told: set[Request]
) -> Generation:
    """Run one batch; the stages of the model are told apart where its network and solver report."""
    first = batch[0].request
    frames = model.num_frames(first.duration)
    clips = {}
    for request in dict.fromkeys(take.request for take in batch):
        clip = request.clip(frames / model.frame_rate)
        if request not in told:
            told.add(request)
            for line in clip.report(frames, model.frame_rate):
                tell(line if request.label is None else f"{request.label}: {line}")
        if clip.drums is not None:  # once for all takes of the request
            clip = replace(clip, drums=encode_drums(clip.drums, frames, model.codec))
        clips[request] = clip

    def begin(*_: object) -> None:
        if "encode" not in watch.seconds:
            watch.lap("encode")

    def step(done: int, total: int) -> None:
        if done == total:
            watch.lap("flow")

    hook = model.network.register_forward_pre_hook(begin)
    try:
        out = model.generate(
            [clips[take.request] for take in batch],
            seed=[take.seed for take in batch],
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


def _save(take: Take, out: Generation, k: int, keep_recipe: bool) -> str:
    """Save item ``k`` of a batch; returns its path, seed, loudness and length as a line."""
    target = take.request.loudness
    # With the loudness, the recipe makes the file again and not only its audio.
    recipe = out.recipe[k] | {"loudness": "none" if target is None else target}
    audio = Audio(out.audio[k], out.sample_rate)
    with _told_warnings(f"{take.path}: "):
        if target is not None:
            audio = normalize_loudness(audio, target)
    with _told_warnings():
        save_audio(take.path, *audio, loudness=None, recipe=recipe if keep_recipe else None)
    level = loudness(audio)
    loud = f"{level:.1f} LUFS" if math.isfinite(level) else "silent or too short for a loudness"
    return f"{take.path}: seed {take.seed}, {loud}, {audio.duration:.2f} s"


@contextmanager
def _told_warnings(prefix: str = "") -> Iterator[None]:
    """Warnings as plain lines on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        tell(f"{prefix}{warning.message}")


def tell(line: str) -> None:
    """One line on stderr."""
    print(line, file=sys.stderr, flush=True)
