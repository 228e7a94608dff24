"""The multi-scale STFT discriminator: shapes, losses, and learning."""

from __future__ import annotations

import pytest
import torch

from jasco.training.codec.discriminator import (
    DiscriminatorOutput,
    MultiScaleSTFTDiscriminator,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)

N_FFTS = (1024, 256)


@pytest.fixture
def discriminator():
    torch.manual_seed(0)
    return MultiScaleSTFTDiscriminator(channels=1, filters=4, n_ffts=N_FFTS)


def outputs(value: float, features: float = 1.0) -> list[DiscriminatorOutput]:
    return [
        DiscriminatorOutput(
            torch.full((2, 1, 3, 4), value), [torch.full((2, 5, 3, 4), features)] * 2
        )
    ] * 3


@pytest.mark.parametrize("channels", [1, 2])
def test_shapes(channels):
    samples = 8192
    model = MultiScaleSTFTDiscriminator(channels, filters=4, n_ffts=N_FFTS)
    found = model(torch.randn(2, channels, samples))
    for n_fft, judgement in zip(N_FFTS, found, strict=True):
        frames, bins = samples // (n_fft // 4) + 1, n_fft // 2 + 1
        widths = [bins]
        for _ in range(3):
            widths.append((widths[-1] + 1) // 2)
        shapes = [tuple(f.shape) for f in judgement.features]
        assert shapes == [(2, 4, frames, w) for w in (*widths, widths[-1])]
        assert judgement.logits.shape == (2, 1, frames, widths[-1])


def test_hinge_losses_of_known_judgements():
    assert discriminator_loss(outputs(2.0), outputs(-2.0)) == 0
    assert discriminator_loss(outputs(0.0), outputs(0.0)) == 2
    assert discriminator_loss(outputs(-1.0), outputs(0.5)) == 3.5
    assert adversarial_loss(outputs(1.5)) == 0
    assert adversarial_loss(outputs(-1.0)) == 2


def test_the_feature_loss_is_relative():
    assert feature_loss(outputs(0.0, 2.0), outputs(0.0, 2.0)) == 0
    assert feature_loss(outputs(0.0, 2.0), outputs(0.0, 3.0)) == 0.5
    assert feature_loss(outputs(0.0, 200.0), outputs(0.0, 300.0)) == 0.5


def test_it_learns_to_tell_tones_from_noise(discriminator):
    generator = torch.Generator().manual_seed(1)
    time = torch.arange(2048) / 32000
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        pitch = 200 + 2000 * torch.rand(4, 1, 1, generator=generator)
        real = 0.3 * torch.sin(2 * torch.pi * pitch * time)
        fake = 0.2 * torch.randn(4, 1, 2048, generator=generator)
        loss = discriminator_loss(discriminator(real), discriminator(fake))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1.5 and losses[-1] < 0.3, losses


def test_every_weight_and_the_sound_get_a_gradient(discriminator):
    fake = torch.randn(2, 1, 4096, requires_grad=True)
    real = torch.randn(2, 1, 4096)
    judged_fake, judged_real = discriminator(fake), discriminator(real)
    (adversarial_loss(judged_fake) + feature_loss(judged_real, judged_fake)).backward()
    assert fake.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in discriminator.parameters())
