"""Base of the LightningModules whose output is a waveform: balanced losses, and their logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from jasco.errors import SettingError
from jasco.training.codec.balancer import LossBalancer
from jasco.training.codec.discriminator import (
    MultiScaleSTFTDiscriminator,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from jasco.training.codec.reconstruction import ReconstructionLoss, relative_error, si_sdr
from jasco.training.module import TrainingModule
from jasco.training.optim import Optimization

RECONSTRUCTION = ("waveform", "stft", "mel", "flux")
OPTIONAL = ("snr",)
ADVERSARIAL = ("adversarial", "features")
_AUDIBLE = 1e-3  # RMS below which SI-SDR, which falls without bound towards silence, is skipped


class WaveformModule(TrainingModule):
    """Training of waveforms towards those of recordings, without their DC offset.

    Args:
        model: trained part that makes the waveforms.
        sample_rate: Hz.
        weights: share of the gradient of the losses ``waveform``, ``stft``, ``mel`` and ``flux``,
            where wanted of ``snr`` (`relative_error`), and with a discriminator of ``adversarial``
            and ``features``, which are otherwise ignored; see `LossBalancer`.
        reconstruction: arguments of `ReconstructionLoss` beside the sample rate.
        discriminator: discriminator to train against; ``None`` for none.
        optim: optimiser and learning-rate schedule.
        seed: seed of all draws.

    Raises:
        SettingError: weights that do not fit the losses.
    """

    def __init__(
        self,
        model: nn.Module,
        sample_rate: int,
        weights: Mapping[str, float],
        reconstruction: Mapping[str, Any] | None = None,
        discriminator: MultiScaleSTFTDiscriminator | None = None,
        optim: Optimization | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(optim, seed)
        wanted = RECONSTRUCTION + tuple(name for name in OPTIONAL if name in weights)
        wanted += () if discriminator is None else ADVERSARIAL
        absent = [name for name in wanted if name not in weights]
        unknown = [name for name in weights if name not in RECONSTRUCTION + OPTIONAL + ADVERSARIAL]
        if absent or unknown:
            raise SettingError(
                f"weights has {', '.join(weights)}: it takes those of {', '.join(wanted)}"
            )
        self.model = model
        self.reconstruction = ReconstructionLoss(sample_rate, **(reconstruction or {}))
        self.discriminator = discriminator
        self.balancer = LossBalancer({name: weights[name] for name in wanted})
        self._compared = tuple(name for name in wanted if name not in ADVERSARIAL)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Objective for a batch."""
        objective, losses = self.objective(batch)
        self.log_dict({f"train/{name}": loss.detach() for name, loss in losses.items()})
        self.log("train/loss", self._total(losses), prog_bar=True)
        self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])
        return objective

    def objective(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise for a batch, and its losses; see `balanced`."""
        raise NotImplementedError

    def balanced(
        self, made: Tensor, wav: Tensor, others: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise for made waveforms (B, channels, N), and its losses.

        Only the gradient of the scalar is meaningful: balanced gradients for the waveforms, and
        that of its own loss for the discriminator.

        Args:
            made: waveforms with a graph.
            wav: recordings (B, channels, N).
            others: losses that are added as they are.
        """
        wav = _about_mean(wav)
        # The balancer alone passes gradients on.
        output = made.detach().requires_grad_()
        losses = self._losses(output, wav)
        others = dict(others or {})
        if self.discriminator is not None:
            real, fake = self.discriminator(wav), self.discriminator(output)
            losses["adversarial"] = adversarial_loss(fake)
            losses["features"] = feature_loss(real, fake)
            others["discriminator"] = discriminator_loss(real, fake)
        objective = (made * self.balancer(losses, output)).sum()
        if others:
            objective = objective + torch.stack(list(others.values())).sum()
        return objective, losses | others

    def _losses(self, made: Tensor, wav: Tensor) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self.reconstruction(made, wav)
        if "snr" in self._compared:
            losses["snr"] = relative_error(made, wav, self.reconstruction.floor)
        return losses

    def _total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Weighted mean of the reconstruction losses, for logs."""
        weights = {name: self.balancer.weights[name] for name in self._compared}
        weighted = torch.stack([w * losses[name].detach() for name, w in weights.items()])
        return weighted.sum() / max(sum(weights.values()), 1e-9)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient norms of model and discriminator, or stop where one is not finite.

        Raises:
            JascoError: not finite; on all ranks, before the weights change.
        """
        for name in ("model", "discriminator"):
            part = getattr(self, name)
            if part is not None:
                label, advice = f"train/grad_norm/{name}", ", or check the audio"
                self.clip_or_stop(part, gradient_clip_val, label, advice)

    def log_reconstructions(self, wav: Tensor, made: Mapping[str, Tensor]) -> None:
        """Log the losses of the first of several waveforms, and the SI-SDR (dB) of each.

        Args:
            wav: recordings (B, channels, N).
            made: name of the SI-SDR -> waveforms; inaudible items are left out.
        """
        wav = _about_mean(wav)
        losses = self._losses(next(iter(made.values())), wav)
        self._log_validation(losses | {"loss": self._total(losses)}, len(wav))
        audible = wav.flatten(1).square().mean(1) > _AUDIBLE**2
        if audible.any():
            means = {k: si_sdr(y[audible], wav[audible]).mean() for k, y in made.items()}
            self._log_validation(means, int(audible.sum()))

    def _log_validation(self, found: Mapping[str, Tensor], items: int) -> None:
        named = {f"val/{name}": value for name, value in found.items()}
        self.log_dict(named, batch_size=items, sync_dist=True)


def _about_mean(wav: Tensor) -> Tensor:
    """Waveforms (B, channels, N) without their DC offset."""
    return wav - wav.mean(dim=-1, keepdim=True)
