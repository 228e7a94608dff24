"""Training of a decoder: beyond the linear one, bit-equal resumption, and a codec that stays."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from einops import rearrange

from jasco.audio import save_audio
from jasco.checkpoint.codec import CodecSource
from jasco.codec import EnCodec
from jasco.data.latent_segments import LatentSegmentDataModule
from jasco.data.prepared import make_track, write_index
from jasco.data.track_file import read_header, track_file, write_track
from jasco.encodec import FourierDecoder
from jasco.errors import SettingError
from jasco.training.callbacks import EMA, Checkpoints
from jasco.training.checkpoint_io import AtomicCheckpointIO
from jasco.training.codec.decoder import DecoderExport, DecoderModule
from jasco.training.codec.initialization import init_pca
from jasco.training.codec.linear import fit_linear
from jasco.training.codec.reconstruction import relative_error
from jasco.training.optim import Optimization

RATE = 8000
WEIGHTS = {"snr": 4.0, "waveform": 2.0, "stft": 1.0, "mel": 1.0, "flux": 1.0}
SIZES = {"widths": [48, 32], "depths": [1, 1], "upsampling": [2], "overlap": 4}


def write_codec(folder: Path, channels: int = 1) -> Path:
    torch.manual_seed(0)
    config = {
        "sampling_rate": RATE,
        "audio_channels": channels,
        "upsampling_ratios": [4, 4, 4],
        "num_filters": 8,
        "num_lstm_layers": 1,
        "hidden_size": 8,
        "codebook_dim": 8,
        "codebook_size": 32,
        "target_bandwidths": [1.25],
        "use_causal_conv": False,
    }
    codec = EnCodec(config=config)
    init_pca(codec.model, seconds=5.0)
    codec.save(folder)
    return folder


def write_prepared(root: Path, codec: EnCodec) -> Path:
    """Two recordings of 4 s, plucked notes, with their latents."""
    (root / "tracks").mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(4 * RATE) / RATE
    signature = {"version": 1, "latent_dim": codec.latent_dim, "frame_rate": codec.frame_rate}
    tracks = []
    for name in ("one", "two"):
        sides = torch.zeros(codec.channels, len(time))
        for onset in torch.arange(0, 4, 0.25):
            pitch = 110 * 2 ** (torch.randint(24, (), generator=generator) / 12)
            after = (time - onset).clamp(min=0)
            note = sum(torch.sin(6.283 * k * pitch * after) / k for k in range(1, 9))
            note = (time >= onset) * torch.exp(-6 * after) * note
            sides += 0.2 * note * torch.rand(codec.channels, 1, generator=generator)
        save_audio(root / f"{name}.wav", sides, RATE, loudness=None)
        with torch.no_grad():
            latents = codec.encode_raw(sides[None])[0].half().contiguous()
        stages = {"latents": signature | {"codec": codec.fingerprint()}}
        write_track(root, name, 4.0, stages, {"latents": latents})
        header = read_header(root / track_file(name))
        tracks.append(make_track(header, str(root / f"{name}.wav"), {}))
    write_index(root, tracks)
    return root


@pytest.fixture(scope="module")
def codec_dir(tmp_path_factory) -> Path:
    return write_codec(tmp_path_factory.mktemp("codec"))


@pytest.fixture(scope="module")
def prepared(codec_dir, tmp_path_factory) -> Path:
    codec = CodecSource(str(codec_dir)).load()
    return write_prepared(tmp_path_factory.mktemp("songs") / "prepared", codec)


def new_run(codec_dir: Path, prepared: Path, **changes):
    """Module and data of a run."""
    settings = {
        "decoder": SIZES,
        "weights": WEIGHTS,
        "reconstruction": {"n_ffts": (512, 128)},
        "optim": Optimization(lr=3e-3, betas=(0.8, 0.95), weight_decay=0.0, warmup=5),
        "latent_noise": 0.0,
        "linear_batches": 10,
    }
    module = DecoderModule(CodecSource(str(codec_dir)), **{**settings, **changes})
    data = LatentSegmentDataModule(
        prepared, duration=0.512, batch_size=4, workers=0, val_share=0.0, val_segments=8,
        val_duration=1.024,
    )  # fmt: skip
    module.configure_data(data)
    return module, data


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


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_steps_improve_on_the_linear_decoder_and_leave_the_codec(codec_dir, prepared, tmp_path):
    module, data = new_run(codec_dir, prepared)
    files = digests(codec_dir)
    codec = CodecSource(str(codec_dir)).load()
    before = {name: tensor.clone() for name, tensor in codec.state_dict().items()}

    def score() -> dict[str, float]:
        (found,) = new_trainer(1, limit_val_batches=2).validate(module, data, verbose=False)
        return found

    data.trainer = None
    data.setup("fit")
    fit_linear(module.model, islice(data.train_dataloader(), 10))
    linear = score()
    module.fresh = False
    new_trainer(120, DecoderExport(tmp_path / "decoder")).fit(module, data)
    after = score()
    assert after["val/si_sdr"] > linear["val/si_sdr"] + 0.8, (linear, after)
    assert after["val/mel"] < 0.93 * linear["val/mel"]

    assert digests(codec_dir) == files
    assert all(torch.equal(before[name], tensor) for name, tensor in codec.state_dict().items())
    assert not any(name.startswith("codec") for name in module.state_dict())
    decoder = FourierDecoder(pretrained=str(tmp_path / "decoder"))
    made = EnCodec(pretrained=str(codec_dir), decoder=decoder)
    assert made.fingerprint() == codec.fingerprint()
    latents, wav = data.datasets["val"][0]
    decoded = made.decode((latents[None] - made.mean) / made.std)
    with torch.no_grad():
        expected = module.model(rearrange(latents[None], "b t d -> b d t"))
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-5)
    assert decoded[0].shape == wav.shape


def test_a_run_that_goes_on_is_the_same_bit_for_bit(codec_dir, prepared, tmp_path):
    def fit(name: str, **options) -> dict:
        folder = tmp_path / name
        callbacks = [Checkpoints(folder, every=3, keep_every=3, spare_gb=0), EMA(0.9, every=1)]
        trainer = new_trainer(
            6, *callbacks, plugins=[AtomicCheckpointIO()], enable_checkpointing=True
        )
        trainer.fit(*new_run(codec_dir, prepared), **options)
        return torch.load(folder / "last.ckpt", weights_only=True)

    straight = fit("straight")
    resumed = fit("resumed", ckpt_path=tmp_path / "straight" / "step-0000003.ckpt")
    assert straight["global_step"] == resumed["global_step"] == 6
    for key in ("state_dict", "current_model_state"):
        assert straight[key].keys() == resumed[key].keys() and straight[key]
        assert all(torch.equal(straight[key][name], resumed[key][name]) for name in straight[key])


def test_a_decoder_trained_before_is_the_start(codec_dir, prepared, tmp_path):
    module, data = new_run(codec_dir, prepared)
    new_trainer(2, DecoderExport(tmp_path / "decoder")).fit(module, data)
    again, _ = new_run(codec_dir, prepared, decoder={"pretrained": str(tmp_path / "decoder")})
    before, after = module.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    module.trainer, again.trainer = None, None
    again.on_fit_start()  # fits nothing anew
    assert torch.equal(again.model.linear.weight, before["linear.weight"])


@pytest.mark.parametrize("channels", [1, 2])
def test_least_squares_find_a_linear_decoder(channels):
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "hop_length": 16, "audio_channels": channels, "latent_mean": 0.3}
    true, found = (FourierDecoder(config=SIZES | sizes) for _ in range(2))
    true.linear.weight.data = torch.randn_like(true.linear.weight)
    raw = 0.3 + torch.randn(4, 200, 8)
    with torch.no_grad():
        wav = true(rearrange(raw, "b t d -> b d t"))
        fit_linear(found, zip(raw[:, None], wav[:, None], strict=True))
        error = found(rearrange(raw, "b t d -> b d t")) - wav
    assert error.norm() < 0.05 * wav.norm()  # of the ridge, and the frames at the ends


def test_the_relative_error_is_a_signal_to_noise_ratio():
    target = torch.randn(3, 1, 4000)
    noise = torch.randn(3, 1, 4000)
    for level in (1.0, 0.01):  # at any level
        found = relative_error(level * (target + 0.1 * noise), level * target, 1e-6)
        assert -10 * found / 2.302585 == pytest.approx(20.0, abs=0.3)
    assert relative_error(torch.zeros(1, 1, 10), torch.zeros(1, 1, 10), 1e-3) == 0


def test_what_does_not_fit(codec_dir, prepared, tmp_path):
    with pytest.raises(SettingError, match="latent_noise"):
        new_run(codec_dir, prepared, latent_noise=-1.0)
    with pytest.raises(SettingError, match="weights"):
        new_run(codec_dir, prepared, weights={"snr": 1.0})
    with pytest.raises(SettingError, match="a width and a depth"):
        new_run(codec_dir, prepared, decoder=SIZES | {"depths": [1]})
    FourierDecoder(config={"hidden_size": 9}).save(tmp_path)
    with pytest.raises(SettingError, match="hidden_size 9, and its codec 8"):
        new_run(codec_dir, prepared, decoder={"pretrained": str(tmp_path)})
    with pytest.raises(SettingError, match="segments to fit"):
        fit_linear(FourierDecoder(config=SIZES), [])
