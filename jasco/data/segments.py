"""Segments of recordings: what a codec is trained on.

Segment ``n`` of a seed is always the same, whatever the number of workers, ranks, or interruptions
before it, and every second of audio is as likely as any other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from jasco.audio import load_audio, probe
from jasco.data.manifest import Recording, read_manifest, scan_folder
from jasco.data.resumable import NumberedDataModule, hold_out
from jasco.errors import DataError, JascoError, SettingError


class SegmentDataModule(NumberedDataModule):
    """Segments at the sample rate and with the channels of the codec that is trained.

    Args:
        root: a folder of recordings, or a manifest (``.jsonl``).
        duration: of a segment (s), rounded to whole latent frames.
        batch_size: segments per device and step.
        workers: processes that read; see `NumberedDataModule`.
        seed: of all that is drawn.
        val_root: folder or manifest to validate on.
        val_share: where there is none, the share of the recordings of ``root`` kept for it.
        val_segments: segments of a validation.
        val_duration: of such a segment (s).

    Raises:
        SettingError: a value out of range.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        duration: float = 1.0,
        batch_size: int = 16,
        workers: int | None = None,
        seed: int = 0,
        val_root: str | os.PathLike[str] | None = None,
        val_share: float = 0.02,
        val_segments: int = 64,
        val_duration: float = 5.0,
    ) -> None:
        super().__init__(torch.stack, batch_size, workers, val_segments, "val_segments")
        if not 0 <= val_share <= 1:
            raise SettingError(f"data.val_share is {val_share}: give a share from 0 to 1")
        if not min(duration, val_duration) > 0:
            raise SettingError(
                f"data.duration={duration}, val_duration={val_duration}: give more than 0 s"
            )
        self.root, self.val_root = root, val_root
        self.duration, self.val_duration = duration, val_duration
        self.seed, self.val_share = seed, val_share

    def setup(self, stage: str) -> None:
        """Find the recordings.

        Raises:
            DataError: there are none, or one cannot be used.
            AudioError: one cannot be read.
        """
        if self._clips:
            return
        found = find_recordings(self.root)
        if self.val_root is None:
            train, val = hold_out([_digest(r.path.name) for r in found], self.val_share)
            held = [found[index] for index in val]
            found = [found[index] for index in train]
        else:
            held = find_recordings(self.val_root)
        self._clips = {
            "train": self._segments(found, self.duration),
            "val": self._segments(held, self.val_duration),
        }

    def _segments(self, recordings: Sequence[Recording], duration: float) -> Segments:
        trainer: Any = self.trainer
        config = trainer.lightning_module.model.config
        frames = max(round(duration * config.sampling_rate / config.hop_length), 1)
        return Segments(
            recordings,
            sample_rate=config.sampling_rate,
            channels=config.audio_channels,
            samples=frames * config.hop_length,
            seed=self.seed,
        )


class Segments(Dataset[Tensor | JascoError]):
    """Segments of recordings, by number; there is no end to them.

    Args:
        recordings: where they are cut from; a ``duration`` (s) among their fields saves opening
            them. One shorter than a segment is followed by silence.
        sample_rate: of the segments (Hz).
        channels: of the segments: one is the mean of the recording's.
        samples: length N of a segment.
        seed: of the draws.

    Raises:
        AudioError: a recording cannot be read.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        sample_rate: int,
        channels: int,
        samples: int,
        seed: int,
    ) -> None:
        self.recordings = tuple(recordings)
        self.sample_rate, self.channels, self.samples = sample_rate, channels, samples
        self.seed = seed
        self.ends = np.cumsum([_duration(recording) for recording in recordings])

    def __getitem__(self, number: int) -> Tensor | JascoError:
        """Segment (channels, N), or what is wrong with its recording."""
        rng = np.random.default_rng([self.seed, number])
        place, start = rng.random(2)
        index = int(np.searchsorted(self.ends, place * self.ends[-1], side="right"))
        duration = self.ends[index] - (self.ends[index - 1] if index else 0.0)
        length = self.samples / self.sample_rate
        try:
            audio = load_audio(
                self.recordings[index].path,
                start=start * max(duration - length, 0.0),
                duration=length,
            ).resample(self.sample_rate)
        except JascoError as error:
            return error
        wav = audio.mono().samples if self.channels == 1 else audio.samples
        wav = wav[:, : self.samples].expand(self.channels, -1)
        return F.pad(wav, (0, self.samples - wav.shape[1]))


def find_recordings(root: str | os.PathLike[str]) -> list[Recording]:
    """Recordings of a manifest or a folder, with the drums alone where a manifest names them.

    Drum codes are made of such recordings, so the codec has to know them.

    Raises:
        DataError: there are none, or one cannot be used; the message names it.
    """
    root = Path(root).expanduser().absolute()
    found = scan_folder(root) if root.is_dir() else read_manifest(root)
    for recording in found:
        if recording.problem:
            raise DataError(recording.problem)
    drums = [r.fields["drums"] for r in found if isinstance(r.fields.get("drums"), str)]
    return found + [Recording(root.parent / path) for path in drums]


def _duration(recording: Recording) -> float:
    """Length of a recording (s)."""
    stated = recording.fields.get("duration")
    if isinstance(stated, int | float) and stated > 0:
        return float(stated)
    return probe(recording.path).duration


def _digest(name: str) -> str:
    """An order that has nothing to do with albums or the alphabet, alike on all machines."""
    return hashlib.sha256(name.encode()).hexdigest()
