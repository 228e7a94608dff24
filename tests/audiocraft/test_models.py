"""`jasco.audiocraft`: scripts for the original run, and make what the original made."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from jasco import Conditions, Dopri5, Euler, Guidance, Jasco, load_audio
from jasco.audio import Audio, loudness
from jasco.audiocraft import JASCO, audio_write
from jasco.audiocraft.data.audio import STRATEGIES
from jasco.chords import CHORD_NAMES
from jasco.errors import AudioError, ConditionError, SettingError

PACKS = {
    "chords-drums": "facebook/jasco-chords-drums-400M",
    "chords-drums-melody": "facebook/jasco-chords-drums-melody-400M",
}


@pytest.fixture
def jasco(tiny: Jasco) -> JASCO:
    wrapped = JASCO(tiny, "tiny")
    wrapped.set_generation_params(euler=True, euler_steps=2)
    return wrapped


@pytest.fixture(params=PACKS)
def golden(request: pytest.FixtureRequest, shared: Path) -> tuple[str, dict, dict]:
    folder = shared / "parity"
    facts = json.loads((folder / f"golden-{request.param}.json").read_text())
    return PACKS[request.param], facts, load_file(folder / f"golden-{request.param}.safetensors")


@pytest.fixture
def published(
    golden: tuple[str, dict, dict], hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> JASCO:
    # What the environment variable HF_HUB_CACHE sets when Python starts.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub_cache))
    return JASCO.get_pretrained(golden[0], device="cpu")


# A script in the calls of the original's documentation, in its own words but for the imports.
SCRIPT = """
import torch
from jasco.audiocraft.models import JASCO
from jasco.audiocraft.data.audio import audio_write

mapping = "../assets/chord_to_index_mapping.pkl"
model = JASCO.get_pretrained("facebook/jasco-chords-drums-400M", chords_mapping_path=mapping)
model.set_generation_params(cfg_coef_all=5.0, cfg_coef_txt=0.0)

chords = [("Am", 0.0), ("F", 2.5), ("C", 5.0), ("G7", 7.5)]
output = model.generate_music(descriptions=["slow blues, organ"], chords=chords, progress=True)

audio_write("output", output.cpu().squeeze(0), model.sample_rate, strategy="loudness",
            loudness_compressor=True)
