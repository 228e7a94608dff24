"""Measure songs, edits, continuations and loops of a checkpoint on unseen songs of the band.

    python scripts/measure_songs.py demo --loops 50 --continuations 20 --edits 100 --songs 40

Each song of the band gives a text, chords, drums and a melody. The checkpoint makes

- loops: four bars of a song, played twice;
- continuations: a take of the model's own length, and half of it more;
- edits: chords a whole tone higher in the middle of a take, and the same chords in a fresh take;
- songs: the song in blended windows, and in separate takes of the model's own length.

A kind has a file, ``loops.jsonl``, ..., with one line for each song; a run that was stopped goes on
where the files end. A table of means with standard errors is printed. Scores are those of the
adherence report; those ``near`` seams are of pieces of one second around them, and those
``elsewhere`` of the other seconds. Seams are the middles of the overlaps of windows, the wrap of a
loop, and the ends of ranges and takes; the spectral flux and the step of the level there are
compared with those elsewhere. Costs are CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jasco import ChordProgression, Conditions, Jasco, Melody
from jasco.adherence import AdherenceReport, ControlExtractor
from jasco.adherence.controls import comparison, headlines
from jasco.adherence.drums import Rhythm
from jasco.adherence.melody import MELODY_RATE, Tune
from jasco.audio import Audio
from jasco.band.folder import Band
from jasco.band.render import render_song
from jasco.chords.vocabulary import SPELLINGS
from jasco.flow import make_solver
from jasco.io.jsonl import read_lines, write_lines
from jasco.song.windows import windows_of

FRAME = 640  # samples of a frame of flux and level, 20 ms at 32 kHz
PIECE = 1.0  # length (s) of the pieces near seams and elsewhere
Row = dict[str, Any]


class Bench:
    """Model, extractor and settings of a run.

    Args:
        args: arguments of the command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.model = Jasco.from_pretrained(args.checkpoint, device=args.device)
        self.extractor = ControlExtractor.load(device=args.device)
        self.seed, self.seconds = args.seed, args.seconds
        self.model.solver = make_solver(
            args.solver, args.steps, args.shift, default=self.model.solver
        )

    def scores(self, samples: Tensor, clip: Conditions) -> dict[str, float]:
        """Headline scores of a recording (C, n), those that are defined."""
        report = self.report(samples, clip)
        return {headlines()[name]: round(value, 4) for name, value in report.main.items()}

    def report(self, samples: Tensor, clip: Conditions) -> AdherenceReport:
        """Adherence report of a recording (C, n)."""
        return AdherenceReport.check(Audio(samples, self.model.sample_rate), clip, self.extractor)


class Subject:
    """Song of the band, as conditions.

    Args:
        bench: settings.
        number: number of the song, and seed of what is generated.
    """

    def __init__(self, bench: Bench, number: int) -> None:
        self.bench, self.number = bench, number
        self.song = Band(Path(), seed=bench.seed, seconds=bench.seconds).song(number)

    @cached_property
    def clip(self) -> Conditions:
        """Conditions of the whole song."""
        model, song = self.bench.model, self.song
        drums = render_song(song, sample_rate=model.sample_rate).drums
        melody = song.melody(model.frame_rate)
        return Conditions(song.description, chords=song.chords, drums=drums, melody=melody)

    def cut(self, start: float, length: float) -> Conditions:
        """Conditions of a part."""
        clip = self.clip
        return replace(
            clip,
            chords=clip.chords.crop(start, start + length) if clip.chords else None,
            drums=clip.drums.crop(start, length) if isinstance(clip.drums, Audio) else None,
            melody=clip.melody.crop(start, length) if clip.melody else None,
        )


# --- kinds --------------------------------------------------------------------------------------


def measure_loop(bench: Bench, subject: Subject) -> Row:
    """Loop of four bars, played twice."""
    song, rate = subject.song, bench.model.sample_rate
    length = 4 * 60 * int(song.meter.partition("/")[0]) / song.bpm
    clip = subject.cut(0.0, length)
    loop = bench.model.loop(
        clip, bars=4, bpm=song.bpm, time_signature=song.meter, seed=subject.number
    )
    samples = loop.audio[0]
    twice = torch.cat([samples, samples], 1)
    drums = clip.drums.resample(rate).samples[:, : samples.shape[1]]  # type: ignore[union-attr]
    roll = clip.melody.frames(round(length * MELODY_RATE), MELODY_RATE)  # type: ignore[union-attr]
    again = replace(
        clip,
        chords=replace(clip.chords, loop=True),  # type: ignore[type-var]
        drums=Audio(torch.cat([drums, drums], 1), rate),
        melody=Melody.from_array(torch.cat([roll, roll], 1), frame_rate=MELODY_RATE),
    )
    jump = (samples[:, 0] - samples[:, -1]).abs().max()
    return {
        "exact": samples.shape[1] == round(length * rate),
        "jump": float(jump / samples.diff().abs().flatten().quantile(0.99)),
        "wrap": seam_ratio(twice, [length], rate),
        **near_seams(bench.report(twice, again), [length], 2 * length),
    }


