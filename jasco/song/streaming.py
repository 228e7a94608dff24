"""Streams: songs whose windows are generated from left to right, with audio as it becomes final.

Each window after the first begins with frames of the window before it, which are kept on their path
(see `jasco.song.inpainting`). A song of blended windows is final at its end only; its windows see
what follows them, those of a stream do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from jasco.audio import Audio, high_pass, loudness
from jasco.audio.live import levelled, live_gain, save_blocks
from jasco.conditions import ConditionBatch, Conditions
from jasco.device import to_device
from jasco.errors import SettingError
from jasco.generation import LOUDNESS, NoiseSource, report_to
from jasco.song.curves import cut
from jasco.song.inpainting import Inpainting
from jasco.song.integration import WINDOW_BATCH, part_of_run
from jasco.song.prepared import Prepared
from jasco.song.sampling import Sampling
from jasco.song.sections import plain_sections
from jasco.song.texts import encoded_texts, frames_of_sections
from jasco.song.windows import Windows, windows_of

CONTEXT = 0.25
"""Least part of a window that is known from the window before it."""
BLOCK = 10
"""Latent frames of a block of audio."""


class SongStream(Iterator[Audio]):
    """Blocks of audio of one song, as decoded, each computed when it is asked for.

    `close` ends the work, as the end of the program or an error does.

    Args:
        model: `jasco.model.Jasco`.
        clip: conditions of the song.
        duration, encoded, sections, progress, callback, window_batch: see
            `jasco.model.Jasco.generate`.
        settings: see `Sampling.of`.

    Attributes:
        sample_rate, channels, samples: format and length of the audio.
        recipe: recipe of the song, as in a `jasco.generation.Generation`.
        notes: changes that fitted the conditions to the model.
        level: loudness (LUFS) of the first window; ``None`` before it is generated.
        began: time of the first block, of `time.perf_counter`; ``None`` before it.

    Raises:
        JascoError: conditions or settings that do not fit.
    """

    def __init__(
        self,
        model: Any,
        clip: Conditions,
        *,
        duration: float | None = None,
        encoded: ConditionBatch | None = None,
        sections: Sequence[Any] | None = None,
        progress: bool = False,
        callback: Callable[[int, int], None] | None = None,
        window_batch: int = WINDOW_BATCH,
        **settings: Any,
    ) -> None:
        self.model, self.sampling = model, Sampling.of(model, 1, **settings)
        if len(self.sampling.seeds) > 1:
            raise SettingError("a stream is one take: leave num_samples out")
        made = Prepared.of(model, [clip], [self.sampling.guidance], duration, sections, encoded)
        (self.frames,), self._encoded = made.frames, made.encoded
        (self.clip,), (self.sections,) = made.clips, made.sections
        (self._guidance,), (self.notes,) = made.guidance, made.notes
        self.sample_rate, self.channels = model.sample_rate, model.codec.channels
        self.samples = self.frames * model.codec.hop_length
        self.level: float | None = None
        self.began: float | None = None
        self._first = torch.zeros(0)
        song = plain_sections(self.sections) | {"kind": "stream"}
        self.recipe = self.sampling.recipe(
            self.sampling.seeds[0], self.clip, self.frames, song=song
        )
        self._progress, self._callback, self._window_batch = progress, callback, window_batch
        self._latents: Any = self.latents()
        self._blocks: Any = self._decoded()

    def __next__(self) -> Audio:
        block = next(self._blocks)
        self.began = self.began or time.perf_counter()
        return Audio(block[0].cpu(), self.sample_rate)

    def _decoded(self) -> Iterator[Tensor]:
        """Blocks of audio (1, channels, N)."""
        codec = self.model.codec
        if self.frames > self.model.num_frames():
            yield from codec.decode_blocks(self._latents, BLOCK)
            return
        for _ in self._latents:  # the only window is decoded already, for its level
            yield from self._first.split(BLOCK * codec.hop_length, dim=-1)

    def close(self) -> None:
        """End the work; there are no further blocks."""
        self._blocks.close()
        self._latents.close()

    @property
    def duration(self) -> float:
        """Length (s)."""
        return self.samples / self.sample_rate

    def gain(self, target: float = LOUDNESS) -> float | None:
        """Gain (dB) of `normalized`; ``None`` before the first window is generated."""
        return None if self.level is None else live_gain(self.level, target)

    def normalized(self, target: float = LOUDNESS) -> Iterator[Audio]:
        """Blocks at a loudness (LUFS): that of the first window, because the rest is not known.

        The gain is constant, at most `jasco.audio.live.MAX_GAIN`. A causal high-pass filter removes
        a DC offset, and a limiter keeps peaks below -1 dBFS.
        """
        try:
            first = next(self)
            yield from levelled(chain([first], self), self.gain(target) or 0.0)
        finally:
            self.close()

    def save(
        self,
        path: str | PathLike[str] | BinaryIO,
        *,
        loudness: float | None = LOUDNESS,
        recipe: bool = True,
        mark: bool = True,
    ) -> Path | None:
        """Write a wav file while the song is generated.

        The header states the whole length and holds the recipe, so that players can begin at once.
        Where the work ends early, the file is a whole one of what there is.

        Args:
            path: path of the file, or file object opened for writing bytes, such as a pipe.
            loudness: target (LUFS), see `normalized`; ``None`` keeps the level.
            recipe: write the recipe into the file.
            mark: state in the file that it is generated, see `jasco.audio.marks`.

        Raises:
            AudioError: a path that cannot be written, or another suffix.
        """
        plain = self.recipe | {"loudness": "none" if loudness is None else loudness}
        try:
            return save_blocks(
                path,
                self if loudness is None else self.normalized(loudness),
                (self.sample_rate, self.channels, self.samples),
                plain if recipe else None,
                mark,
            )
        finally:
            self.close()

    @torch.no_grad()
    def latents(self) -> Iterator[Tensor]:
        """Latents (1, T, D) of each window, without those that were known."""
        model, sampling, size = self.model, self.sampling, self.model.num_frames()
        plan = windows_of(self.clip, self.frames, size, model.frame_rate, CONTEXT)
        starts, length = plan.frames[:, 0].tolist(), plan.frames.shape[1]
        noise, dim, done = NoiseSource(sampling.seeds), model.codec.latent_dim, 0
        spans, texts = frames_of_sections(self.sections, model.frame_rate), None
        if spans:
            texts = encoded_texts(model, self.clip, self.sections)
        z_0 = z_1 = torch.zeros(1, 0, dim, device=model.device)
        with sampling.bar(self._progress) as bar:
            report = report_to(bar, self._callback)
            for number, start in enumerate(starts):
                known = done - start
                fresh = to_device(noise.draw((length - known, dim)), model.device)
                z_0 = torch.cat([z_0[:, z_0.shape[1] - known :], fresh], 1)
                z_1 = torch.cat([z_1[:, z_1.shape[1] - known :], fresh], 1)
                frames = torch.arange(start, start + length)
                windows = Windows.of([start], length, self.frames)
                if spans:
                    windows = windows.with_texts(spans, 0)
                z_1 = sampling.integrate(
                    z_0,
                    self._encoded.at([0], to_device(frames[None], model.device)),
                    [replace(windows, frames=windows.frames - start)],
                    solver=self._inpainting(z_1, known, noise) if known else None,
                    guidance=[cut(self._guidance, frames.numpy())],
                    report=part_of_run(report, number, len(starts)),
                    window_batch=self._window_batch,
                    texts=texts,
                )
                if self.level is None:
                    self._first = model.codec.decode(z_1).float().cpu()
                    decoded = Audio(self._first[0], self.sample_rate)
                    self.level = loudness(high_pass(decoded))
                yield z_1[:, known:]
                done = start + length

    def _inpainting(self, z_1: Tensor, known: int, noise: NoiseSource) -> Inpainting:
        """Solver of a window whose first frames are known."""
        kept = to_device(torch.arange(z_1.shape[1]) < known, z_1.device)
        return Inpainting(
            self.sampling.solver,
            z_1,
            kept,
            lambda: to_device(noise.draw(z_1.shape[1:]), z_1.device),
        )
