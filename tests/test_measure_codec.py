"""``scripts/measure_codec.py``: figures of sounds whose answer is known, and the command."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import runs
import torch

from jasco.audio import save_audio

PATH = Path(__file__).resolve().parent.parent / "scripts" / "measure_codec.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("measure_codec", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


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
    assert script.main([*words, "--json", str(tmp_path / "figures.json")]) == 0
    assert "si_sdr" in capsys.readouterr().out
    told = json.loads((tmp_path / "figures.json").read_text())
    assert [set(song) for song in told["songs"]] == [
        {"si_sdr", "noise_floor", "onsets/original", "onsets/codec"},
        {"si_sdr", "noise_floor"},
    ]
    assert told["figures"]["onsets/original"]["mean"] > 0.8
