"""Fixtures of the command lines: a small model in a folder, and input files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from jasco import Jasco
from jasco.cli import generate

CHORDS = "C Am | F G7 | C Am | F C"
NOTES = (60, 64, 67, 72, 71, 67, 65, 60)


@pytest.fixture(scope="session")
def tiny_folder(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a checkpoint; leave it as it is."""
    return tiny.save_pretrained(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """A folder with a stereo drum track, ``beat.wav``, and a tune, ``tune.mid``, of 8 s each."""
    rate = 22050
    hits = np.zeros((8 * rate, 2), dtype=np.float32)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (rate // 20, 2))
    for start in range(0, len(hits), rate // 2):
        hits[start : start + len(noise)] = noise
    folder = tmp_path / "things"
    folder.mkdir()
    soundfile.write(folder / "beat.wav", hits, rate)
    write_midi(folder / "tune.mid")
    return folder


def write_midi(path: Path) -> None:
    """A tune of one note a second."""
    lead = pretty_midi.Instrument(program=73)
    lead.notes = [pretty_midi.Note(90, key, i, i + 0.9) for i, key in enumerate(NOTES)]
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(lead)
    midi.write(str(path))


@pytest.fixture
def on_tiny(tiny_folder: Path) -> list[str]:
    """Options that say: the tiny model, on the CPU."""
    return ["--model", str(tiny_folder), "--device", "cpu"]


@pytest.fixture
def play(on_tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``jasco-generate`` in this process, run in ``tmp_path``: two steps of the tiny model.

    ``play(..., on=OPTIONS)`` runs something else.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JASCO_DEBUG", raising=False)
    short = [*on_tiny, "--steps", "2"]

    def run(*arguments: object, on: Sequence[str] = short) -> int:
        try:
            return generate.main([*on, *map(str, arguments)])
        except SystemExit as end:  # argparse, for wrong usage
            return int(end.code or 0)

    return run
