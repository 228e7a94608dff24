"""Measure the adherence of a checkpoint to unusual requests.

    python scripts/measure_requests.py demo --out requests
    python scripts/measure_requests.py demo --out requests --drums beatbox.wav --melody tune.wav

Requests are each of the 194 chord names alone, twelve chords per bar, one chord for a whole clip,
6/8, and drums and melodies of recordings. Each take is saved at -14 LUFS, read again, checked for
silence and clipping, and scored. ``chords.none`` is the share of the time in which no chord is
found, ``signal.loudness`` the loudness of the file, and ``loudness.generated`` (LUFS) that of the
take before.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

from tqdm import tqdm

from jasco import ChordProgression, Conditions, Jasco, extract_melody, load_audio, save_audio
from jasco.adherence import ControlExtractor, adherence, requested
from jasco.audio import Audio, loudness
from jasco.chords import CHORD_NAMES
from jasco.chords.vocabulary import NO_CHORD
from jasco.metrics import signal
from jasco.metrics.chords import Segments

TEXT = "pop with piano and fingered bass"
CHORD_SECONDS = 5.0  # enough for Chordino, and half the time of a clip
TOLD = (
    "chords.root",
    "chords.majmin",
    "chords.sevenths",
    "chords.bass",
    "chords.none",
    "drums.f1",
    "melody.pitch_class",
    "melody.row",
    "signal.loudness",
    "loudness.generated",
)
SILENT, CLIPPED = 0.5, 1e-3
"""Share of the time, and of the samples, from which a file counts as silent or clipped."""


def single_chords() -> dict[str, Conditions]:
    """Requests of single chords, one per name."""
    return {
        name: Conditions(text=TEXT, chords=ChordProgression.parse([(name, 0.0)]))
        for name in CHORD_NAMES
        if name != "N"
    }


def unusual(drums: list[Path], melodies: list[Path], duration: float) -> dict[str, Conditions]:
    """Other requests, by name."""
    circle = "C F Bb Eb Ab Db Gb B E A D G".split()
    crowded = f"{' '.join(circle)} | {' '.join(reversed(circle))}"
    requests = {
        "12 chords a bar": Conditions(
            text=TEXT, chords=ChordProgression.parse(crowded, bpm=144, time_signature="12/4")
        ),
        "one chord": Conditions(text=TEXT, chords=ChordProgression.parse([("Em7", 0.0)])),
        "6/8": Conditions(
            text="folk with acoustic guitar, in 6/8",
            chords=ChordProgression.parse(
                "Am | F | C | G | Am | F | E7 | Am", bpm=300, time_signature="6/8"
            ),
        ),
        "no chord": Conditions(text=TEXT, chords=ChordProgression.parse([("N", 0.0)])),
        "no request": Conditions(),
    }
    for path in drums:
        requests[f"drums of {path.name}"] = Conditions(
            text="funk with electric guitar", drums=load_audio(path).crop(0, duration)
        )
    for path in melodies:
        tune = extract_melody(load_audio(path).crop(0, duration))
        requests[f"melody of {path.name}"] = Conditions(text="flute melody over piano", melody=tune)
    return requests


def measure(
    model: Jasco, requests: dict[str, Conditions], duration: float, folder: Path, batch: int
) -> dict[str, dict[str, float]]:
    """Scores and signal measures of each request, by name."""
    extractor = ControlExtractor.load()
    found = {}
    names = list(requests)
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(names), unit="request") as bar:
        for first in range(0, len(names), batch):
            some = names[first : first + batch]
            out = model.generate([requests[n] for n in some], seed=0, duration=duration)
            for name, samples in zip(some, out.audio, strict=True):
                file = f"{''.join(c if c.isalnum() else '_' for c in name)}_{names.index(name)}"
                path = save_audio(folder / f"{file}.flac", samples, out.sample_rate)
                audio = load_audio(path)
                reference = requested(requests[name], audio.duration)
                extracted = extractor.extract(audio)
                found[name] = {
                    **adherence(reference, extracted),
                    "chords.none": without_chord(extracted["chords"]),
                    "loudness.generated": loudness(Audio(samples, out.sample_rate)),
                    **{f"signal.{k}": v for k, v in signal.measure(audio).items()},
                }
                bar.update()
    return found


def without_chord(segments: Segments) -> float:
    """Share of the time of extracted segments in which there is no chord."""
    lengths = [(end - start, label) for start, end, label in segments]
    none = sum(length for length, label in lengths if label == NO_CHORD)
    return none / sum(length for length, _ in lengths)


def tell(title: str, rows: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Print means over requests, and list silent or clipped takes."""
    means = {}
    for metric in TOLD:
        values = [row[metric] for row in rows.values() if not math.isnan(row.get(metric, math.nan))]
        if values:
            means[metric] = statistics.fmean(values)
    wrong = [
        name
        for name, row in rows.items()
        if row["signal.silence"] > SILENT or row["signal.clipping"] > CLIPPED
    ]
    figures = ", ".join(f"{metric} {value:.3f}" for metric, value in means.items())
    print(f"{title}: {figures or 'nothing to compare'}; silent or clipped: {wrong or 'none'}")
    return {"means": means, "wrong": wrong, "requests": rows}


def main(argv: list[str] | None = None) -> int:
    """Generate takes and score them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--out", type=Path, default=Path("requests"))
    parser.add_argument("--drums", type=Path, nargs="*", default=[], help="recordings of drums")
    parser.add_argument("--melody", type=Path, nargs="*", default=[], help="recordings of tunes")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args(argv)
    model = Jasco.from_pretrained(args.checkpoint)
    duration = model.segment_duration
    found = {}
    chords = measure(model, single_chords(), CHORD_SECONDS, args.out / "chords", args.batch)
    found["chords"] = tell("single chords", chords)
    missed = [name for name, row in chords.items() if row["chords.root"] < 0.5]
    print(f"root missed: {', '.join(missed) or 'none'}")
    requests = unusual(args.drums, args.melody, duration)
    others = measure(model, requests, duration, args.out, args.batch)
    for name, row in others.items():
        found[name] = tell(name, {name: row})
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
