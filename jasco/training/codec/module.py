"""LightningModule of EnCodec training: a continuous autoencoder with quantisable latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from jasco.codec import EnCodec
from jasco.encodec import EncodecModel
from jasco.errors import SettingError
from jasco.training.codec.discriminator import MultiScaleSTFTDiscriminator
from jasco.training.codec.initialization import init_pca
from jasco.training.codec.quantizer import CodebookLearner, straight_through
from jasco.training.codec.waveforms import WaveformModule
from jasco.training.optim import Optimization


class CodecModule(WaveformModule):
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
            and others of `WaveformModule`.
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

    model: EncodecModel

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
        model = codec.model.requires_grad_(True).train()
        super().__init__(
            model, codec.sample_rate, weights, reconstruction, discriminator, optim, seed
        )
        if not 0 <= quantized_share <= 1:
            raise SettingError(f"quantized_share={quantized_share}: give a share from 0 to 1")
        for name, value in (
            ("commitment_weight", commitment_weight),
            ("latent_noise", latent_noise),
            ("kl_weight", kl_weight),
        ):
            if value < 0:
                raise SettingError(f"{name}={value}: give 0 or more")
        if codec.source is None:
            torch.manual_seed(seed)
            init_pca(self.model)
        self.learner = CodebookLearner(self.model.quantizer, **(codebooks or {}))
        self.quantized_share = quantized_share
        self.commitment_weight = commitment_weight
        self.latent_noise, self.kl_weight = latent_noise, kl_weight

    def objective(self, wav: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar to minimise for waveforms (B, channels, N), and its losses; see `balanced`."""
        latents = self.model.encoder(wav).float()
        with torch.autocast(wav.device.type, enabled=False):
            passed, commitment = self._bottleneck(latents)
        decoded = self.model.decoder(passed).float()
        others = {
            "commitment": self.commitment_weight * commitment,
            "kl": self.kl_weight * 0.5 * latents.square().mean(),
        }
        return self.balanced(decoded, wav, others)

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

    def validation_step(self, wav: Tensor, batch_idx: int) -> None:
        """Losses without quantisation; SI-SDR (dB) of audible items, also from codes."""
        with torch.autocast(wav.device.type, enabled=False):
            latents = self.model.encoder(wav)
            quantized = self.learner(latents, learn=False)
            decoded = self.model.decoder(latents)
            from_codes = self.model.decoder(quantized.latents[-1])
        self.log_reconstructions(wav, {"si_sdr": decoded, "si_sdr/codes": from_codes})