def measure_continuation(bench: Bench, subject: Subject) -> Row:
    """Continuation of a take by half its length."""
    length = bench.model.segment_duration
    take = bench.model.generate(subject.cut(0.0, length), seed=subject.number)
    more = subject.cut(length, length / 2)
    longer = bench.model.extend(take, more, duration=length / 2, seed=subject.number + 60)
    samples, rate = longer.audio[0], longer.sample_rate
    fresh = bench.model.generate(subject.cut(length, length), seed=subject.number + 60)
    return {
        "continued": bench.scores(samples[:, round(length * rate) :], more),
        "fresh": bench.scores(fresh.audio[0, :, : round(length / 2 * rate)], more),
        "seam": seam_ratio(samples, [length], rate),
        "level": level(samples[:, round(length * rate) :]) - level(take.audio[0]),
    }


def measure_edit(bench: Bench, subject: Subject) -> Row:
    """Edit of the chords in the middle of a take."""
    length, number = bench.model.segment_duration, subject.number
    start, stop = 0.3 * length, 0.7 * length
    whole, kept = subject.cut(0.0, length), subject.cut(start, stop - start)
    take = bench.model.generate(whole, seed=number)
    chords = raised(kept.chords)  # type: ignore[arg-type]
    edited = bench.model.edit(
        take, Conditions(chords=chords), ranges=[(start, stop)], seed=number + 50
    )
    fresh = bench.model.generate(
        replace(whole, chords=raised(whole.chords)),  # type: ignore[arg-type]
        seed=number + 50,
    )
    rate, fade = take.sample_rate, 0.05 + 1e-3
    outside = torch.ones(take.audio.shape[-1], dtype=torch.bool)
    outside[round((start - fade) * rate) : round((stop + fade) * rate)] = False
    inside = slice(round(start * rate), round(stop * rate))
    new = replace(kept, chords=chords)
    return {
        "equal": torch.equal(edited.audio[..., outside], take.audio[..., outside]),
        "take": bench.scores(take.audio[0, :, inside], kept),
        "edit": bench.scores(edited.audio[0, :, inside], new),
        "fresh": bench.scores(fresh.audio[0, :, inside], new),
        "seams": seam_ratio(edited.audio[0], [start, stop], rate),
        "same places of the take": seam_ratio(take.audio[0], [start, stop], rate),
        "level": level(edited.audio[0, :, inside]) - level(take.audio[0, :, inside]),
    }


