from __future__ import annotations

import pytest
import torch

from jasco.checkpoint.codec import CodecSource
from jasco.errors import CheckpointError


def test_a_transformers_encodec(codec_folder):
    source = CodecSource(str(codec_folder))
    codec = source.load()
    assert source.load() is codec
    assert source.facts() == {"codec": codec.fingerprint(), "frame_rate": 50.0}


def test_the_codec_of_a_jasco_checkpoint(tiny, tmp_path):
    source = CodecSource(str(tiny.save_pretrained(tmp_path / "model")))
    assert source.load().fingerprint() == tiny.codec.fingerprint()


def test_a_published_checkpoint_has_its_own_codec_weights(hub_cache, monkeypatch):
    """They replace those of the EnCodec that the checkpoint names."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub_cache))
    jasco = CodecSource("facebook/jasco-chords-drums-400M").load()
    encodec = CodecSource("facebook/encodec_32khz").load()
    assert jasco.latent_dim == encodec.latent_dim
    assert jasco.fingerprint() != encodec.fingerprint()


def test_the_fingerprint_is_of_what_data_depends_on(codec_folder):
    codec = CodecSource(str(codec_folder)).load()
    before = codec.fingerprint()
    decoder = next(codec.model.decoder.parameters())
    encoder = next(codec.model.encoder.parameters())
    for parameter, same in ((decoder, True), (encoder, False)):
        old = parameter.detach().clone()
        with torch.no_grad():
            parameter += 1
        assert (codec.fingerprint() == before) is same
        with torch.no_grad():
            parameter.copy_(old)
    assert codec.fingerprint() == before


def test_what_is_no_codec(tmp_path):
    with pytest.raises(CheckpointError, match="not in"):
        CodecSource("facebook/encodec_of_nowhere").load()
    with pytest.raises(CheckpointError, match="no such folder"):
        CodecSource(str(tmp_path / "absent")).load()
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(CheckpointError, match="no checkpoint"):
        CodecSource(str(tmp_path)).load()
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="config.json is no JSON object"):
        CodecSource(str(tmp_path)).load()
