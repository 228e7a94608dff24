"""Segments of a prepared dataset with their audio: prepared latents, and the waveform of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from jasco.audio import load_audio
from jasco.audio.signal import Phase
from jasco.codec import EnCodec
from jasco.data.prepared import PreparedDataset
from jasco.data.resumable import ResumableDataModule, hold_out
from jasco.errors import DataError, JascoError, SettingError


class LatentSegment(NamedTuple):
    """Segment, or a batch of segments.

    Attributes:
        latents: raw latents ([B,] T, D), float32.
        wav: waveform ([B,] channels, T * hop_length).
    """

    latents: Tensor
    wav: Tensor


class LatentSegmentDataModule(ResumableDataModule):
    """Segments for the decoder in training, whose encoder made the latents.

    Args:
        root: folder of `jasco-prepare`, whose recordings are still where they were.
        duration: length of a training segment (s), rounded to whole latent frames.
        batch_size: segments per device and step.
        workers: reader processes; see `ResumableDataModule`.
        seed: seed of all draws.
        val_root: prepared dataset of the validation.
        val_share: share of the tracks of ``root`` held out where ``val_root`` is ``None``.
        val_segments: segments per validation.
        val_duration: length of a validation segment (s).

    Raises:
        SettingError: a value out of range.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        duration: float = 1.28,
        batch_size: int = 8,
        workers: int | None = None,
        seed: int = 0,
        val_root: str | os.PathLike[str] | None = None,
        val_share: float = 0.02,
        val_segments: int = 32,
        val_duration: float = 5.12,
    ) -> None:
        count = (val_segments, "val_segments")
        super().__init__(_stack, batch_size, workers, *count, val_share=val_share)
        if not min(duration, val_duration) > 0:
            raise SettingError(
                f"data.duration={duration}, val_duration={val_duration}: give more than 0 s"
            )
        self.root, self.val_root = root, val_root
        self.duration, self.val_duration = duration, val_duration
        self.seed, self.val_share = seed, val_share
        self.codec: EnCodec | None = None

    def setup(self, stage: str) -> None:
        """Open the dataset.

        Raises:
            DataError: no dataset, latents of another codec, or no track as long as a segment.
        """
        if self.datasets:
            return
        data = self._open(self.root)
        train, val = hold_out([track.id for track in data.tracks], self.val_share)
        held = data
        if self.val_root is not None:
            held = self._open(self.val_root)
            train, val = list(range(len(data))), list(range(len(held)))
        self.datasets = {
            "train": self._segments(data, train, self.duration),
            "val": self._segments(held, val, self.val_duration),
        }

    def _open(self, root: str | os.PathLike[str]) -> PreparedDataset:
        if self.codec is None:
            raise SettingError("LatentSegmentDataModule belongs to a Trainer with a DecoderModule")
        data = PreparedDataset(root, ())
        if data.facts.codec != self.codec.fingerprint():
            raise DataError(
                f"the latents of {root} are of another codec than module.codec.name: prepare them "
                "with that one, and another out=FOLDER"
            )
        return data

    def _segments(
        self, data: PreparedDataset, tracks: Sequence[int], duration: float
    ) -> LatentSegmentDataset:
        codec: Any = self.codec
        frames = max(round(duration * codec.frame_rate), 1)
        long = [index for index in tracks if data.tracks[index].num_frames >= frames]
        if not long:
            raise DataError(
                f"no track of {data.root} lasts {frames / codec.frame_rate:g} s: lower "
                "data.duration or data.val_duration"
            )
        return LatentSegmentDataset(data, long, codec, frames, self.seed)

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> LatentSegment:
        """Copy a batch from pinned memory, during which the host goes on."""
        return LatentSegment(*(part.to(device, non_blocking=True) for part in batch))


class LatentSegmentDataset(Dataset[LatentSegment | JascoError]):
    """Infinite, index-addressed dataset of segments.

    Args:
        data: prepared dataset.
        tracks: indices of the tracks to cut from, none shorter than a segment.
        codec: codec of the latents.
        frames: latent frames T of a segment.
        seed: seed of all draws.
    """

    def __init__(
        self,
        data: PreparedDataset,
        tracks: Sequence[int],
        codec: EnCodec,
        frames: int,
        seed: int,
    ) -> None:
        self.data, self.tracks, self.frames, self.seed = data, tuple(tracks), frames, seed
        self.sample_rate, self.channels = codec.sample_rate, codec.channels
        self.hop_length = codec.hop_length
        starts = [data.tracks[index].num_frames - frames + 1 for index in tracks]
        self.ends = np.cumsum(starts)

    def __getitem__(self, sample_id: int) -> LatentSegment | JascoError:
        """Segment, or the error of its track."""
        rng = np.random.default_rng([self.seed, sample_id])
        place = int(rng.integers(self.ends[-1]))
        chosen = int(np.searchsorted(self.ends, place, side="right"))
        start = place - int(self.ends[chosen - 1] if chosen else 0)
        index = self.tracks[chosen]
        rate, samples = self.sample_rate, self.frames * self.hop_length
        try:
            latents = self.data.clip(index, start, self.frames).latents
            audio = load_audio(
                self.data.tracks[index].path,
                start=start * self.hop_length / rate,
                duration=samples / rate,
            ).resample(rate)
        except JascoError as error:
            return error
        wav = audio.samples
        if len(wav) != self.channels:
            louder = self._louder(index) if Phase.of(wav).louder() is not None else None
            wav = wav.mean(0, keepdim=True) if louder is None else wav[louder : louder + 1]
        wav = wav[:, :samples].expand(self.channels, -1)
        return LatentSegment(latents, F.pad(wav, (0, samples - wav.shape[1])))

    def _louder(self, index: int) -> int | None:
        """Channel that was encoded of a track whose channels cancel each other as a whole."""
        return Phase.of(load_audio(self.data.tracks[index].path).samples).louder()


def _stack(items: list[LatentSegment]) -> LatentSegment:
    return LatentSegment(*(torch.stack(part) for part in zip(*items, strict=True)))