def measure_song(bench: Bench, subject: Subject) -> Row:
    """Song in windows and in separate takes."""
    model, number, clip = bench.model, subject.number, subject.clip
    length, rate, seconds = model.segment_duration, model.sample_rate, bench.seconds
    count = int(seconds // length)
    whole, cost = timed(lambda: model.generate(clip, seed=number, duration=seconds))
    parts = [subject.cut(k * length, length) for k in range(count)]
    takes, cost_of_takes = timed(
        lambda: [model.generate(part, seed=number + k) for k, part in enumerate(parts)]
    )
    joined = torch.cat([take.audio[0] for take in takes], 1)
    windows = windows_of(clip, whole.latents.shape[1], model.num_frames(), model.frame_rate)
    starts = windows.frames[:, 0].tolist()
    seams = [
        (start + before + model.num_frames()) / 2 / model.frame_rate
        for before, start in zip(starts, starts[1:], strict=False)
    ]
    report = bench.report(whole.audio[0], clip)
    return {
        "seconds": cost,
        "seconds of takes": cost_of_takes,
        "whole": {headlines()[name]: value for name, value in report.main.items()},
        "takes": bench.scores(joined, clip),
        **near_seams(report, seams, seconds),
        "seams": seam_ratio(whole.audio[0], seams, rate),
        "seams of takes": seam_ratio(joined, [length * k for k in range(1, count)], rate),
    }


KINDS: dict[str, Callable[[Bench, Subject], Row]] = {
    "loops": measure_loop,
    "continuations": measure_continuation,
    "edits": measure_edit,
    "songs": measure_song,
}


# --- measures -----------------------------------------------------------------------------------


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Result of a function, and its CPU seconds."""
    began = time.process_time()
    found = work()
    return found, time.process_time() - began


def raised(chords: ChordProgression, tones: int = 2) -> ChordProgression:
    """Chords moved up by semitones."""
    places = {name: key for key, name in SPELLINGS.items()}
    names = [
        SPELLINGS[((places[n][0] + tones) % 12, *places[n][1:])] if n in places else n
        for n in chords.names
    ]
    return replace(chords, names=tuple(names))


def level(samples: Tensor) -> float:
    """Root mean square of a recording (dB)."""
    return float(10 * torch.log10(samples.square().mean() + 1e-12))


def seam_ratio(samples: Tensor, seams: Sequence[float], rate: int) -> dict[str, float]:
    """Spectral flux within 60 ms of seams over that elsewhere, and the same of steps in level."""
    mono = samples.mean(0)
    size = 2 * FRAME
    spectrum = torch.stft(mono, size, FRAME, window=torch.hann_window(size), return_complex=True)
    magnitude = spectrum.abs()
    flux = magnitude.diff(dim=1).clamp(min=0).sum(0) / (magnitude.sum(0)[1:] + 1e-9)
    # Level over 200 ms before and after each frame (dB).
    power = mono[: len(mono) // FRAME * FRAME].view(-1, FRAME).square().mean(1)
    means = power.unfold(0, 10, 1).mean(1)
    levels = 10 * torch.log10(means + 1e-9)
    step = (levels[10:] - levels[:-10]).abs()
    places = [round(seam * rate / FRAME) for seam in seams]
    near = torch.zeros(len(flux), dtype=torch.bool)
    for place in places:
        near[max(place - 3, 0) : place + 4] = True
    steps = [float(step[min(max(place - 10, 0), len(step) - 1)]) for place in places]
    return {
        "flux": float(flux[near].mean() / flux[~near].mean()),
        "step": statistics.fmean(steps) - float(step.mean()),
    }


def near_seams(report: AdherenceReport, seams: Sequence[float], duration: float) -> Row:
    """Headline scores of the pieces around seams, and of the other pieces between them."""
    edges = [0.0, *(seam - PIECE / 2 for seam in seams), duration]
    others = []
    for first, last in zip(edges, edges[1:], strict=False):
        begin = first + PIECE if first else 0.0
        others += [begin + k * PIECE for k in range(int((last - begin) / PIECE + 1e-6))]
    starts = {"near": edges[1:-1], "elsewhere": others}
    return {place: pieces(report, which) for place, which in starts.items()}


def pieces(report: AdherenceReport, starts: Sequence[float]) -> dict[str, float]:
    """Mean headline scores of the pieces of a report, where they are defined."""
    found: dict[str, list[float]] = {}
    for start in starts:
        for control in report.compared:
            sides = report.requested[control], report.extracted[control]
            cropped = [crop(side, start, start + PIECE) for side in sides]
            value = comparison(control).scores(*cropped)[headlines()[control]]
            if math.isfinite(value):
                found.setdefault(headlines()[control], []).append(value)
    return {name: statistics.fmean(values) for name, values in found.items()}


def crop(side: Any, start: float, stop: float) -> Any:
    """Part of one side of a comparison."""
    if isinstance(side, Rhythm):
        return Rhythm(side.onsets[(side.onsets >= start) & (side.onsets < stop)])
    if isinstance(side, Tune):
        frames = slice(round(start * MELODY_RATE), round(stop * MELODY_RATE))
        return Tune(side.pitch_classes[frames])
    clipped = [(max(first, start), min(last, stop), label) for first, last, label in side]
    return [segment for segment in clipped if segment[1] > segment[0]]


def table(rows: list[Row]) -> str:
    """Means of all numbers with standard errors, one a line."""
    flat: dict[str, list[float]] = {}
    for row in rows:
        for key, value in row.items():
            values = value if isinstance(value, dict) else {"": value}
            for name, number in values.items():
                flat.setdefault(f"{key} {name}".strip(), []).append(float(number))
    return "\n".join(
        f"{name:34} {statistics.fmean(values):8.3f} +- "
        f"{statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else math.nan:.3f}"
        f"  max {max(values):8.3f}  n {len(values)}"
        for name, values in flat.items()
        if name != "song"
    )


def main() -> None:
    """Run the measurements of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkpoint")
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=int, default=0, help=f"number of {kind}")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a song")
    parser.add_argument("--seed", type=int, default=160_016, help="seed of the band")
    parser.add_argument("--solver", help="in place of the checkpoint's own")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--shift", type=float)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("songs"))
    args = parser.parse_args()
    bench = Bench(args)
    args.out.mkdir(parents=True, exist_ok=True)
    for kind, measure in KINDS.items():
        path = args.out / f"{kind}.jsonl"
        rows = [row for _, row in read_lines(path)] if path.exists() else []
        for number in range(len(rows), getattr(args, kind)):
            rows.append({"song": number, **measure(bench, Subject(bench, number))})
            write_lines(path, rows)
            print(kind, json.dumps(rows[-1]), flush=True)
        if rows:
            print(f"{kind}\n{table(rows)}", flush=True)


if __name__ == "__main__":
    main()
