"""Draw the picture of the README: the spectrogram of a song, its requested and extracted controls.

    python scripts/draw_song.py
    python scripts/draw_song.py --model runs/demo --seed 3 -o picture.png --song song.flac

Needs Chordino and the weights of deep salience, like `--check`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from jasco import ChordProgression, Conditions, Jasco, Melody, load_audio, save_audio
from jasco.adherence import AdherenceReport, ControlExtractor, save_figure
from jasco.audio import Audio, normalize_loudness

TEXT = "warm 80s synth-pop, driving bass"
CHORDS, BPM = "C Am | F G7 | C Am | F C", 96.0
DRUMS, MELODY = "sample:beat.ogg", "sample:tune.mid"


def main(argv: list[str] | None = None) -> int:
    """Generate the song and draw it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", default="demo", help="as of jasco-generate")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--chords", default=CHORDS, help="in bars")
    parser.add_argument("--bpm", type=float, default=BPM)
    parser.add_argument("--drums", default=DRUMS, help="an isolated drum track; '' for none")
    parser.add_argument("--melody", default=MELODY, help="a MIDI file; '' for none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--song", type=Path, help="keep the song in this file")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/song.png"))
    args = parser.parse_args(argv)

    model = Jasco.from_pretrained(args.model)
    request = Conditions(
        text=args.text,
        chords=ChordProgression.parse(args.chords, bpm=args.bpm),
        drums=load_audio(args.drums) if args.drums else None,
        melody=Melody.from_midi(args.melody) if args.melody else None,
    )
    out = model.generate(request, seed=args.seed, progress=True)
    audio = normalize_loudness(Audio(out.audio[0], out.sample_rate), -14.0)
    if args.song:
        save_audio(args.song, *audio, loudness=None, recipe=out.recipe[0])
    report = AdherenceReport.check(audio, request, ControlExtractor.load(device=model.device))
    print(*report.lines(), *report.missing.values(), sep="\n")
    title = f'"{args.text}", seed {args.seed}'
    print(save_figure(args.output, report, audio, title=title))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
