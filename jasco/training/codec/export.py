"""Export of a trained EnCodec for transformers, with the statistics of its latents."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from jasco.encodec import EncodecModel
from jasco.errors import CheckpointError, SettingError
from jasco.io.atomic import replacing_folder
from jasco.training.callbacks import averaged
from jasco.training.codec.module import CodecModule


class CodecExport(Callback):
    """Export of the codec with averaged weights at the end of its training.

    Args:
        folder: folder of the export; an earlier export is replaced.
        per_channel: statistics of each channel in place of those of all. With one scale for all,
            channels of low variance weigh little in the loss of a flow, as they do in the decoder;
            scaled to unit variance each, they weigh as much as the others.
    """

    def __init__(self, folder: str | os.PathLike[str], per_channel: bool = False) -> None:
        self.folder = Path(folder)
        self.per_channel = per_channel

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the latents of the validation segments, and write the codec."""
        if not isinstance(pl_module, CodecModule):
            raise SettingError("CodecExport belongs to a Trainer with a CodecModule")
        if not trainer.is_global_zero:
            return
        run: Any = trainer  # Lightning's types lack the data module
        with averaged(trainer, pl_module):
            model = pl_module.model
            segments = run.datamodule.val_dataloader()
            mean, std = measure_latents(model, segments, per_channel=self.per_channel)
            export_codec(model, self.folder, mean, std)


@torch.no_grad()
def measure_latents(
    model: EncodecModel, segments: Iterable[Tensor], *, per_channel: bool
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the latents before the quantiser, scalars or (D,), float64.

    Args:
        model: EnCodec in float32.
        segments: batches of waveforms (B, channels, N).
        per_channel: statistics of each channel, in place of those of all.

    Raises:
        SettingError: no segments.
    """
    device = next(model.parameters()).device
    sums: Tensor | None = None
    for wav in segments:
        latents = model.encoder(wav.to(device)).cpu().double()  # mps has no float64
        count = torch.full_like(latents[0, :, 0], latents[:, 0].numel())
        each = torch.stack([count, latents.sum((0, 2)), latents.square().sum((0, 2))])
        sums = each if sums is None else sums + each
    if sums is None:
        raise SettingError("no segments to measure the latents of: raise data.val_segments")
    count, total, squares = sums if per_channel else sums.sum(1)
    mean = total / count
    return mean, (squares / count - mean.square()).clamp(min=0).sqrt()


def export_codec(model: EncodecModel, folder: Path, mean: Tensor, std: Tensor) -> None:
    """Write an EnCodec atomically, with the statistics of its latents in ``config.json``.

    `EnCodec` reads them there, and transformers ignores them.

    Args:
        model: EnCodec to write.
        folder: destination; an EnCodec in it is replaced.
        mean, std: statistics of the latents, scalars or (D,).

    Raises:
        CheckpointError: the folder holds other files, or cannot be written.
    """
    model.config.latent_mean, model.config.latent_std = mean.tolist(), std.tolist()
    replace_codec(folder, model.save)


def replace_codec(folder: Path, save: Callable[[Path], None]) -> None:
    """Write a codec or a decoder atomically; one that is in the folder is replaced.

    Raises:
        CheckpointError: the folder holds other files, or cannot be written.
    """
    if folder.exists() and not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} exists and holds no codec: choose another folder")
    try:
        with replacing_folder(folder) as new:
            save(new)
    except OSError as error:
        raise CheckpointError(f"{folder} could not be written: {error}") from error
