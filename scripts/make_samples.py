"""Synthesize the sample controls: a beat, a tune and a song.

``python scripts/make_samples.py`` writes ``assets/samples/``: ``beat.ogg`` (drums alone),
``tune.mid`` (the lead) and ``song.mp3`` (the mix), with its description in ``song.json``. All have
the chords and the tempo of the first command in the README, so that they can be combined. The same
FluidSynth and soundfont give the same files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

import pretty_midi

from jasco.audio import save_audio
from jasco.band.accompaniment import play_bass, play_chords
from jasco.band.drums import play_drums
from jasco.band.grid import METERS, Clock, Event
from jasco.band.grooves import FAMILIES
from jasco.band.harmony import Key, Span
from jasco.band.instruments import BASSES, KITS, PITCHED, Instrument
from jasco.band.lead import LeadStyle, play_lead
from jasco.band.render import render_song
from jasco.band.song import Note, Part, Room, Song
from jasco.chords import ChordProgression
from jasco.io.assets import package_dir
from jasco.io.atomic import write_text

TEXT = "warm 80s synth-pop, driving bass"
CHORDS, DEGREES = "C Am | F G7 | C Am | F C", "I vi IV V7 I vi IV I"
BPM, BARS = 96, 4
SEED = 3
GROOVE = "pop"  # takes follow this simple groove better than busier ones


def compose() -> Song:
    """Song of the samples: four bars with all parts."""
    meter, clock, key = METERS["4/4"], Clock(BPM), Key(0, "major")
    duration = BARS * meter.beats * 60 / BPM
    spans = [
        Span(2.0 * k, 2.0 * k + 2.0, key.chord(degree)) for k, degree in enumerate(DEGREES.split())
    ]
    groove = FAMILIES[GROOVE].grooves[meter.name][0]
    lead = LeadStyle(64, 79, "even", 0.85)
    rng = Random(SEED)

    def part(
        instrument: Instrument, events: list[Event], volume: int, pan: int, reverb: int
    ) -> Part:
        notes = [
            Note(pitch, velocity, clock.seconds(at), min(clock.seconds(at + length), duration))
            for pitch, velocity, at, length in events
        ]
        return Part(instrument, tuple(sorted(notes, key=lambda n: n.onset)), volume, pan, reverb, 0)

    events = {
        "lead": play_lead(rng, spans, key, meter, BARS, lead),
        "chords": play_chords(rng, spans, meter, "eighths", 60, low_bass=False),
        "bass": play_bass(rng, spans, meter, "octaves"),
        "drums": play_drums(rng, groove, meter, BARS, crash=False, end="plain"),
    }
    parts = {
        "lead": part(PITCHED["saw lead"], events["lead"], 96, 64, 40),
        "chords": part(PITCHED["polysynth"], events["chords"], 60, 40, 50),
        "bass": part(BASSES["synth bass"], events["bass"], 90, 64, 10),
        "drums": part(KITS["electronic kit"], events["drums"], 110, 64, 20),
    }
    return Song(
        seed="samples",
        duration=duration,
        tempo=BPM,
        meter=meter.name,
        key=key.name,
        form=("verse",),
        chords=ChordProgression.parse(CHORDS, bpm=BPM),
        parts=parts,
        room=Room(size=0.4, damping=0.4, width=0.7, reverb=0.4, level=-18.0),
        description=TEXT,
        facts={},
    )


def main() -> None:
    """Write the samples."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=package_dir("assets") / "samples")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    song = compose()
    sound = render_song(song)
    save_audio(folder / "beat.ogg", *sound.drums.mono(), loudness=-20.0)
    save_audio(folder / "song.mp3", *sound.mix.mono(), loudness=-14.0)
    tune: pretty_midi.PrettyMIDI = song.midi(["lead"])
    tune.write(str(folder / "tune.mid"))
    write_text(folder / "song.json", json.dumps({"description": TEXT}) + "\n")
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
