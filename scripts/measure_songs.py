"""Measure songs, edits, continuations and loops of a checkpoint on unseen songs of the band.

    python scripts/measure_songs.py demo --songs 40 --seconds 60 --out songs

Each song of the band gives a text, chords, drums and a melody. The checkpoint makes

- the song, in blended windows, and the same song in separate takes of its own length;
- an edit of the first take: chords a whole tone higher in its middle, and the same chords in a
  fresh take;
- a continuation of the first take by half its length;
- a loop of four bars.

``songs.jsonl`` has one line for each song; a table of means is printed. Scores are those of the
adherence report. Seams are the middles of the overlaps of windows, and the beginning of a
continuation; the spectral flux and the step of the level there are compared with those elsewhere.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jasco import ChordProgression, Conditions, Jasco
from jasco.adherence import AdherenceReport, ControlExtractor
from jasco.audio import Audio
from jasco.band.folder import Band
from jasco.band.render import render_song
from jasco.chords.vocabulary import SPELLINGS
from jasco.io.jsonl import write_lines
from jasco.song.windows import windows_of

TOLD = ("chords.majmin", "drums.f1", "melody.pitch_class")
FRAME = 640  # samples of a frame of flux and level, 20 ms at 32 kHz


def scores(audio: Audio, clip: Conditions, extractor: ControlExtractor) -> dict[str, float]:
    """Main scores of a recording, those that are defined."""
    report = AdherenceReport.check(audio, clip, extractor)
    plain = report.plain()
    return {name: plain[name] for name in TOLD if name in plain}


def cut(clip: Conditions, start: float, length: float) -> Conditions:
    """Conditions of a part of a song."""
    return replace(
        clip,
        chords=clip.chords.crop(start, start + length) if clip.chords else None,
        drums=clip.drums.crop(start, length) if isinstance(clip.drums, Audio) else None,
        melody=clip.melody.crop(start, length) if clip.melody else None,
    )


def raised(chords: ChordProgression, tones: int = 2) -> ChordProgression:
    """Chords moved up by semitones."""
    places = {name: key for key, name in SPELLINGS.items()}
    names = [
        SPELLINGS[((places[n][0] + tones) % 12, *places[n][1:])] if n in places else n
        for n in chords.names
    ]
    return replace(chords, names=tuple(names))


def seam_ratio(samples: Tensor, seams: Iterable[float], rate: int) -> dict[str, float]:
    """Spectral flux within 60 ms of seams over that elsewhere, and the same of steps in level."""
    mono = samples.mean(0)
    size = 2 * FRAME
    spectrum = torch.stft(mono, size, FRAME, window=torch.hann_window(size), return_complex=True)
    magnitude = spectrum.abs()
    flux = magnitude.diff(dim=1).clamp(min=0).sum(0) / (magnitude.sum(0)[1:] + 1e-9)
    # Level over 200 ms before and after each frame (dB).
    power = mono[: len(mono) // FRAME * FRAME].view(-1, FRAME).square().mean(1)
    means = power.unfold(0, 10, 1).mean(1)
    level = 10 * torch.log10(means + 1e-9)
    step = (level[10:] - level[:-10]).abs()
    places = [round(seam * rate / FRAME) for seam in seams]
    near = torch.zeros(len(flux), dtype=torch.bool)
    for place in places:
        near[max(place - 3, 0) : place + 4] = True
    steps = [float(step[min(max(place - 10, 0), len(step) - 1)]) for place in places]
    return {
        "flux": float(flux[near].mean() / flux[~near].mean()),
        "step": statistics.fmean(steps) - float(step.mean()),
    }


def measure(model: Jasco, number: int, args: argparse.Namespace) -> dict[str, Any]:
    """Row of one song."""
    extractor = args.extractor
    song = Band(Path(), seed=args.seed, seconds=args.seconds).song(number)
    clip = Conditions(
        song.description,
        chords=song.chords,
        drums=render_song(song, sample_rate=model.sample_rate).drums,
        melody=song.melody(model.frame_rate),
    )
    row: dict[str, Any] = {"song": number}
    length, rate = model.segment_duration, model.sample_rate
    began = time.process_time()
    whole = model.generate(clip, seed=number, duration=args.seconds)
    row["song_seconds"] = time.process_time() - began
    began = time.process_time()
    count = int(args.seconds // length)
    parts = [cut(clip, k * length, length) for k in range(count)]
    takes = [model.generate(part, seed=number + k) for k, part in enumerate(parts)]
    row["takes_seconds"] = time.process_time() - began
    audio = Audio(whole.audio[0], rate)
    row["whole"] = scores(audio, clip, extractor)
    joined = torch.cat([take.audio[0] for take in takes], 1)
    row["takes"] = scores(Audio(joined, rate), clip, extractor)
    windows = windows_of(clip, whole.latents.shape[1], model.num_frames(), model.frame_rate)
    starts = windows.frames[:, 0].tolist()
    seams = [
        (start + before + model.num_frames()) / 2 / model.frame_rate
        for before, start in zip(starts, starts[1:], strict=False)
    ]
    row["seams"] = seam_ratio(whole.audio[0], seams, rate)
    row["seams_of_takes"] = seam_ratio(joined, [length * k for k in range(1, count)], rate)

    first = takes[0]
    start, stop = 0.3 * length, 0.7 * length
    chords = raised(cut(clip, start, stop - start).chords or song.chords)
    new = Conditions(chords=chords)
    edited = model.edit(first, new, ranges=[(start, stop)], seed=number + 50)
    fade = 0.05 + 1e-3
    outside = torch.ones(first.audio.shape[-1], dtype=torch.bool)
    outside[round((start - fade) * rate) : round((stop + fade) * rate)] = False
    row["outside_equal"] = bool(
        torch.equal(edited.audio[0][:, outside], first.audio[0][:, outside])
    )
    kept = cut(clip, start, stop - start)
    part = Audio(edited.audio[0], rate).crop(start, stop - start)
    row["edit"] = scores(part, replace(kept, chords=chords), extractor)
    fresh = model.generate(
        replace(parts[0], chords=raised(parts[0].chords or song.chords)), seed=number + 50
    )
    part = Audio(fresh.audio[0], rate).crop(start, stop - start)
    row["fresh"] = scores(part, replace(kept, chords=chords), extractor)

    more = cut(clip, length, length / 2)
    longer = model.extend(first, more, duration=length / 2, seed=number + 60)
    row["continued"] = scores(
        Audio(longer.audio[0], rate).crop(length, length / 2), more, extractor
    )
    row["continue_seam"] = seam_ratio(longer.audio[0], [length], rate)

    loop = model.loop(
        replace(clip, drums=None, melody=None),
        bars=4,
        bpm=song.bpm,
        time_signature=song.meter,
        seed=number,
    )
    samples = loop.audio[0]
    row["loop_exact"] = samples.shape[1] == round(
        4 * 60 * int(song.meter.partition("/")[0]) / song.bpm * rate
    )
    steps = samples.diff().abs().flatten()
    row["loop_jump"] = float((samples[:, 0] - samples[:, -1]).abs().max() / steps.quantile(0.99))
    twice = torch.cat([samples, samples], 1)
    row["loop_seam"] = seam_ratio(twice, [samples.shape[1] / rate], rate)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Means of all numbers, one a line."""
    flat: dict[str, list[float]] = {}
    for row in rows:
        for key, value in row.items():
            values = value if isinstance(value, dict) else {"": value}
            for name, number in values.items():
                flat.setdefault(f"{key} {name}".strip(), []).append(float(number))
    return "\n".join(
        f"{name:34} {statistics.fmean(values):8.3f}  max {max(values):8.3f}  n {len(values)}"
        for name, values in flat.items()
        if name != "song"
    )


def main() -> None:
    """Run the measurements of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=160_016, help="seed of the band")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("songs"))
    args = parser.parse_args()
    args.extractor = ControlExtractor.load(device=args.device)
    model = Jasco.from_pretrained(args.checkpoint, device=args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(args.songs):
        rows.append(measure(model, number, args))
        write_lines(args.out / "songs.jsonl", rows)
        print(json.dumps(rows[-1]), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