"""


def test_a_script_for_the_original_runs(hub_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {"HF_HUB_CACHE": str(hub_cache), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "dopri5: 100%" in result.stderr
    audio = load_audio(tmp_path / "output.wav")
    assert audio.sample_rate == 32000 and audio.samples.shape == (1, 320000)
    assert audio.samples.abs().max() > 0.1


def test_short_and_long_imports_are_the_same() -> None:
    from jasco.audiocraft import data, models

    assert models.JASCO is JASCO and data.audio.audio_write is audio_write


def test_a_seeded_script_makes_what_the_original_made(
    golden: tuple[str, dict, dict], published: JASCO
) -> None:
    _, facts, tensors = golden
    published.set_generation_params(1.5, 0.5, euler=True, euler_steps=10)
    chords = [tuple(pair) for pair in facts["chords"]]
    torch.manual_seed(77)
    wav, latents = published.generate_music([facts["text"]], chords=chords, return_latents=True)
    expected = tensors["peer_generate/text_chords/euler10_1.5_0.5"]
    torch.testing.assert_close(latents, expected, rtol=0, atol=1e-4)
    assert wav.shape == (1, 1, 320000)
    torch.testing.assert_close(wav, published.model.codec.decode(latents), rtol=0, atol=1e-4)


def test_real_input_with_every_control(published: JASCO, shared: Path) -> None:
    """Isolated drums, a chord, and the melody that the original ships."""
    wav, rate = load_audio(shared / "audio" / "sep_drums_1.mp3")
    asked: dict[str, dict[str, object]] = {"drums": {"drums_wav": wav, "drums_sample_rate": rate}}
    if "melody" in published.model.controls:
        melody = torch.load(shared / "audio" / "salience_2.th", weights_only=True)
        asked["melody"] = {"melody_salience_matrix": melody.permute(1, 0)}
    published.set_generation_params(1.75, 3.5, euler=True, euler_steps=4)

    def take(*controls: str) -> torch.Tensor:
        torch.manual_seed(1)
        with warnings.catch_warnings(record=True) as told:
            out = published.generate_music(
                ["80s pop"],
                **{key: value for name in controls for key, value in asked[name].items()},
            )
        assert any("10.08 s given" in str(w.message) for w in told) == ("drums" in controls)
        return out

    whole = take(*asked)
    assert whole.shape == (1, 1, 320000)
    for name in asked:
        assert not torch.equal(take(*(other for other in asked if other != name)), whole)


def test_conditions_serve_the_whole_batch(jasco: JASCO, tiny: Jasco) -> None:
    drums = torch.rand(1, 2, 22050 * 10) - 0.5
    melody = torch.zeros(53, 500)
    melody[20, 100:400] = 1
    torch.manual_seed(3)
    wav, latents = jasco.generate_music(
        ["one", "another text"],
        chords=[("C", 0.0), ("Am", 5.0)],
        drums_wav=drums,
        drums_sample_rate=22050,
        melody_salience_matrix=melody,
        return_latents=True,
    )
    torch.manual_seed(3)
    noise = torch.randn(2, 500, 128)
    clips = [
        Conditions(text, [("C", 0.0), ("Am", 5.0)], Audio(drums[0], 22050), melody)
        for text in ("one", "another text")
    ]
    out = tiny.generate(clips, noise=noise, solver=Euler(2), guidance=Guidance(all=5.0, text=0.0))
    assert torch.equal(wav, out.audio) and torch.equal(latents, out.latents)


def test_one_drum_track_for_all_or_one_each(published: JASCO) -> None:
    # The tiny codec encodes signals of a usual level as silence.
    drums = torch.stack([torch.zeros(2, 22050 * 10), 5 * torch.randn(2, 22050 * 10)])
    published.set_generation_params(euler=True, euler_steps=2)

    def take(wav: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return published.generate_music(["one", "another text"], None, wav, 22050)

    each, one = take(drums), take(drums[0])
    assert torch.equal(one, take(drums[:1]))
    torch.testing.assert_close(each[0], one[0], rtol=0, atol=1e-5)
    assert not torch.allclose(each[1], one[1], rtol=0, atol=1e-4)


def test_the_global_seed_decides(jasco: JASCO) -> None:
    torch.manual_seed(5)
    first, second = jasco.generate(["a"]), jasco.generate(["a"])
    torch.manual_seed(5)
    assert torch.equal(jasco.generate(["a"]), first)
    assert not torch.equal(first, second)


def test_generate_is_text_alone(jasco: JASCO) -> None:
    torch.manual_seed(5)
    alone = jasco.generate(["a", "b"])
    torch.manual_seed(5)
    assert torch.equal(jasco.generate_music(["a", "b"], chords=None), alone)
    torch.manual_seed(5)
    assert not torch.equal(jasco.generate_music(["a", "b"]), alone)  # its chords default to C


def test_the_default_solver_is_that_of_the_original(tiny: Jasco) -> None:
    wrapped = JASCO(tiny, "tiny")
    torch.manual_seed(0)
    found = wrapped.generate(["a"], return_latents=True)[1]
    torch.manual_seed(0)
    noise = torch.randn(1, 500, 128)
    clip = Conditions("a")
    out = tiny.generate(clip, noise=noise, solver=Dopri5(1e-5, 1e-5), guidance=Guidance(all=5.0))
    assert torch.equal(found, out.latents)


def test_progress(jasco: JASCO, capsys: pytest.CaptureFixture[str]) -> None:
    jasco.generate(["a"])
    assert capsys.readouterr().err == ""
    jasco.generate(["a"], progress=True)
    assert "2/2" in capsys.readouterr().err
    seen: list[tuple[int, int]] = []
    jasco.set_custom_progress_callback(lambda step, total: seen.append((step, total)))
    jasco.generate(["a"], progress=True)
    assert seen == [(1, 2), (2, 2)]
    assert capsys.readouterr().err == ""


def test_facts(jasco: JASCO) -> None:
    assert (jasco.name, jasco.sample_rate, jasco.frame_rate) == ("tiny", 32000, 50.0)
    assert (jasco.audio_channels, jasco.duration, jasco.device.type) == (1, 10.0, "cpu")


def test_what_had_to_change_is_a_warning(jasco: JASCO) -> None:
    with pytest.warns(UserWarning, match=r"Csus4 -> C \(dropped: sus4\)"):
        jasco.generate_music(["a", "b"], chords=[("Csus4", 0.0)])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"chords": torch.zeros(1, 320000)}, "pass drums by name"),
        ({"drums_wav": torch.zeros(2, 1, 320000)}, "2 tracks for 3 descriptions"),
        ({"chords": [("Hx", 0.0)]}, "Hx"),
        ({"drums_wav": torch.full((1, 320000), torch.nan)}, "NaN"),
        ({"melody_salience_matrix": torch.zeros(500, 53)}, "transpose it"),
    ],
)
def test_bad_input_is_refused(jasco: JASCO, arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        jasco.generate_music(["a", "b", "c"], **arguments)


def test_no_descriptions(jasco: JASCO) -> None:
    with pytest.raises(ConditionError, match="no clips"):
        jasco.generate([])


def test_unknown_parameters_are_refused(jasco: JASCO) -> None:
    with pytest.raises(TypeError, match="top_k"):
        jasco.set_generation_params(top_k=250)
    with pytest.raises(SettingError, match="finite"):
        jasco.set_generation_params(cfg_coef_all=float("nan"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_published_chord_mapping_is_accepted(
    tiny: Jasco, tmp_path: Path, protocol: int
) -> None:
    folder = tiny.save_pretrained(tmp_path / "model")
    mapping = {name: index for index, name in enumerate(CHORD_NAMES)}
    path = tmp_path / "mapping.pkl"
    path.write_bytes(pickle.dumps(mapping, protocol))
    assert JASCO.get_pretrained(str(folder), chords_mapping_path=path).name == str(folder)
    path.write_bytes(pickle.dumps(mapping | {"C": mapping["G"], "G": mapping["C"]}, protocol))
    with pytest.raises(SettingError, match="not the chord mapping of the published models"):
        JASCO.get_pretrained(str(folder), chords_mapping_path=path)


class Harmful:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("broken-into",)


@pytest.mark.parametrize("content", [b"no pickle", b"", pickle.dumps({"C": Harmful()})])
def test_a_harmful_chord_mapping_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.pkl").write_bytes(content)
    with pytest.raises(SettingError, match=r"mapping\.pkl is not"):
        JASCO.get_pretrained("never reached", chords_mapping_path="mapping.pkl")
    assert [path.name for path in tmp_path.iterdir()] == ["mapping.pkl"]


def tone(amplitude: float) -> torch.Tensor:
    return amplitude * torch.sin(torch.arange(64000) / 10)[None]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategies_of_audio_write(tmp_path: Path, strategy: str) -> None:
    path = audio_write(tmp_path / "a.b", tone(0.25), 32000, strategy=strategy)
    assert path == tmp_path / "a.b.wav"
    audio = load_audio(path)
    peak = float(audio.samples.abs().max())
    expected = {"peak": 10 ** (-1 / 20), "rms": 2**0.5 * 10 ** (-18 / 20), "none": 0.25}
    if strategy == "loudness":
        assert loudness(audio) == pytest.approx(-14, abs=0.05)
    else:
        assert peak == pytest.approx(expected.get(strategy, 0.25), rel=1e-3)


def test_levels_are_only_lowered_without_normalize(tmp_path: Path) -> None:
    quiet = audio_write(tmp_path / "q", tone(0.25), 32000, strategy="peak", normalize=False)
    assert load_audio(quiet).samples.abs().max() == pytest.approx(0.25, rel=1e-3)
    loud = audio_write(tmp_path / "l", tone(2.0), 32000, strategy="peak", normalize=False)
    assert load_audio(loud).samples.abs().max() == pytest.approx(10 ** (-1 / 20), rel=1e-3)
    cut = audio_write(tmp_path / "c", tone(2.0), 32000, strategy="clip", peak_clip_headroom_db=6)
    assert load_audio(cut).samples.abs().max() == pytest.approx(10 ** (-6 / 20), rel=1e-3)


def test_formats_and_suffixes_of_audio_write(tmp_path: Path) -> None:
    for name in ("wav", "flac", "mp3", "ogg"):
        path = audio_write(tmp_path / "deep" / "a", tone(0.2), 32000, name, mp3_rate=128)
        assert path.suffix == f".{name}" and load_audio(path).duration == pytest.approx(2, abs=0.1)
    whole = tmp_path / "whole.flac"
    assert audio_write(whole, tone(0.2), 32000, add_suffix=False) == whole
    silent = audio_write(tmp_path / "silent", torch.zeros(32000), 32000, strategy="peak")
    assert load_audio(silent).samples.abs().max() == 0
    with pytest.raises(SettingError, match="strategy 'louder'"):
        audio_write(tmp_path / "x", tone(0.2), 32000, strategy="louder")
    with pytest.raises(AudioError, match="suffix"):
        audio_write(tmp_path / "x", tone(0.2), 32000, format="xyz")
