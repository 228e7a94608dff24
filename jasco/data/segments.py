"""Infinite, index-addressed dataset of segments of recordings, to train a codec on.

Segments are drawn uniformly over the seconds of all recordings. Segment ``sample_id`` of a seed is
always the same, whatever the number of workers or ranks.
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
from jasco.data.resumable import ResumableDataModule, hold_out
from jasco.errors import DataError, JascoError, SettingError


class SegmentDataModule(ResumableDataModule):
    """Segments with the sample rate and channels of the codec in training.

    Args:
        root: a folder of recordings, or a manifest (``.jsonl``).
        duration: length of a training segment (s), rounded to whole latent frames.
        batch_size: segments per device and step.
        workers: reader processes; see `ResumableDataModule`.
        seed: seed of all draws.
        val_root: folder or manifest of the validation set.
        val_share: share of the recordings of ``root`` held out where ``val_root`` is ``None``.
        val_segments: segments per validation.
        val_duration: length of a validation segment (s).

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
        count = (val_segments, "val_segments")
        super().__init__(torch.stack, batch_size, workers, *count, val_share=val_share)
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
            DataError: no recordings, or one that cannot be used.
            AudioError: a recording cannot be read.
        """
        if self.datasets:
            return
        found = find_recordings(self.root)
        if self.val_root is None:
            train, val = hold_out([_digest(r.path.name) for r in found], self.val_share)
            held = [found[index] for index in val]
            found = [found[index] for index in train]
        else:
            held = find_recordings(self.val_root)
        self.datasets = {
            "train": self._segments(found, self.duration),
            "val": self._segments(held, self.val_duration),
        }

    def _segments(self, recordings: Sequence[Recording], duration: float) -> SegmentDataset:
        trainer: Any = self.trainer
        config = trainer.lightning_module.model.config
        frames = max(round(duration * config.sampling_rate / config.hop_length), 1)
        return SegmentDataset(
            recordings,
            sample_rate=config.sampling_rate,
            channels=config.audio_channels,
            samples=frames * config.hop_length,
            seed=self.seed,
        )


class SegmentDataset(Dataset[Tensor | JascoError]):
    """Infinite, index-addressed dataset of segments.

    Args:
        recordings: recordings to cut from, padded with silence where shorter than a segment. A
            field ``duration`` (s) saves opening the file.
        sample_rate: sample rate of the segments (Hz).
        channels: channels of the segments: 1 for the mean of the recording's channels.
        samples: length N of a segment.
        seed: seed of all draws.

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

    def __getitem__(self, sample_id: int) -> Tensor | JascoError:
        """Segment (channels, N), or the error of its recording."""
        rng = np.random.default_rng([self.seed, sample_id])
        position, start = rng.random(2)
        index = int(np.searchsorted(self.ends, position * self.ends[-1], side="right"))
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
        wav = audio.with_channels(self.channels).samples[:, : self.samples]
        return F.pad(wav, (0, self.samples - wav.shape[1]))


def find_recordings(root: str | os.PathLike[str]) -> list[Recording]:
    """Recordings of a manifest or a folder, and the isolated drums that a manifest names.

    Drum codes are codec tokens of isolated drums, so the codec is trained on them too.

    Raises:
        DataError: no recordings, or one that cannot be used.
    """
    root = Path(root).expanduser().absolute()
    found = scan_folder(root) if root.is_dir() else read_manifest(root)
    for recording in found:
        if recording.problem:
            raise DataError(recording.problem)
    drums = [r.fields["drums"] for r in found if isinstance(r.fields.get("drums"), str)]
    return found + [Recording(root.parent / path) for path in drums]


def _duration(recording: Recording) -> float:
    stated = recording.fields.get("duration")
    if isinstance(stated, int | float) and stated > 0:
        return float(stated)
    return probe(recording.path).duration


def _digest(name: str) -> str:
    """Hash of a name, for a split that does not depend on albums or the alphabet."""
    return hashlib.sha256(name.encode()).hexdigest()
