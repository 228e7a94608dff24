"""Measure songs, edits, continuations and loops of a checkpoint on unseen songs of the band.

    python scripts/measure_songs.py demo --loops 50 --continuations 20 --edits 100 --songs 40

Each song of the band gives a text, chords, drums and a melody. The checkpoint makes

- loops: four bars of a song, once from the first and once from the third bar on, played twice;
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
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from seams import (
    AT_WRAP,
    INSIDE,
    Row,
    level,
    near_seams,
    onset_counts,
    onsets_of_loops,
    seam_ratio,
)
from torch import Tensor

from jasco import ChordProgression, Conditions, Jasco, Melody
from jasco.adherence import AdherenceReport, ControlExtractor
from jasco.adherence.controls import headlines
from jasco.adherence.melody import MELODY_RATE
from jasco.audio import Audio
from jasco.band.folder import Band
from jasco.band.render import render_song
from jasco.chords.vocabulary import SPELLINGS
from jasco.flow import make_solver
from jasco.io.jsonl import read_lines, write_lines
from jasco.song.windows import windows_of


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
    """Loop of four bars, and the same loop begun at its third bar, both played twice.

    Onsets are counted around the two bar lines that begin a loop: each is at the wrap of one loop
    and inside the other. A song that is cut into a loop is not periodic (drums enter, fills lead
    to another part), so that its first bar line is harder than others wherever it lies.
    """
    song, rate = subject.song, bench.model.sample_rate
    length = 4 * 60 * int(song.meter.partition("/")[0]) / song.bpm
    clip = subject.cut(0.0, length)
    drums = clip.drums.resample(rate).samples[:, : round(length * rate)]  # type: ignore[union-attr]
    clips = [replace(clip, drums=Audio(drums, rate)), turned(clip, drums, length, rate)]
    loops = [
        bench.model.loop(
            one, bars=4, bpm=song.bpm, time_signature=song.meter, seed=subject.number
        ).audio[0]
        for one in clips
    ]
    roll = clip.melody.frames(round(length * MELODY_RATE), MELODY_RATE)  # type: ignore[union-attr]
    rhythms = [Conditions(drums=Audio(one.drums.samples.repeat(1, 2), rate)) for one in clips]  # type: ignore[union-attr]
    again = replace(
        rhythms[0],
        chords=replace(clip.chords, loop=True),  # type: ignore[type-var]
        melody=Melody.from_array(torch.cat([roll, roll], 1), frame_rate=MELODY_RATE),
    )
    reports = [
        bench.report(samples.repeat(1, 2), one)
        for samples, one in zip(loops, (again, rhythms[1]), strict=True)
    ]
    samples = loops[0]
    jump = (samples[:, 0] - samples[:, -1]).abs().max()
    return {
        "exact": all(one.shape[1] == round(length * rate) for one in loops),
        "jump": float(jump / samples.diff().abs().flatten().quantile(0.99)),
        "wrap": seam_ratio(samples.repeat(1, 2), [length], rate),
        **near_seams(reports[0], [length], 2 * length),
        AT_WRAP: onset_counts(reports, length),
        INSIDE: onset_counts(reports, length / 2),
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


def turned(clip: Conditions, drums: Tensor, length: float, rate: int) -> Conditions:
    """Conditions of a loop (s), with these drums, that begins in its middle."""
    half = length / 2
    roll = clip.melody.frames(round(length * MELODY_RATE), MELODY_RATE)  # type: ignore[union-attr]
    chords: Any = replace(clip.chords, end=length, loop=True)  # type: ignore[type-var]
    return replace(
        clip,
        chords=chords.crop(half, half + length),
        drums=Audio(drums.roll(-(drums.shape[1] // 2), 1), rate),
        melody=Melody.from_array(roll.roll(-round(half * MELODY_RATE), 1), frame_rate=MELODY_RATE),
    )


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
        if rows and kind == "loops":
            print(onsets_of_loops(rows), flush=True)


if __name__ == "__main__":
    main()
