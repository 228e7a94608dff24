"""Codec training: learning of both paths, and bit-equal resumption."""

from __future__ import annotations

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from transformers import EncodecModel

from jasco.audio import save_audio
from jasco.checkpoint import build
from jasco.codec import EnCodec
from jasco.config import compose_config
from jasco.data.segments import SegmentDataModule
from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.training.callbacks import EMA, Checkpoints
from jasco.training.checkpoint_io import AtomicCheckpointIO
from jasco.training.codec.discriminator import (
    MultiScaleSTFTDiscriminator,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from jasco.training.codec.export import CodecExport, export_codec
from jasco.training.codec.module import CodecModule
from jasco.training.optim import Optimization

RATE = 8000
WEIGHTS = {"waveform": 8.0, "stft": 1.0, "mel": 1.0, "flux": 1.0}
ADVERSARIAL = {"adversarial": 1.0, "features": 1.0}
SPECTRA = {"n_ffts": (512, 128)}


def tiny_codec(**changes) -> EnCodec:
    torch.manual_seed(0)
    config = {
        "sampling_rate": RATE,
        "upsampling_ratios": [4, 4, 4],
        "num_filters": 8,
        "num_lstm_layers": 1,
        "hidden_size": 16,
        "codebook_dim": 16,
        "codebook_size": 32,
        "target_bandwidths": [5 * 125 * 2 / 1000],
        "use_causal_conv": False,
        "use_conv_shortcut": False,
    }
    return EnCodec(config={**config, **changes})


def new_module(codec: EnCodec | None = None, **changes) -> CodecModule:
    settings = {
        "weights": WEIGHTS,
        "reconstruction": SPECTRA,
        "optim": Optimization(lr=1e-3, betas=(0.8, 0.95), weight_decay=0.0, warmup=5),
    }
    return CodecModule(codec or tiny_codec(), **{**settings, **changes})


@pytest.fixture(scope="module")
def tunes(tmp_path_factory) -> Path:
    """A folder of two recordings of 3 s: plucked notes, at another rate and in stereo."""
    folder = tmp_path_factory.mktemp("tunes")
    generator = torch.Generator().manual_seed(0)
    rate = 16000
    time = torch.arange(3 * rate) / rate
    for name in ("one", "two"):
        sound = torch.zeros_like(time)
        for onset in torch.arange(0, 3, 0.25):
            pitch = 110 * 2 ** (torch.randint(24, (), generator=generator) / 12)
            after = (time - onset).clamp(min=0)
            for k in (1, 2, 3):
                sound += 0.2 / k * (time >= onset) * torch.exp(-6 * after) * torch.sin(
                    2 * torch.pi * k * pitch * after
                )  # fmt: skip
        save_audio(folder / f"{name}.wav", sound.expand(2, -1), rate, loudness=None)
    return folder


def new_data(tunes: Path, **changes) -> SegmentDataModule:
    settings = {
        "duration": 0.512,
        "batch_size": 4,
        "val_segments": 8,
        "val_duration": 1.024,
        "val_share": 0.0,
    }
    return SegmentDataModule(tunes, **{**settings, **changes})


def new_trainer(steps: int, *callbacks, **changes) -> pl.Trainer:
    settings = {
        "max_steps": steps,
        "accelerator": "cpu",
        "precision": "bf16-mixed",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "gradient_clip_val": 1.0,
        "limit_val_batches": 0,
        "callbacks": list(callbacks),
    }
    return pl.Trainer(**{**settings, **changes})


def test_an_offset_of_the_recording_is_nothing_to_reconstruct():
    codec = tiny_codec()
    module = new_module(codec, latent_noise=0.0, quantized_share=0.0)
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    wav = 0.1 * torch.randn(4, 1, 4096, generator=torch.Generator().manual_seed(1))
    offset = torch.tensor([0.2, -0.2, 0.1, -0.1])[:, None, None]

    def dc() -> float:
        with torch.no_grad():
            decoded = codec.model.decoder(codec.model.encoder(wav + offset))
        return float(decoded.mean(dim=-1).abs().max())

    before = dc()
    for step in range(60):
        torch.manual_seed(step)
        optimizer.zero_grad()
        module.objective(wav + offset)[0].backward()
        optimizer.step()
    assert before > 0.05 and dc() < 0.2 * before


def evaluate(module: CodecModule, data: SegmentDataModule) -> dict[str, float]:
    (found,) = new_trainer(1, limit_val_batches=2).validate(module, data, verbose=False)
    return found


@pytest.fixture(scope="module")
def trained(tunes):
    """A codec after 100 steps on six seconds of audio, and its scores before and after."""
    module, data = new_module(), new_data(tunes)
    before = evaluate(module, data)
    new_trainer(100).fit(module, data)
    return module, before, evaluate(module, data)


def test_a_few_seconds_are_learnt_by_both_paths(trained):
    _, before, after = trained
    assert before["val/si_sdr"] < 9 < 12 < after["val/si_sdr"]
    assert after["val/si_sdr/codes"] > 2, after
    for name, share in {"waveform": 0.6, "stft": 0.6, "mel": 0.7, "flux": 0.8}.items():
        assert after[f"val/{name}"] < share * before[f"val/{name}"], name


def test_the_first_codebook_tells_sounds_apart(trained, tunes):
    module, _, _ = trained
    data = new_data(tunes)
    new_trainer(1, limit_val_batches=2).validate(module, data, verbose=False)
    wav = torch.stack([data.datasets["val"][n] for n in range(8)])
    codes = module.model.quantizer.layers[0].encode(module.model.encoder(wav))
    assert len(codes.unique()) > 16


PLAIN = {"quantized_share": 0.0, "latent_noise": 0.0, "commitment_weight": 0.0, "kl_weight": 0.0}


@pytest.mark.parametrize("adversarial", [False, True])
def test_the_gradients_are_those_asked_for(adversarial):
    weights = WEIGHTS | (ADVERSARIAL if adversarial else {})
    judge = MultiScaleSTFTDiscriminator(1, filters=4, n_ffts=(256, 128)) if adversarial else None
    module = new_module(weights=weights, discriminator=judge, **PLAIN)
    wav = 0.1 * torch.randn(2, 1, 4096, generator=torch.Generator().manual_seed(1))
    wav -= wav.mean(dim=-1, keepdim=True)  # an offset is not reconstructed
    objective, _ = module.objective(wav)
    objective.backward()
    found = {name: p.grad.clone() for name, p in module.named_parameters()}
    module.zero_grad()

    decoded = module.model.decoder(module.model.encoder(wav))
    losses = module.reconstruction(decoded, wav)
    if judge is not None:
        losses["adversarial"] = adversarial_loss(judge(decoded))
        losses["features"] = feature_loss(judge(wav), judge(decoded))
    scales = {
        name: weights[name] / torch.autograd.grad(loss, decoded, retain_graph=True)[0].norm()
        for name, loss in losses.items()
    }
    total = sum(scales[name] * loss for name, loss in losses.items())
    (total / sum(weights.values()) / decoded.numel() ** 0.5).backward()
    expected = {name: p.grad.clone() for name, p in module.model.named_parameters("model")}
    if judge is not None:
        judge.zero_grad()
        discriminator_loss(judge(wav), judge(decoded.detach())).backward()
        expected |= {name: p.grad for name, p in judge.named_parameters("discriminator")}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        error = (found[name] - gradient).norm()
        assert error <= 1e-3 * gradient.norm() + 1e-8, name


def test_items_pass_through_codes_as_often_as_asked():
    module = new_module(quantized_share=0.3, latent_noise=0.0)
    for _ in range(3):
        module.learner(torch.randn(8, 16, 32), learn=True)
    latents = torch.randn(2000, 16, 4)
    state = {k: v.clone() for k, v in module.model.quantizer.state_dict().items()}
    passed, _ = module._bottleneck(latents)
    kept = (passed == latents).all(dim=(1, 2))
    assert (~kept).float().mean().item() == pytest.approx(0.3, abs=0.04)
    sums = module.learner(latents, learn=False).latents
    assert not all(torch.equal(state[k], v) for k, v in module.model.quantizer.state_dict().items())
    distance = (sums[:, ~kept] - passed[~kept]).abs().amax(dim=(2, 3))
    depths = distance.argmin(0)
    assert distance.amin(0).max() < 1e-5
    for depth in range(len(sums)):
        share = (depths == depth).float().mean().item()
        assert share == pytest.approx(1 / len(sums), abs=0.1)


def test_latent_noise_is_as_strong_as_asked():
    module = new_module(quantized_share=0.0, latent_noise=0.5)
    latents = torch.randn(50, 16, 32)
    passed, _ = module._bottleneck(latents)
    assert (passed - latents).std().item() == pytest.approx(0.5, rel=0.02)


def test_the_divergence_keeps_latents_small(tunes):
    data, sizes = new_data(tunes), {}
    for weight in (0.0, 1.0):
        module = new_module(kl_weight=weight)
        new_trainer(20).fit(module, data)
        wav = torch.stack([data.datasets["train"][n] for n in range(4)])
        sizes[weight] = module.model.encoder(wav).square().mean().item()
    assert sizes[1.0] < 0.3 * sizes[0.0], sizes


@pytest.mark.parametrize("adversarial", [False, True])
def test_a_run_that_goes_on_is_the_same_bit_for_bit(tunes, tmp_path, adversarial):
    def fit(name: str, **options) -> dict:
        torch.manual_seed(0)
        judge = MultiScaleSTFTDiscriminator(1, filters=2, n_ffts=(256,)) if adversarial else None
        weights = WEIGHTS | (ADVERSARIAL if adversarial else {})
        folder = tmp_path / name
        callbacks = [Checkpoints(folder, every=3, keep_every=3, spare_gb=0), EMA(0.9, every=1)]
        trainer = new_trainer(
            6, *callbacks, plugins=[AtomicCheckpointIO()], enable_checkpointing=True
        )
        trainer.fit(new_module(weights=weights, discriminator=judge), new_data(tunes), **options)
        return torch.load(folder / "last.ckpt", weights_only=True)

    straight = fit("straight")
    resumed = fit("resumed", ckpt_path=tmp_path / "straight" / "step-0000003.ckpt")
    assert straight["global_step"] == resumed["global_step"] == 6
    for key in ("state_dict", "optimizer_states", "lr_schedulers", "current_model_state"):
        flat = [dict(leaves(run[key])) for run in (straight, resumed)]
        assert flat[0].keys() == flat[1].keys() and len(flat[0]) > 0
        for name, value in flat[0].items():
            same = torch.equal if isinstance(value, torch.Tensor) else lambda a, b: a == b
            assert same(value, flat[1][name]), (key, name)


def leaves(tree, prefix=""):
    """(path, leaf) of nested dicts and lists."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in pairs:
        if isinstance(value, dict | list | tuple):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_export_is_an_encodec_that_knows_its_latents(tunes, tmp_path, per_channel):
    module, data = new_module(), new_data(tunes)
    export = CodecExport(tmp_path / "codec", per_channel=per_channel)
    new_trainer(8, EMA(decay=0.5, every=1), export).fit(module, data)

    loaded = EncodecModel.from_pretrained(tmp_path / "codec")
    wav = torch.stack([data.datasets["val"][n] for n in range(8)])
    with torch.no_grad():
        found = loaded.encode(wav, bandwidth=loaded.config.target_bandwidths[-1]).audio_codes
        meant = module.learner(module.model.encoder(wav), learn=False)
        assert torch.equal(found[0].transpose(0, 1), meant.codes)
        assert len(meant.codes) == 2 and len(meant.codes.unique()) > 8
        decoded = loaded.decode(found, [None]).audio_values
        torch.testing.assert_close(decoded, module.model.decoder(meant.latents[-1]))

    codec = EnCodec(pretrained=str(tmp_path / "codec"))
    assert codec.std.shape == ((16,) if per_channel else ())
    latents = codec.encode(wav)
    dims = (0, 1) if per_channel else (0, 1, 2)
    assert latents.mean(dims).abs().max() < 1e-4
    torch.testing.assert_close(
        latents.std(dims, correction=0), torch.ones_like(codec.std), atol=1e-4, rtol=1e-4
    )
    assert codec.decode(latents).shape == wav.shape
    assert codec.fingerprint() == EnCodec(pretrained=str(tmp_path / "codec")).fingerprint()


def test_a_model_takes_an_exported_codec_by_its_folder(trained, tmp_path):
    module, _, _ = trained
    export_codec(module.model, tmp_path / "codec", torch.tensor(0.5), torch.tensor(2.0))
    node = compose_config("+codec=trained", f"codec.pretrained={tmp_path / 'codec'}")["codec"]
    codec = build(node)
    assert codec.mean == 0.5 and codec.std == 2.0
    assert torch.equal(
        codec.model.encoder.layers[0].conv.bias, module.model.encoder.layers[0].conv.bias
    )


def test_an_export_replaces_its_like_and_nothing_else(tmp_path):
    model, zero, one = tiny_codec().model, torch.tensor(0.0), torch.tensor(1.0)
    export_codec(model, tmp_path / "codec", zero, one)
    export_codec(model, tmp_path / "codec", one, one)
    assert EnCodec(pretrained=str(tmp_path / "codec")).mean == 1
    assert [path.name for path in tmp_path.iterdir()] == ["codec"]
    (tmp_path / "letters").mkdir()
    with pytest.raises(CheckpointError, match="holds no codec"):
        export_codec(model, tmp_path / "letters", zero, one)


def test_a_pretrained_codec_is_trained_as_it_is(tmp_path):
    fresh = tiny_codec()
    export_codec(fresh.model, tmp_path / "codec", torch.tensor(0.0), torch.tensor(1.0))
    weights = fresh.model.encoder.layers[0].conv.weight.clone()
    assert not torch.equal(new_module(fresh).model.encoder.layers[0].conv.weight, weights)
    again = EnCodec(pretrained=str(tmp_path / "codec"))
    assert torch.equal(new_module(again).model.encoder.layers[0].conv.weight, weights)


def test_in_bfloat16_codebooks_and_losses_stay_float32(tunes):
    module = new_module()
    new_trainer(3).fit(module, new_data(tunes))
    tensors = module.state_dict()
    assert all(t.dtype == torch.float32 for t in tensors.values() if t.is_floating_point())
    assert all(t.isfinite().all() for t in tensors.values())
    with torch.autocast("cpu", torch.bfloat16):
        objective, losses = module.objective(torch.randn(2, 1, 2048))
    assert objective.dtype == torch.float32
    assert all(loss.dtype == torch.float32 for loss in losses.values())


def test_a_gradient_that_is_not_finite_ends_the_run(tunes):
    module = new_module()
    module.model.decoder.layers[0].conv.bias.data[0] = float("nan")
    before = {k: v.clone() for k, v in module.model.named_parameters()}
    with pytest.raises(JascoError, match="not finite at step 0"):
        new_trainer(2).fit(module, new_data(tunes))
    assert all(
        torch.equal(before[k], v) or v.isnan().any() for k, v in module.model.named_parameters()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantized_share": 1.5}, "quantized_share=1.5"),
        ({"latent_noise": -1.0}, "latent_noise=-1.0"),
        ({"weights": {"waveform": 1.0}}, "waveform, stft, mel"),
        ({"weights": WEIGHTS | {"melody": 1.0}}, "melody"),
    ],
)
def test_settings_out_of_range(change, message):
    with pytest.raises(SettingError, match=message):
        new_module(**change)
