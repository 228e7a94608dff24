"""``scripts/measure_codec.py``: figures of sounds whose answer is known, and the command."""

from __future__ import annotations

import json

import pytest
import runs
import torch
from programs import load_script

from jasco.audio import save_audio


@pytest.fixture(scope="module")
def script():
    return load_script("measure_codec")


@pytest.fixture(scope="module")
def tone():
    return 0.3 * torch.sin(2 * torch.pi * 440 * torch.arange(64000) / 32000)


@pytest.mark.parametrize("louder", [0.0, 6.0, 20.0])
def test_noise_between_harmonics_is_measured_as_such(louder, script, tone):
    torch.manual_seed(0)
    noise = 1e-4 * torch.randn(64000)
    found = script.noise_floor(tone + noise, tone + 10 ** (louder / 20) * noise)
    assert found == pytest.approx(louder, abs=1.0)


def test_the_command(script, tone, tmp_path, capsys):
    runs.new_model().codec.save(tmp_path / "codec")
    clicks = torch.zeros(64000)
    clicks[8000::16000] = 0.5
    save_audio(tmp_path / "a.wav", (tone + clicks)[None], 32000, loudness=None)
    save_audio(tmp_path / "a drums.wav", clicks[None], 32000, loudness=None)
    save_audio(tmp_path / "b.wav", tone[None], 32000, loudness=None)
    lines = [{"path": "a.wav", "drums": "a drums.wav"}, {"path": "b.wav"}]
    (tmp_path / "songs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = [str(tmp_path / "codec"), str(tmp_path / "songs.jsonl")]
    picture = tmp_path / "codec.png"
    words += ["--picture", str(picture)]
    assert script.main([*words, "--json", str(tmp_path / "figures.json")]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "si_sdr" in capsys.readouterr().out
    told = json.loads((tmp_path / "figures.json").read_text())
    assert [set(song) for song in told["songs"]] == [
        {"si_sdr", "noise_floor", "onsets/original", "onsets/codec"},
        {"si_sdr", "noise_floor"},
    ]
    assert told["figures"]["onsets/original"]["mean"] > 0.8
