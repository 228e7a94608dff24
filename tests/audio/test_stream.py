from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from jasco.audio import load_audio, load_mono, probe, stream
from jasco.errors import AudioError


def noise(path, rate=44100, seconds=1.0, channels=2, subtype=None):
    rng = np.random.default_rng(0)
    samples = rng.uniform(-0.5, 0.5, (round(seconds * rate), channels)).astype("f4")
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("block", [1 << 20, 22050, 1000])
def test_it_is_the_mono_mix_of_the_file_whatever_the_blocks(tmp_path, monkeypatch, suffix, block):
    path = noise(tmp_path / f"a{suffix}")
    monkeypatch.setattr(stream, "_BLOCK", block)
    mono, whole = load_mono(path), load_audio(path).mono()
    assert mono.sample_rate == whole.sample_rate and torch.equal(mono.samples, whole.samples)


@pytest.mark.parametrize(("rate", "kept"), [(48000, 48000), (96000, 48000), (192000, 48000)])
def test_high_rates_are_resampled_on_the_way(tmp_path, monkeypatch, rate, kept):
    path = noise(tmp_path / "a.wav", rate, channels=8, subtype="FLOAT")
    monkeypatch.setattr(stream, "_BLOCK", 7000)
    mono = load_mono(path)
    assert mono.sample_rate == kept and mono.samples.shape == (1, kept)
    torch.testing.assert_close(mono.samples, load_audio(path).mono().resample(kept).samples)


def test_probe_reads_the_header_only(tmp_path):
    path = noise(tmp_path / "a.wav", 8000, seconds=2.5)
    with path.open("r+b") as file:
        file.truncate(2000)
    with pytest.raises(AudioError, match="cut short"):
        load_mono(path)
    assert probe(noise(tmp_path / "b.flac", 8000, seconds=2.5)) == (2.5, 8000, 2)


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("la la la")
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 8000)
    sick = np.zeros(300, "f4")
    sick[200] = np.nan
    soundfile.write(tmp_path / "nan.wav", sick, 100, subtype="FLOAT")
    for name, message in {
        "absent.wav": "No such file",
        "empty.wav": "is empty",
        "text.wav": "no audio file",
        "folder.wav": "Is a directory",
        "none.wav": "no samples",
        "nan.wav": "NaN or infinity, first at 2.000 s",
    }.items():
        with pytest.raises(AudioError, match=message):
            load_mono(tmp_path / name)
