"""Slices of recordings without preparation."""

from __future__ import annotations

import json

import pytest
import torch

from jasco.audio import save_audio
from jasco.chords import ChordProgression
from jasco.data.raw import RawAudioDataset
from jasco.errors import DataError
from jasco.melody import Melody

CODEC = {"sample_rate": 32000, "channels": 1, "hop_length": 640}
NOTES = [[60, 0.0, 1.0], [64, 1.0, 2.0], [67, 2.0, 3.0]]


def ramp(seconds, rate, channels=1):
    """A signal whose value is its time."""
    return (torch.arange(int(seconds * rate)) / rate / 10).expand(channels, -1)


@pytest.fixture
def manifest(tmp_path):
    save_audio(tmp_path / "a.wav", ramp(3, 32000, 2), 32000, loudness=None)
    save_audio(tmp_path / "a drums.wav", 0.5 * ramp(3, 32000), 32000, loudness=None)
    save_audio(tmp_path / "b.wav", ramp(2, 16000), 16000, loudness=None)
    (tmp_path / "tune.json").write_text(json.dumps(NOTES))
    (tmp_path / "b.lab").write_text("0.0 1.0 C:maj\n1.0 2.0 A:min\n")
    lines = [
        {"path": "a.wav", "chords": "C | Am | F", "bpm": 240, "drums": "a drums.wav"},
        {"path": "b.wav", "chords": "b.lab", "drums": "b.wav", "duration": 2.0},
    ]
    for line in lines:
        line["melody"] = "tune.json"
    path = tmp_path / "songs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_slices_and_their_controls(manifest):
    data = RawAudioDataset(manifest, ("chords", "drums", "melody"), **CODEC)
    assert [track.num_frames for track in data.tracks] == [150, 100]
    clip = data.clip(0, 50, 50)
    assert clip.audio.shape == (1, 32000) and clip.length == 50
    torch.testing.assert_close(clip.audio[0], ramp(2, 32000)[0, 32000:], atol=1e-6, rtol=0)
    drums = clip.conditions.drums
    torch.testing.assert_close(drums.samples, 0.5 * clip.audio, atol=1e-6, rtol=0)
    expected = ChordProgression.from_pairs([("Am", 0.0)]).frames(50, 50.0)
    assert torch.equal(clip.conditions.chords.frames(50, 50.0), expected)
    whole = Melody.from_notes(NOTES).frames(150, 50.0)
    assert torch.equal(clip.conditions.melody.frames(50, 50.0), whole[:, 50:100])


def test_another_rate_and_an_early_end(manifest):
    data = RawAudioDataset(manifest, ("chords", "drums", "melody"), **CODEC)
    clip = data.clip(1, 75, 50)
    assert clip.length == 25 and clip.audio.shape == (1, 32000)
    torch.testing.assert_close(
        clip.audio[0, 100:15500], ramp(2, 32000)[0, 48100:63500], atol=1e-4, rtol=0
    )
    assert clip.audio[0, 16010:].abs().max() == 0
    assert clip.conditions.chords.pairs()[0] == ("Am", 0.0)


def test_channels_of_the_codec(manifest):
    stereo = RawAudioDataset(manifest, (), sample_rate=32000, channels=2, hop_length=640)
    assert stereo.clip(0, 0, 50).audio.shape == stereo.clip(1, 0, 50).audio.shape == (2, 32000)
    assert stereo.clip(0, 0, 50).conditions.asked == ()


def test_what_is_missing_is_named(manifest, tmp_path):
    lines = manifest.read_text().replace('"chords": "b.lab", ', "")
    manifest.write_text(lines)
    with pytest.raises(DataError, match=r"1 of 2 recordings have no chords, such as .*b\.wav"):
        RawAudioDataset(manifest, ("chords",), **CODEC)
    manifest.write_text(lines.replace("tune.json", "gone.json"))
    data = RawAudioDataset(manifest, ("melody",), **CODEC)
    with pytest.raises(DataError, match=r"a\.wav: cannot read .*gone\.json"):
        data.clip(0, 0, 50)
    (tmp_path / "b.wav").write_bytes(b"noise")
    with pytest.raises(DataError, match=r"b\.wav"):
        data.clip(1, 0, 50)
