"""Samples with spectrograms that are generated during training."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor
from torch.nn import functional as F

from jasco.adherence import AdherenceReport, ControlExtractor, comparison
from jasco.adherence.controls import any_uses_salience
from jasco.audio import Audio, save_audio
from jasco.conditions import Conditions
from jasco.controls import CONTROLS
from jasco.data.clips import ClipBatch
from jasco.errors import SettingError
from jasco.flow import Guidance, Solver
from jasco.generation import Generation
from jasco.io.atomic import replacing, write_text
from jasco.melody import NUM_NOTES, Melody
from jasco.training.callbacks import averaged
from jasco.training.flow.module import JascoModule

WIDTH, HEIGHT = 800, 256
"""Size of a spectrogram (pixels)."""


class Samples(Callback):
    """Generation of the first validation clips with averaged weights, also at the last step.

    Audio, its spectrogram above the requested melody, and the conditions are written to the folder
    and to TensorBoard or Weights & Biases, where one of them logs the run.

    Args:
        folder: folder of the files.
        every: steps between samples.
        clips: number of clips.
        solver, guidance: settings in place of the model's own.
        adherence: controls whose adherence is logged, the mean of their main scores.

    Raises:
        SettingError: a number below 1, or a control that samples cannot be compared in.
        MissingPartError: the extractor of a control is not installed.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int = 5000,
        clips: int = 4,
        solver: Solver | None = None,
        guidance: Mapping[str, float] | None = None,
        adherence: Sequence[str] = (),
    ) -> None:
        if every < 1 or clips < 1:
            raise SettingError(f"samples every={every}, clips={clips}: give at least 1")
        known = [name for name in CONTROLS if not comparison(name).needs_recording]
        if unknown := [name for name in adherence if name not in known]:
            raise SettingError(
                f"samples adherence={unknown[0]}: give some of {', '.join(known)}; jasco-evaluate "
                "scores all controls"
            )
        for name in adherence:
            comparison(name).require()
        self.adherence = tuple(adherence)
        self.folder = Path(folder)
        self.every, self.clips = every, clips
        self.solver = solver
        self.guidance = None if guidance is None else Guidance(**guidance)
        self._asked: ClipBatch | None = None
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._step or (step % self.every and step != trainer.max_steps):
            return
        self._step = step
        if trainer.is_global_zero and isinstance(pl_module, JascoModule):
            self._make(trainer, pl_module, step)

    def _make(self, trainer: Any, module: JascoModule, step: int) -> None:
        if self._asked is None:
            self._asked = trainer.datamodule.validation_clips(self.clips)
        with averaged(trainer, module):
            module.model.eval()
            made = module.model.generate(
                self._asked.conditions,
                seed=self._asked.sample_ids,
                solver=self.solver,
                guidance=self.guidance,
            )
            module.model.train()
        for k, asked in enumerate(self._asked.conditions):
            melody = asked.melody
            image = picture(Audio(made.audio[k], made.sample_rate), melody)
            self._write(made, k, image, self.folder / f"step-{step:07d}")
            for logger in trainer.loggers:
                log_sample(logger, f"sample/{k}", made, k, image, step)
        if self.adherence:
            means = adherence_means(made, self._asked.conditions, self.adherence)
            for logger in trainer.loggers:
                logger.log_metrics(means, step - 1)

    def _write(self, made: Generation, k: int, image: Tensor, folder: Path) -> None:
        from PIL import Image

        audio = Audio(made.audio[k], made.sample_rate)
        save_audio(folder / f"{k}.flac", *audio, loudness=None, recipe=made.recipe[k])
        with replacing(folder / f"{k}.png") as part:
            Image.fromarray(image.numpy()).save(part, "png")
        write_text(folder / f"{k}.json", json.dumps(made.recipe[k]) + "\n")


def adherence_means(
    made: Generation, asked: Sequence[Conditions], controls: Sequence[str]
) -> dict[str, float]:
    """Mean of the main score of each control over those clips that ask for it."""
    salience = any_uses_salience(controls)
    extractor = ControlExtractor.load(device="cpu") if salience else ControlExtractor(None)
    scores: dict[str, list[float]] = {}
    for k, clip in enumerate(asked):
        wanted = clip.without(*(name for name in CONTROLS if name not in controls))
        report = AdherenceReport.check(Audio(made.audio[k], made.sample_rate), wanted, extractor)
        for name, score in report.main.items():
            scores.setdefault(f"adherence/{name}", []).append(score)
    return {name: fmean(found) for name, found in scores.items()}


def log_sample(logger: Any, name: str, made: Generation, k: int, image: Tensor, step: int) -> None:
    """Log one sample to TensorBoard or Weights & Biases."""
    audio, asked = made.audio[k].mean(0).clamp(-1, 1), json.dumps(made.recipe[k]["conditions"])
    if isinstance(logger, TensorBoardLogger):
        board = logger.experiment
        board.add_audio(name, audio, step, sample_rate=made.sample_rate)
        board.add_image(name, image, step, dataformats="HW")
        board.add_text(name, f"```\n{asked}\n```", step)
    elif isinstance(logger, WandbLogger):
        rate, caption = [made.sample_rate], [asked[:1000]]
        logger.log_audio(f"{name}/audio", [audio.numpy()], step, sample_rate=rate, caption=caption)
        logger.log_image(f"{name}/spectrogram", [image.numpy()], step)


def picture(audio: Audio, melody: Melody | None = None) -> Tensor:
    """Log spectrogram (height, width) as uint8, with 0 Hz at the bottom and a range of 80 dB.

    The piano roll of a requested melody is drawn below it, on the same time axis.
    """
    samples = audio.mixed()[0].samples[0]
    spectrum = torch.stft(
        samples, 2048, max(len(samples) // WIDTH, 1), window=torch.hann_window(2048),
        return_complex=True,
    )  # fmt: skip
    level = 20 * torch.log10(spectrum.abs() + 1e-7)
    level = F.adaptive_avg_pool2d(level[None], (HEIGHT, WIDTH))[0].flip(0)
    image = (level - level.max() + 80).clamp(0, 80) / 80
    if melody is not None:
        roll = (melody.roll > 0).float().flip(0)
        bigger = F.interpolate(roll[None, None], (2 * NUM_NOTES, WIDTH), mode="nearest")[0, 0]
        image = torch.cat([image, torch.ones(2, WIDTH), bigger])
    return (255 * image).round().to(torch.uint8)
