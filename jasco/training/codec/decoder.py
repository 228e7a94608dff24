"""LightningModule of a `FourierDecoder` for the latents of a trained EnCodec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from jasco.checkpoint.codec import CodecSource
from jasco.data.latent_segments import LatentSegment, LatentSegmentDataModule
from jasco.encodec import FourierDecoder
from jasco.encodec.fourier import sizes_of
from jasco.errors import SettingError
from jasco.training.callbacks import averaged
from jasco.training.codec.discriminator import MultiScaleSTFTDiscriminator
from jasco.training.codec.export import replace_codec
from jasco.training.codec.linear import fit_linear
from jasco.training.codec.waveforms import WaveformModule
from jasco.training.optim import Optimization


class DecoderModule(WaveformModule):
    """Training of a decoder on prepared latents. The codec is not part of it and stays as it is.

    Args:
        codec: codec of the latents.
        decoder: values of a `FourierDecoderConfig` beside those that the codec determines, or
            ``pretrained``, a folder of a decoder to start from.
        weights: share of the gradient of each loss; see `WaveformModule`.
        reconstruction: arguments of `ReconstructionLoss` beside the sample rate.
        discriminator: discriminator to train against; ``None`` for none.
        optim: optimiser and learning-rate schedule.
        latent_noise: standard deviation of the noise on the latents, relative to theirs. A decoder
            of exact latents amplifies the errors of a flow.
        linear_batches: batches that the linear decoder is fitted to before the first step.
        seed: seed of all draws.

    Raises:
        SettingError: a value out of range, or a decoder for another codec.
    """

    model: FourierDecoder

    def __init__(
        self,
        codec: CodecSource,
        decoder: Mapping[str, Any],
        weights: Mapping[str, float],
        reconstruction: Mapping[str, Any] | None = None,
        discriminator: MultiScaleSTFTDiscriminator | None = None,
        optim: Optimization | None = None,
        latent_noise: float = 0.1,
        linear_batches: int = 200,
        seed: int = 0,
    ) -> None:
        if latent_noise < 0:
            raise SettingError(f"latent_noise={latent_noise}: give 0 or more")
        loaded = codec.load()
        given = {name: value for name, value in decoder.items() if value is not None}
        if "pretrained" in given:
            model = FourierDecoder(given["pretrained"])
            model.config.require_fit(loaded.model.config)
        else:
            scale = {
                "latent_mean": float(loaded.mean.mean()),
                "latent_std": float(loaded.std.mean()),
            }
            torch.manual_seed(seed)
            model = FourierDecoder(config=scale | given | sizes_of(loaded.model.config))
        super().__init__(
            model, loaded.sample_rate, weights, reconstruction, discriminator, optim, seed
        )
        self.codec = [loaded]  # in a list, so that it is no part of the module
        self.fresh = "pretrained" not in given
        self.latent_noise, self.linear_batches = latent_noise, linear_batches

    def configure_data(self, data: Any) -> None:
        """Hand over the codec of the latents."""
        if not isinstance(data, LatentSegmentDataModule):
            raise SettingError("DecoderModule takes prepared latents: data=latent_segments")
        (data.codec,) = self.codec

    def on_fit_start(self) -> None:
        """Fit the linear decoder of a new run."""
        if self.fresh and self.trainer.ckpt_path is None:
            run: Any = self.trainer
            fit_linear(self.model, islice(run.datamodule.train_dataloader(), self.linear_batches))

    def objective(self, batch: LatentSegment) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise for a batch, and its losses; see `balanced`."""
        latents = rearrange(batch.latents, "b t d -> b d t")
        scale = self.latent_noise * self.model.config.latent_std
        made = self.model(latents + scale * torch.randn_like(latents))
        return self.balanced(made.float(), batch.wav)

    def validation_step(self, batch: LatentSegment, batch_idx: int) -> None:
        """Losses, and SI-SDR (dB) of audible items, of latents without noise."""
        with torch.autocast(batch.wav.device.type, enabled=False):
            made = self.model(rearrange(batch.latents, "b t d -> b d t"))
        self.log_reconstructions(batch.wav, {"si_sdr": made})


class DecoderExport(Callback):
    """Export of the decoder with averaged weights at the end of its training.

    Args:
        folder: folder of the export; an earlier export is replaced.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the decoder."""
        if not isinstance(pl_module, DecoderModule):
            raise SettingError("DecoderExport belongs to a Trainer with a DecoderModule")
        if trainer.is_global_zero:
            with averaged(trainer, pl_module):
                replace_codec(self.folder, pl_module.model.save)
