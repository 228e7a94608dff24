"""Measure an EnCodec on recordings: SI-SDR, onsets of drums, and the noise between harmonics.

    python scripts/measure_codec.py runs/codec/codec band/manifest.jsonl
    python scripts/measure_codec.py facebook/encodec_32khz music --json codec.json
    python scripts/measure_codec.py demo band/manifest.jsonl --decoder runs/decoder/decoder

Figures are means over recordings with 95 % intervals, for recordings outside the training data.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from jasco.audio import Audio, load_audio
from jasco.checkpoint.codec import CodecSource
from jasco.codec import EnCodec
from jasco.data.manifest import Recording, read_manifest, scan_folder
from jasco.encodec import FourierDecoder
from jasco.extract.onsets import detect_onsets
from jasco.metrics import drums
from jasco.metrics.bootstrap import bootstrap
from jasco.training.codec.reconstruction import Spectrogram, si_sdr

EMPTY, AUDIBLE = 50.0, 40.0
"""Levels (dB): a bin is empty this far below the loudest of its frame; a frame is ignored this far
below the loudest of the recording."""


def noise_floor(original: Tensor, decoded: Tensor) -> float:
    """Median increase of the level of empty bins by the codec (dB), for waveforms (N,)."""
    spectrogram = Spectrogram(2048)
    before, after = (
        20 * torch.log10(spectrogram(x[None])[0].abs() + 1e-8) for x in (original, decoded)
    )
    loudest = before.amax(0)
    empty = (before < loudest - EMPTY) & (loudest > loudest.max() - AUDIBLE)
    return float(after[empty].median() - before[empty].median()) if empty.any() else math.nan


def measure(codec: EnCodec, recording: Recording, root: Path, duration: float) -> dict[str, float]:
    """Figures of one recording, with onsets where its manifest names the isolated drums."""

    def load(path: Path) -> Audio:
        audio = load_audio(path, duration=duration).resample(codec.sample_rate)
        return audio.mono() if codec.channels == 1 else audio

    original = load(recording.path)
    decoded = codec.reconstruct(original.samples[None])[0]
    found = {
        "si_sdr": float(si_sdr(decoded[None], original.samples[None])),
        "noise_floor": noise_floor(original.samples.mean(0), decoded.mean(0)),
    }
    stem = recording.fields.get("drums")
    if isinstance(stem, str):
        strokes = detect_onsets(load(root / stem))
        versions = {"original": original, "codec": Audio(decoded, codec.sample_rate)}
        for name, audio in versions.items():
            found[f"onsets/{name}"] = drums.compute(strokes, detect_onsets(audio))["f1"]
    return found


def draw(codec: EnCodec, recording: Recording, duration: float, path: Path) -> None:
    """Spectrogram of a recording above that of its codec reconstruction."""
    from matplotlib.figure import Figure

    original = load_audio(recording.path, duration=duration).resample(codec.sample_rate).mono()
    decoded = codec.reconstruct(original.samples[None])[0]
    figure = Figure(figsize=(8, 5), dpi=80, layout="constrained")
    sounds = {"original": original.samples[0], "codec": decoded[0]}
    for axes, (name, wav) in zip(figure.subplots(2, 1, sharex=True), sounds.items(), strict=True):
        level = 20 * torch.log10(Spectrogram(1024)(wav[None])[0].abs() + 1e-6)
        extent = (0.0, original.duration, 0.0, codec.sample_rate / 2000)
        axes.imshow(level, origin="lower", aspect="auto", extent=extent, vmin=-80, vmax=0)
        axes.set(title=name, ylabel="kHz")
    figure.savefig(path)


def summarise(rows: list[Mapping[str, float]]) -> dict[str, Any]:
    """Means and intervals of the figures, and the share of onsets that the codec keeps."""
    names = dict.fromkeys(name for row in rows for name in row)
    means = {name: bootstrap([row.get(name, math.nan) for row in rows]) for name in names}
    for name, interval in means.items():
        print(f"{name:<18}{interval}")
    if "onsets/codec" in means:
        share = means["onsets/codec"].mean / means["onsets/original"].mean
        print(f"{'onsets kept':<18}{share:.3f}")
    return {name: interval._asdict() for name, interval in means.items()}


def main(argv: list[str] | None = None) -> int:
    """Measure the given recordings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("codec", help="folder or Hub id of an EnCodec, or a checkpoint")
    parser.add_argument("--decoder", help="folder or Hub id of a decoder in place of its own")
    parser.add_argument("recordings", type=Path, help="a folder, or a manifest (.jsonl)")
    parser.add_argument("--first", type=int, default=0, help="number of the first recording")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--duration", type=float, default=10.0, help="of each (s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--picture", type=Path, help="draw the first of them here")
    args = parser.parse_args(argv)
    codec = CodecSource(args.codec).load()
    if args.decoder:
        codec.decoder = FourierDecoder(args.decoder).eval()
    path = args.recordings
    found = scan_folder(path) if path.is_dir() else read_manifest(path)
    chosen = found[args.first : args.first + args.count]
    rows = [measure(codec, one, path.parent, args.duration) for one in tqdm(chosen, unit="song")]
    if args.picture:
        draw(codec, chosen[0], args.duration, args.picture)
    figures = summarise(list(rows))
    if args.json:
        args.json.write_text(json.dumps({"figures": figures, "songs": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
