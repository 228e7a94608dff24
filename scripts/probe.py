"""Probe of clips: family of the lead, tempo class and genre of synthetic songs.

A small convolutional network, trained on renders of the band, whose facts are known. See
``probe_text.py`` and ``measure_everyday.py``, which score takes with it.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout, gelu
from tqdm import tqdm, trange

from jasco import Audio, load_audio
from jasco.band.description import TEMPO_CLASSES
from jasco.band.genres import GENRES
from jasco.band.instruments import PITCHED
from jasco.band.sketch import ABSENT, label_description
from jasco.codec import EnCodec
from jasco.extract.onsets import FRAME_RATE as ONSET_RATE
from jasco.extract.onsets import onset_strength
from jasco.extract.tempo import autocorrelation

FAMILIES = tuple(sorted({instrument.family for instrument in PITCHED.values()}))
CLASSES: Mapping[str, tuple[str, ...]] = {
    "family": FAMILIES,
    "tempo": TEMPO_CLASSES,
    "genre": tuple(GENRES),
}
"""Fact -> its classes; the columns of labels (N, 3) in this order."""
UNKNOWN = -1
SAMPLE_RATE, WINDOW, HOP = 32000, 2048, 640
LOWEST, BANDS, PER_OCTAVE = 65.4, 90, 12  # Hz of the first band, C2, and bands a semitone apart
COMPRESSION = 1000.0  # from 60 dB below the loudest band down, the logarithm is nearly linear
PERIODS = np.geomspace(0.15, 2.4, 64)  # s, periods of onsets
BATCH = 32
SHIFT = 4  # semitones, largest pitch shift of a render in training, which keeps the timbre


class Features(NamedTuple):
    """Features of N clips: levels (N, `BANDS`, T), and autocorrelation at periods (N, 64)."""

    levels: Tensor
    periods: Tensor


class Probe(nn.Module):
    """Probe network from features of B clips to logits of the facts of `CLASSES`."""

    def __init__(self, widths: Sequence[int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        sizes = zip((1, *widths[:-1]), widths, strict=True)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.family = nn.Linear(2 * widths[-1], len(FAMILIES))
        self.tempo = nn.Sequential(
            nn.Dropout(0.2),
            nn.Linear(len(PERIODS), 64),
            nn.GELU(),
            nn.Linear(64, len(TEMPO_CLASSES)),
        )
        self.genre = nn.Linear(2 * widths[-1] + len(PERIODS), len(GENRES))

    def forward(self, features: Features) -> tuple[Tensor, Tensor, Tensor]:
        x = features.levels[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = gelu(norm(convolution(x)))
        pooled = torch.cat([x.mean((2, 3)), x.mean(2).amax(2)], dim=1)
        kept = dropout(pooled, 0.4, self.training)
        genre = self.genre(torch.cat([kept, features.periods], dim=1))
        return self.family(kept), self.tempo(features.periods), genre


def extract_features(
    path: Path, start: float = 0.0, duration: float | None = None
) -> tuple[Tensor, Tensor]:
    """Features of a recording, or of ``duration`` of it from ``start`` (s)."""
    return features_of(load_audio(path, start=start, duration=duration))


def features_of(audio: Audio) -> tuple[Tensor, Tensor]:
    """Levels (`BANDS`, T) of a recording at 50 Hz, and autocorrelation of its onset strength."""
    audio = audio.resample(SAMPLE_RATE).mono()
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(audio.samples[0], WINDOW, HOP, window=window, return_complex=True).abs()
    bands = _triangles() @ spectrum
    levels = torch.log1p(COMPRESSION * bands / bands.max().clamp(min=1e-6)) / np.log1p(COMPRESSION)
    repeats = autocorrelation(onset_strength(audio))
    repeats = repeats / max(repeats[0], 1e-9)
    repeats = np.interp(PERIODS * ONSET_RATE, np.arange(len(repeats)), repeats)
    return levels, torch.from_numpy(repeats).float()


@cache
def _triangles() -> Tensor:
    """Triangular filters (`BANDS`, bins) a semitone apart, at least two bins wide."""
    centre = LOWEST * 2 ** (torch.arange(BANDS)[:, None] / PER_OCTAVE)
    bins = torch.arange(WINDOW // 2 + 1)[None] * SAMPLE_RATE / WINDOW
    width = (centre * (2 ** (1 / PER_OCTAVE) - 1)).clamp(min=SAMPLE_RATE / WINDOW)
    return (1 - (bins - centre).abs() / width).clamp(min=0)


def truth(fields: Mapping[str, Any]) -> tuple[int, ...]:
    """Class indices of a song: family of the lead, tempo and genre."""
    facts = {
        "family": fields["families"].get("lead"),
        "tempo": fields["tempo_class"],
        "genre": fields["genre"],
    }
    return tuple(
        UNKNOWN if facts[name] is None else classes.index(facts[name])
        for name, classes in CLASSES.items()
    )


def named_facts(fields: Mapping[str, Any]) -> tuple[int, ...]:
    """Class indices that the description of a song names; `UNKNOWN` for the others."""
    facts = {
        "lead": fields["instruments"].get("lead", ABSENT),
        "tempo": fields["tempo_class"],
        "genre": fields["genre"],
    }
    names = label_description(fields["description"], facts)
    pairs = zip(truth(fields), names, strict=True)
    return tuple(true if number else UNKNOWN for true, number in pairs)


def stack(clips: Sequence[tuple[Tensor, Tensor]]) -> Features:
    """Stack clips, cropped to the length of the shortest."""
    frames = min(levels.shape[1] for levels, _ in clips)
    levels, periods = zip(*clips, strict=True)
    return Features(torch.stack([x[:, :frames] for x in levels]), torch.stack(periods))


def train(features: Features, labels: Tensor, epochs: int, seed: int) -> Probe:
    """Train a probe on N clips and their labels (N, 3)."""
    torch.manual_seed(seed)
    probe, batch = Probe(), min(BATCH, len(labels))
    steps = epochs * (len(labels) // batch)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    order = torch.cat([torch.randperm(len(labels)) for _ in range(epochs)])
    for step in trange(steps, unit="step"):
        chosen = order[step * batch : (step + 1) * batch]
        moved = int(torch.randint(-SHIFT, SHIFT + 1, ()))
        later = int(torch.randint(features.levels.shape[2], ()))
        levels = features.levels[chosen].roll((moved, later), (1, 2))
        logits = probe(Features(levels, features.periods[chosen]))
        losses = [
            cross_entropy(x, y, ignore_index=UNKNOWN, label_smoothing=0.1)
            for x, y in zip(logits, labels[chosen].unbind(1), strict=True)
            if bool((y != UNKNOWN).any())
        ]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        schedule.step()
    return probe.eval()


@torch.inference_mode()
def predict(probe: Probe, features: Features) -> Tensor:
    """Predicted classes (N, 3) of clips."""
    pairs = zip(*(part.split(BATCH) for part in features), strict=True)
    found = [probe(Features(*pair)) for pair in pairs]
    return torch.cat([torch.stack([x.argmax(1) for x in logits], dim=1) for logits in found])


def listen(probe: Probe, paths: Sequence[Path]) -> Tensor:
    """Predicted classes (N, 3) of recordings of about the same length."""
    return predict(probe, stack([extract_features(path) for path in tqdm(paths, unit="clip")]))


def read_songs(manifest: Path) -> dict[Path, Mapping[str, Any]]:
    """Fields of each mix in the manifest of synthetic songs."""
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    return {(manifest.parent / line["path"]).resolve(): line for line in lines}


def through(codec: EnCodec, audio: Audio) -> Audio:
    """Audio as a codec reconstructs it."""
    wav = audio.resample(codec.sample_rate).with_channels(codec.channels).samples
    made = codec.reconstruct(wav[None].to(codec.mean.device))[0]
    return Audio(made.cpu(), codec.sample_rate)


def learn(
    manifests: Sequence[Path],
    duration: float,
    epochs: int,
    seed: int,
    codec: EnCodec | None = None,
) -> Probe:
    """Train a probe on mixes, cropped to clips of ``duration`` (s).

    Args:
        manifests: manifests of synthetic songs.
        duration: length of the clips (s).
        epochs: number of times that each clip is seen.
        seed: seed of the weights, order and shifts.
        codec: codec of the takes that it will be given. Each clip is then learnt as its
            reconstruction too: a probe of clean renders alone reads far less from reconstructions.
    """
    clips, labels = [], []
    songs = [pair for manifest in manifests for pair in read_songs(manifest).items()]
    for path, song in tqdm(songs, unit="song"):
        for place in range(max(int(song["duration"] // duration), 1)):
            audio = load_audio(path, start=place * duration, duration=duration)
            versions = [audio] if codec is None else [audio, through(codec, audio)]
            clips += [features_of(own) for own in versions]
            labels += [truth(song)] * len(versions)
    return train(stack(clips), torch.tensor(labels), epochs, seed)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the training of the probe."""
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="seed of the probe")
    parser.add_argument("--json", type=Path, help="write the figures here too")
