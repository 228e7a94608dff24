"""Segments of a prepared dataset: latents beside the samples that they were encoded from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from jasco.audio import save_audio
from jasco.checkpoint import build
from jasco.codec import EnCodec
from jasco.config import compose_config
from jasco.data.latent_segments import LatentSegmentDataModule
from jasco.data.prepared import make_track, write_index
from jasco.data.track_file import read_header, track_file, write_track
from jasco.errors import DataError, JascoError, SettingError
from jasco.extract.latents import encode_windows


@pytest.fixture(scope="module")
def codec(codec_folder: Path) -> EnCodec:
    return EnCodec(pretrained=str(codec_folder))


@pytest.fixture(scope="module")
def prepared(codec: EnCodec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings, the second with channels in opposite phase, and their latents."""
    root = tmp_path_factory.mktemp("prepared")
    (root / "tracks").mkdir()
    signature = {"version": 1, "latent_dim": codec.latent_dim, "frame_rate": codec.frame_rate}
    tracks = []
    for index in range(3):
        generator = torch.Generator().manual_seed(index)
        mono = 0.1 * torch.randn(150 * codec.hop_length, generator=generator)
        wav = torch.stack([mono, -mono if index == 1 else mono])
        path = root / f"{index}.flac"
        save_audio(path, wav, codec.sample_rate, loudness=None)
        (latents,) = encode_windows(codec.encode_raw, [[mono]], 150, codec)
        stages = {"latents": signature | {"codec": codec.fingerprint()}}
        write_track(root, str(index), 3.0, stages, {"latents": latents.half()})
        header = read_header(root / track_file(str(index)))
        tracks.append(make_track(header, str(path), {}))
    write_index(root, tracks)
    return root


def new_data(root: Path, codec: EnCodec | None, **changes) -> LatentSegmentDataModule:
    data = LatentSegmentDataModule(
        root, **{"duration": 1.0, "workers": 0, "val_duration": 2.0, **changes}
    )
    data.codec = codec
    return data


def test_latents_are_those_of_the_samples(prepared: Path, codec: EnCodec) -> None:
    data = new_data(prepared, codec, val_share=0.0)
    data.setup("fit")
    found = [data.datasets["train"][number] for number in range(12)]
    for latents, wav in found:
        assert latents.shape == (50, codec.latent_dim) and wav.shape == (1, 50 * codec.hop_length)
        assert wav.std() > 0.05
        # Away from the ends, where the encoder saw other samples.
        raw = codec.encode_raw(wav[None])[0]
        error = (raw - latents)[15:-15].norm() / raw[15:-15].norm()
        assert error < 0.05, error
    assert len({float(wav[0, 0]) for _, wav in found}) > 6
    again = data.datasets["train"][3]
    assert torch.equal(again.latents, found[3].latents) and torch.equal(again.wav, found[3].wav)


def test_tracks_are_held_out(prepared: Path, codec: EnCodec) -> None:
    data = new_data(prepared, codec, val_share=0.3)
    data.setup("fit")
    train, val = (set(data.datasets[split].tracks) for split in ("train", "val"))
    assert len(train) == 2 and len(val) == 1 and not train & val
    assert data.datasets["val"][0].latents.shape[0] == 100


def test_what_cannot_be_used_is_refused(prepared: Path, codec: EnCodec, tmp_path: Path) -> None:
    other = build(compose_config("+codec=tiny")["codec"])
    with pytest.raises(DataError, match="another codec"):
        new_data(prepared, other).setup("fit")
    with pytest.raises(DataError, match="lasts 9 s"):
        new_data(prepared, codec, duration=9.0).setup("fit")
    with pytest.raises(DataError, match="jasco-prepare"):
        new_data(tmp_path / "none", codec).setup("fit")
    with pytest.raises(SettingError, match="duration"):
        new_data(prepared, codec, duration=0.0)
    with pytest.raises(SettingError, match="DecoderModule"):
        new_data(prepared, None).setup("fit")


def test_a_lost_recording_is_named(prepared: Path, codec: EnCodec) -> None:
    data = new_data(prepared, codec, val_share=0.0)
    data.setup("fit")
    lost = prepared / "0.flac"
    lost.rename(prepared / "away")
    try:
        errors = [
            x
            for x in map(data.datasets["train"].__getitem__, range(12))
            if isinstance(x, JascoError)
        ]
    finally:
        (prepared / "away").rename(lost)
    assert errors and all("0.flac" in str(error) for error in errors)
