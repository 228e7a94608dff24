"""The residual quantiser: use of codes, gain of each codebook, and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from transformers import EncodecModel as Reference

from jasco.encodec import EncodecConfig, EncodecModel
from jasco.errors import SettingError
from jasco.training.codec.quantizer import CodebookLearner, straight_through

DIM = 16


def make_quantizer(codes: int = 256, layers: int = 4):
    torch.manual_seed(0)
    bits = codes.bit_length() - 1
    return EncodecModel(
        EncodecConfig(
            sampling_rate=32000,
            upsampling_ratios=[8, 5, 4, 4],
            num_filters=2,
            num_lstm_layers=1,
            hidden_size=DIM,
            codebook_dim=DIM,
            codebook_size=codes,
            target_bandwidths=[layers * bits * 50 / 1000],
        )
    )


def synthetic_latents(items: int, generator: torch.Generator, frames: int = 64) -> torch.Tensor:
    """(B, D, T) correlated over channels and time, of unequal channels, as latents are."""
    mix = torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(1))
    scales = torch.linspace(1.0, 0.1, DIM)
    noise = torch.randn(items, DIM, frames + 2, generator=generator)
    smooth = F.avg_pool1d(noise, 3, stride=1)
    return 3 * torch.einsum("ij,bjt->bit", mix * scales, smooth)


@pytest.fixture(scope="module")
def trained():
    """A quantiser of 4 x 256 codes after 300 steps on synthetic latents."""
    model = make_quantizer()
    learner = CodebookLearner(model.quantizer)
    generator = torch.Generator().manual_seed(2)
    for _ in range(300):
        learner(synthetic_latents(16, generator), learn=True)
    return model, learner, synthetic_latents(256, generator)


def test_over_nine_tenths_of_the_codes_are_used(trained):
    _, learner, latents = trained
    codes = learner(latents, learn=False).codes
    used = [len(layer.unique()) / 256 for layer in codes]
    assert min(used) > 0.9, used


def test_each_codebook_brings_the_latents_closer(trained):
    _, learner, latents = trained
    found = learner(latents, learn=False)
    errors = [F.mse_loss(partial, latents).item() for partial in found.latents]
    first = errors[0] / latents.var().item()
    # What 8 bits a frame can do for these latents, and no step under a tenth better.
    assert first < 0.5
    assert all(b < 0.9 * a for a, b in zip(errors, errors[1:], strict=False)), errors


def test_transformers_quantises_alike(trained, tmp_path):
    model, learner, latents = trained
    model.save(tmp_path)
    reference = Reference.from_pretrained(tmp_path).quantizer
    found = learner(latents, learn=False)
    assert torch.equal(found.codes, reference.encode(latents))
    torch.testing.assert_close(found.latents[-1], reference.decode(found.codes))


def test_looking_does_not_learn(trained):
    model, learner, latents = trained
    before = {k: v.clone() for k, v in model.quantizer.state_dict().items()}
    learner(latents, learn=False)
    assert all(torch.equal(before[k], v) for k, v in model.quantizer.state_dict().items())


def test_the_gradient_passes_straight_through():
    latents = torch.randn(2, DIM, 8, requires_grad=True)
    quantized = torch.randn(2, DIM, 8)
    upstream = torch.randn(2, DIM, 8)
    out = straight_through(latents, quantized)
    torch.testing.assert_close(out, quantized)
    out.backward(upstream)
    assert torch.equal(latents.grad, upstream)


def test_commitment_draws_latents_to_their_codes():
    learner = CodebookLearner(make_quantizer(16, 1).quantizer)
    latents = torch.randn(4, DIM, 32)
    for _ in range(20):
        learner(latents, learn=True)
    latents.requires_grad_()
    found = learner(latents, learn=False)
    found.commitment.backward()
    expected = 2 * (latents - found.latents[0]) / latents.numel()
    torch.testing.assert_close(latents.grad, expected)
    assert not found.latents.requires_grad


def test_a_codebook_is_the_moving_average_of_its_vectors():
    learner = CodebookLearner(make_quantizer(2, 1).quantizer, decay=0.5, dead_share=0.0)
    book = learner.quantizer.layers[0].codebook
    centres = torch.tensor([[-4.0], [4.0]]).expand(2, DIM)
    book.embed.copy_(centres)
    book.embed_avg.copy_(10 * centres)
    book.cluster_size.fill_(10)
    vectors = torch.cat([centres[:1] + 1, centres[:1] + 3, centres[1:]])
    learner(vectors.T[None], learn=True)
    # Sizes 10 -> (10 + 2) / 2 and (10 + 1) / 2; sums likewise.
    torch.testing.assert_close(book.cluster_size, torch.tensor([6.0, 5.5]))
    torch.testing.assert_close(book.embed[0], torch.full((DIM,), (-40 + -3 - 1) / 2 / 6))
    torch.testing.assert_close(book.embed[1], torch.full((DIM,), (40 + 4) / 2 / 5.5))


def test_dead_codes_are_given_vectors_of_the_batch():
    learner = CodebookLearner(make_quantizer(16, 1).quantizer)
    book = learner.quantizer.layers[0].codebook
    generator = torch.Generator().manual_seed(3)
    for _ in range(50):
        learner(synthetic_latents(4, generator), learn=True)
    book.embed[5:] = 1e4  # where no latent ever is
    book.embed_avg[5:] = 1e4 * book.cluster_size[5:, None]
    far = 100 + synthetic_latents(4, generator)  # and the latents move away from the others
    lost = learner(far, learn=False).codes.unique()
    for _ in range(600):
        learner(100 + synthetic_latents(4, generator), learn=True)
    used = learner(100 + synthetic_latents(64, generator), learn=False).codes.unique()
    assert len(lost) < 4 and len(used) == 16


def test_a_batch_smaller_than_the_codebook_fills_it_in_steps():
    learner = CodebookLearner(make_quantizer(64, 1).quantizer)
    book = learner.quantizer.layers[0].codebook
    generator = torch.Generator().manual_seed(4)
    filled = []
    for _ in range(4):
        learner(synthetic_latents(1, generator, frames=16), learn=True)
        filled.append(int((book.embed.abs().sum(1) > 0).sum()))
    assert filled == [16, 32, 48, 64]


@pytest.mark.parametrize("setting", [{"decay": 1.0}, {"decay": -0.1}, {"dead_share": 2.0}])
def test_settings_out_of_range(setting):
    with pytest.raises(SettingError, match=next(iter(setting))):
        CodebookLearner(make_quantizer(16, 1).quantizer, **setting)
