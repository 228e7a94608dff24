"""LightningModule of EnCodec training: a continuous autoencoder with quantisable latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from jasco.codec import EnCodec
from jasco.errors import JascoError, SettingError
from jasco.training.clipping import clip_to_norm, gradient_norm
from jasco.training.codec.balancer import LossBalancer
from jasco.training.codec.discriminator import (
    MultiScaleSTFTDiscriminator,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from jasco.training.codec.initialization import init_pca
from jasco.training.codec.quantizer import CodebookLearner, straight_through
from jasco.training.codec.reconstruction import ReconstructionLoss, si_sdr
from jasco.training.module import TrainingModule
from jasco.training.optim import Optimization

RECONSTRUCTION = ("waveform", "stft", "mel", "flux")
ADVERSARIAL = ("adversarial", "features")
_AUDIBLE = 1e-3  # RMS below which SI-SDR, which falls without bound towards silence, is skipped


class CodecModule(TrainingModule):
    """Training of an `EnCodec`, from its configuration or from pretrained weights.

    The flow model decodes latents without quantisation, and drum codes are those of the first
    codebook. So most items of a batch are decoded unquantised, with noise, and some from the first
    1 to Q codebooks, drawn per item; the codebooks learn from all items.

    ``latent_noise`` and ``kl_weight`` determine the information in a latent, as in a variational
    autoencoder of fixed variance: latents are Gaussians of this deviation, with a penalty on their
    divergence from N(0, I), half their square up to a constant. Without the penalty an encoder
    scales its latents above any noise and spreads detail evenly over the channels: nearly white
    latents, which a flow learns slowly. With it, channels carry what the reconstruction needs, and
    the decoder tolerates errors of a flow.

    The target is the waveform without its mean: an inaudible DC offset would take the latent
    channel of most power, and a flow would learn to generate it.

    Args:
        codec: codec to train; random weights are initialised by `init_pca`.
        weights: share of the gradient of the losses ``waveform``, ``stft``, ``mel`` and ``flux``,
            and with a discriminator also ``adversarial`` and ``features``, which are otherwise
            ignored; see `LossBalancer`.
        reconstruction: arguments of `ReconstructionLoss` beside the sample rate.
        discriminator: discriminator to train against; ``None`` for none.
        optim: optimiser and learning-rate schedule.
        quantized_share: probability that an item is decoded from codes.
        commitment_weight: weight of the distance of the latents from their codes.
        latent_noise: standard deviation of the noise on unquantised latents.
        kl_weight: weight of the divergence of the latents from N(0, I).
        codebooks: arguments of `CodebookLearner` beside the quantiser.
        seed: seed of all draws.

    Raises:
        SettingError: a value out of range, or weights that do not fit the losses.
    """

    def __init__(
        self,
        codec: EnCodec,
        weights: Mapping[str, float],
        reconstruction: Mapping[str, Any] | None = None,
        discriminator: MultiScaleSTFTDiscriminator | None = None,
        optim: Optimization | None = None,
        quantized_share: float = 0.25,
        commitment_weight: float = 0.01,
        latent_noise: float = 0.3,
        kl_weight: float = 1e-3,
        codebooks: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(optim, seed)
        if not 0 <= quantized_share <= 1:
            raise SettingError(f"quantized_share={quantized_share}: give a share from 0 to 1")
        for name, value in (
            ("commitment_weight", commitment_weight),
            ("latent_noise", latent_noise),
            ("kl_weight", kl_weight),
        ):
            if value < 0:
                raise SettingError(f"{name}={value}: give 0 or more")
        wanted = RECONSTRUCTION if discriminator is None else RECONSTRUCTION + ADVERSARIAL
        absent = [name for name in wanted if name not in weights]
        unknown = [name for name in weights if name not in RECONSTRUCTION + ADVERSARIAL]
        if absent or unknown:
            raise SettingError(
                f"weights has {', '.join(weights)}: it takes those of {', '.join(wanted)}"
            )
        self.model = codec.model.requires_grad_(True).train()
        if codec.source is None:
            torch.manual_seed(seed)
            init_pca(self.model)
        self.reconstruction = ReconstructionLoss(codec.sample_rate, **(reconstruction or {}))
        self.discriminator = discriminator
        self.balancer = LossBalancer({name: weights[name] for name in wanted})
        self.learner = CodebookLearner(self.model.quantizer, **(codebooks or {}))
        self.quantized_share = quantized_share
        self.commitment_weight = commitment_weight
        self.latent_noise, self.kl_weight = latent_noise, kl_weight

    # --- training ----------------------------------------------------------------------------

    def training_step(self, wav: Tensor, batch_idx: int) -> Tensor:
        """Objective for waveforms (B, channels, N)."""
        objective, losses = self.objective(wav)
        self.log_dict({f"train/{name}": loss.detach() for name, loss in losses.items()})
        self.log("train/loss", self._total(losses), prog_bar=True)
        self.log("train/lr", self.trainer.optimizers[0].param_groups[0]["lr"])
        return objective

    def objective(self, wav: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise for waveforms (B, channels, N), and its losses.

        Only the gradient of the scalar is meaningful: balanced gradients for the codec, and that of
        its own loss for the discriminator.
        """
        latents = self.model.encoder(wav).float()
        wav = _about_mean(wav)
        with torch.autocast(wav.device.type, enabled=False):
            passed, commitment = self._bottleneck(latents)
        decoded = self.model.decoder(passed).float()
        output = (
            decoded.detach().requires_grad_()
        )  # the balancer alone passes gradients to the codec
        losses = self.reconstruction(output, wav)
        others = {
            "commitment": self.commitment_weight * commitment,
            "kl": self.kl_weight * 0.5 * latents.square().mean(),
        }
        if self.discriminator is not None:
            real, fake = self.discriminator(wav), self.discriminator(output)
            losses["adversarial"] = adversarial_loss(fake)
            losses["features"] = feature_loss(real, fake)
            others["discriminator"] = discriminator_loss(real, fake)
        gradient = self.balancer(losses, output)
        objective = (decoded * gradient).sum() + torch.stack(list(others.values())).sum()
        return objective, losses | others

    def _bottleneck(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Input of the decoder for latents (B, D, T), and commitment loss."""
        quantized = self.learner(latents, learn=True)
        items = len(latents)
        depth = torch.randint(len(quantized.latents), (items,), device=latents.device)
        by_codes = torch.rand(items, device=latents.device) < self.quantized_share
        noisy = latents + self.latent_noise * torch.randn_like(latents)
        chosen = quantized.latents[depth, torch.arange(items, device=latents.device)]
        through = straight_through(latents, chosen)
        return torch.where(by_codes[:, None, None], through, noisy), quantized.commitment

    def _total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Weighted mean of the reconstruction losses, for logs."""
        weights = {name: self.balancer.weights[name] for name in RECONSTRUCTION}
        weighted = torch.stack([w * losses[name].detach() for name, w in weights.items()])
        return weighted.sum() / max(sum(weights.values()), 1e-9)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient norms of codec and discriminator, or stop where one is not finite.

        Raises:
            JascoError: not finite; on all ranks, before the weights change.
        """
        for name in ("model", "discriminator"):
            part = getattr(self, name)
            if part is None:
                continue
            norm, fine = gradient_norm(part.parameters(), self.trainer.strategy)
            if not fine:
                raise JascoError(
                    f"the gradient is not finite at step {self.trainer.global_step}: lower "
                    "optim.lr, or check the audio"
                )
            clip_to_norm(part.parameters(), norm, gradient_clip_val)
            self.log(f"train/grad_norm/{name}", norm)

    # --- evaluation --------------------------------------------------------------------------

    def validation_step(self, wav: Tensor, batch_idx: int) -> None:
        """Losses without quantisation; SI-SDR (dB) of audible items, also from codes."""
        with torch.autocast(wav.device.type, enabled=False):
            latents = self.model.encoder(wav)
            quantized = self.learner(latents, learn=False)
            decoded = self.model.decoder(latents)
            from_codes = self.model.decoder(quantized.latents[-1])
        wav = _about_mean(wav)
        losses = self.reconstruction(decoded, wav)
        self._log_validation(losses | {"loss": self._total(losses)}, len(wav))
        audible = wav.flatten(1).square().mean(1) > _AUDIBLE**2
        if audible.any():
            ratios = {"si_sdr": decoded, "si_sdr/codes": from_codes}
            means = {k: si_sdr(y[audible], wav[audible]).mean() for k, y in ratios.items()}
            self._log_validation(means, int(audible.sum()))

    def _log_validation(self, found: Mapping[str, Tensor], items: int) -> None:
        named = {f"val/{name}": value for name, value in found.items()}
        self.log_dict(named, batch_size=items, sync_dist=True)


def _about_mean(wav: Tensor) -> Tensor:
    """Waveforms (B, channels, N) without their DC offset."""
    return wav - wav.mean(dim=-1, keepdim=True)
