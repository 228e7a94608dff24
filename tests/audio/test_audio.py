"""Audio files and levels, on signals whose loudness, length and samples are known in advance."""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
import torch

from jasco.audio import (
    Audio,
    high_pass,
    load_audio,
    loudness,
    normalize_loudness,
    read_recipe,
    save_audio,
    to_audio,
)
from jasco.audio.level import CEILING
from jasco.audio.limiter import REACH, limit
from jasco.audio.marks import GENERATED, KEY, VOCABULARY
from jasco.errors import AudioError, SettingError
from jasco.metrics.signal import clipping, dc_offset

FORMATS = ("wav", "flac", "mp3", "ogg")
LOSSLESS = ("wav", "flac")
RATE = 32000
# 20 kB as JSON, with what breaks naive tags: other scripts, quotes, line ends, a NUL.
LONG_RECIPE = {"text": 'déjà ♫ "x"\n\0' * 700, "seed": 2**40, "steps": [1, 2.5, None, True]}


def sine(
    frequency: float = 440.0, seconds: float = 1.0, rate: int = RATE, level: float = 0.5
) -> torch.Tensor:
    """(1, samples)"""
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (level * torch.sin(2 * math.pi * frequency * time)).float()[None]


def music(seconds: float = 4.0, channels: int = 2, rate: int = RATE) -> torch.Tensor:
    """A chord with a decaying noise burst every half second: tonal, with peaks."""
    time = torch.arange(round(seconds * rate)) / rate
    tones = sum(torch.sin(2 * math.pi * f * time) for f in (220.0, 277.2, 329.6))
    noise = torch.rand(channels, len(time), generator=torch.Generator().manual_seed(1)) * 2 - 1
    return 0.04 * tones + 0.9 * noise * torch.exp(-30 * (time % 0.5))


def snr(reference: torch.Tensor, signal: torch.Tensor) -> float:
    return float(10 * torch.log10(reference.square().mean() / (signal - reference).square().mean()))


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Signals


def test_audio_unpacks_and_knows_its_length() -> None:
    audio = Audio(sine(seconds=1.5), RATE)
    samples, rate = audio
    assert samples is audio.samples and rate == RATE and audio.duration == 1.5


def test_mono_is_the_mean_of_the_channels() -> None:
    audio = Audio(torch.tensor([[1.0, 0.0], [0.0, 0.5]]), 10).mono()
    assert audio.samples.tolist() == [[0.5, 0.25]]


@pytest.mark.parametrize("source, target", [(44100, 32000), (8000, 32000), (192000, 22050)])
def test_resampled_sine_is_the_sine_of_the_other_rate(source: int, target: int) -> None:
    stereo = torch.cat([sine(rate=source), sine(660.0, rate=source)])
    resampled = Audio(stereo, source).resample(target)
    expected = torch.cat([sine(rate=target), sine(660.0, rate=target)])
    assert resampled.sample_rate == target and resampled.samples.shape == expected.shape
    middle = slice(target // 4, -target // 4)  # the filter rings at the edges
    assert snr(expected[:, middle], resampled.samples[:, middle]) > 90


def test_crop_takes_exact_samples_and_stops_at_the_end() -> None:
    audio = Audio(torch.arange(100.0)[None], 10)
    assert audio.crop(2.0, 0.5).samples.tolist() == [[20.0, 21.0, 22.0, 23.0, 24.0]]
    assert audio.crop(9.5, 3.0).samples.tolist() == [[95.0, 96.0, 97.0, 98.0, 99.0]]
    assert audio.crop(9.0).samples.shape == (1, 10)
    for start, duration in [(10.0, 1.0), (-0.1, 1.0), (math.nan, None), (0.0, 0.0), (0.0, -1.0)]:
        with pytest.raises(AudioError):
            audio.crop(start, duration)


def test_to_audio_reads_every_usual_shape(tmp_path: Path) -> None:
    samples = sine(seconds=0.1)
    soundfile.write(tmp_path / "a.wav", samples[0].numpy(), RATE, subtype="FLOAT")
    given = [
        Audio(samples, RATE),
        (samples, RATE),
        [samples.numpy(), RATE],
        (samples[0].double(), np.int64(RATE)),
        tmp_path / "a.wav",
        str(tmp_path / "a.wav"),
    ]
    for value in given:
        audio = to_audio(value)
        assert audio.sample_rate == RATE and torch.equal(audio.samples, samples)
    assert torch.equal(to_audio(samples[0], RATE).samples, samples)
    assert torch.equal(to_audio(samples[0].numpy()[::-1], RATE).samples, samples.flip(1))
    # A rate given for bare arrays does not touch what knows its own.
    assert to_audio(Audio(samples, 8000), sample_rate=RATE).sample_rate == 8000


def test_to_audio_scales_integers_to_full_scale_one() -> None:
    expected = [[-1.0, 0.0, 0.5]]
    assert to_audio(np.array([-32768, 0, 16384], np.int16), 8000).samples.tolist() == expected
    assert to_audio(np.array([-(2**31), 0, 2**30], np.int32), 8000).samples.tolist() == expected


def test_to_audio_does_not_share_memory_with_an_array() -> None:
    array = np.zeros((1, 8), np.float32)
    audio = to_audio(array, 8000)
    array[:] = 1
    assert audio.samples.sum() == 0


@pytest.mark.parametrize(
    "value, rate, words",
    [
        (np.zeros((1000, 2)), RATE, "transpose"),
        (np.zeros((2, 1, 1000)), RATE, r"\(2, 1, 1000\)"),
        (np.zeros(0), RATE, "no samples"),
        (np.zeros((2, 0)), RATE, "no samples"),
        (np.zeros(4), None, "no sample rate"),
        (np.zeros(4), 0, "no sample rate"),
        (np.zeros(4), -8000, "no sample rate"),
        (np.zeros(4), 44100.5, "no sample rate"),
        (np.zeros(4), math.nan, "no sample rate"),
        (np.zeros(4, np.int64), RATE, "int64"),
        (np.zeros(4, complex), RATE, "complex"),
        (np.array(["a", "b"]), RATE, "numeric"),
        (np.array([0, math.nan]), RATE, "NaN"),
        (torch.tensor([0.0] * 16000 + [-math.inf]), RATE, "first at 0.500 s"),
        ([np.zeros(4), np.zeros(4)], None, "ndarray is no sample rate"),
        (17, RATE, "int is no audio"),
        (None, RATE, "NoneType is no audio"),
    ],
)
def test_to_audio_says_what_is_wrong(value: object, rate: int | None, words: str) -> None:
    with pytest.raises(AudioError, match=words) as caught:
        to_audio(value, rate)
    assert "\n" not in str(caught.value)


# Loudness


@pytest.mark.parametrize("rate", [RATE, 44100, 48000])
def test_loudness_of_the_reference_tone_of_bs1770(rate: int) -> None:
    tone = sine(997.0, 3.0, rate, level=1.0)
    assert loudness(Audio(tone, rate)) == pytest.approx(-3.01, abs=0.1)
    assert loudness(Audio(tone.repeat(2, 1), rate)) == pytest.approx(0.0, abs=0.1)
    quiet = Audio(0.1 * tone.repeat(2, 1), rate)
    assert loudness(quiet) == pytest.approx(-20.0, abs=0.1)


def test_gating_leaves_silence_out_of_the_loudness() -> None:
    tone = sine(997.0, 4.0)
    padded = torch.cat([tone, torch.zeros_like(tone)], dim=1)
    # Three blocks reach into the silence; without gates it would be 3 LU less.
    assert loudness(Audio(padded, RATE)) == pytest.approx(loudness(Audio(tone, RATE)), abs=0.3)


def test_silence_and_moments_have_no_loudness_and_stay_as_they_are() -> None:
    silence, moment = Audio(torch.zeros(2, RATE), RATE), Audio(sine(seconds=0.3), RATE)
    assert loudness(silence) == -math.inf
    assert math.isnan(loudness(moment))
    assert normalize_loudness(silence) is silence and normalize_loudness(moment) is moment


def test_loudness_of_more_than_five_channels_is_refused() -> None:
    assert loudness(Audio(sine().repeat(5, 1), RATE)) > loudness(Audio(sine(), RATE))
    with pytest.raises(AudioError, match="7"):
        loudness(Audio(sine().repeat(7, 1), RATE))


def test_where_nothing_clips_normalizing_is_one_gain() -> None:
    audio = Audio(sine(level=0.01).repeat(2, 1), RATE)
    for limiter in ("soft", None):
        result = normalize_loudness(audio, -20.0, limiter=limiter)
        assert loudness(result) == pytest.approx(-20.0, abs=0.01)
        # What is below 20 Hz goes first, which touches nothing else away from the ends.
        inner = slice(RATE // 4, -RATE // 4)
        samples, made = audio.samples[:, inner], result.samples[:, inner]
        ratio = made[samples.abs() > 1e-3] / samples[samples.abs() > 1e-3]
        assert torch.allclose(ratio, ratio[0], rtol=1e-3)


@pytest.mark.parametrize("offset", [0.0, 0.0156, -0.3])
@pytest.mark.parametrize("limiter", ["soft", None])
def test_a_dc_offset_is_gone_before_the_loudness_is_set(
    offset: float, limiter: Literal["soft"] | None
) -> None:
    quiet = 0.05 * music()
    plain = normalize_loudness(Audio(quiet, RATE), -23.0, limiter=limiter)
    result = normalize_loudness(Audio(quiet + offset, RATE), -23.0, limiter=limiter)
    assert dc_offset(result) < 1e-4
    assert loudness(result) == pytest.approx(-23.0, abs=0.1)
    assert torch.allclose(result.samples, plain.samples, atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 32000, 96000])
@pytest.mark.parametrize(
    "hertz, decibels, tolerance",
    [(20.0, -3.01, 0.1), (27.5, -0.28, 0.05), (41.2, 0.0, 0.02), (997.0, 0.0, 1e-3)],
)
def test_the_high_pass_takes_what_is_below_hearing(
    rate: int, hertz: float, decibels: float, tolerance: float
) -> None:
    tone = torch.sin(2 * math.pi * hertz * torch.arange(4 * rate) / rate)[None]
    passed = high_pass(Audio(tone, rate)).samples
    inner = slice(rate, 3 * rate)
    ratio = passed[0, inner].square().mean() / tone[0, inner].square().mean()
    assert 10 * math.log10(ratio) == pytest.approx(decibels, abs=tolerance)
    if decibels == 0:  # without a shift in phase
        assert torch.allclose(passed[0, inner], tone[0, inner], atol=5e-3)


@pytest.mark.parametrize("offset", [0.2, -0.2])
def test_the_high_pass_begins_and_ends_without_a_step(offset: float) -> None:
    fade = torch.linspace(0, 1, RATE // 2)
    audio = sine(440.0, 3.0, level=0.3)
    audio[:, : RATE // 2] *= fade
    audio[:, -(RATE // 2) :] *= fade.flip(0)
    passed = high_pass(Audio(audio + offset, RATE)).samples
    assert passed[:, [0, -1]].abs().max() < 1e-3
    assert torch.allclose(passed, audio, atol=2e-3)
    still = Audio(torch.full((2, RATE), offset), RATE)
    assert high_pass(still).samples.abs().max() < 1e-6
    assert normalize_loudness(still).samples.abs().max() < 1e-6  # nothing but the offset


@pytest.mark.parametrize("length, rate", [(1, 44100), (2, 44100), (100, 44100), (100, 40)])
def test_the_high_pass_takes_any_length_and_rate(length: int, rate: int) -> None:
    audio = Audio(torch.linspace(-0.5, 0.5, length)[None], rate)
    assert high_pass(audio).samples.shape == (1, length)
    assert high_pass(audio).samples.isfinite().all()


def test_the_limiter_keeps_loudness_and_peaks_at_once() -> None:
    audio = Audio(music(), RATE)
    gain = 10 ** ((-11 - loudness(audio)) / 20)
    assert gain * audio.samples.abs().max() > 1.3  # a plain gain would clip
    result = normalize_loudness(audio, -11.0)
    assert loudness(result) == pytest.approx(-11.0, abs=0.1)
    assert result.samples.abs().max() <= CEILING


def test_without_a_limiter_the_peak_decides_and_a_warning_says_so() -> None:
    audio = Audio(music(), RATE)
    with pytest.warns(UserWarning, match=r"instead of -14.0.*limiter='soft'"):
        result = normalize_loudness(audio, limiter=None)
    assert result.samples.abs().max() == pytest.approx(CEILING, rel=1e-6)
    passed = high_pass(audio).samples
    assert torch.allclose(result.samples, passed * (CEILING / passed.abs().max()), atol=1e-6)


def test_what_even_the_limiter_cannot_reach_comes_with_a_warning() -> None:
    clicks = torch.zeros(1, 4 * RATE)
    clicks[0, :: RATE // 2] = 1.0
    with pytest.warns(UserWarning, match="instead of -14.0"):
        result = normalize_loudness(Audio(clicks, RATE))
    assert result.samples.abs().max() <= CEILING


def test_the_limiter_leaves_what_is_far_from_a_peak_as_it_was() -> None:
    song, peak = music(), RATE
    song *= 0.3 / song.abs().max()
    song[0, peak] = 2.0
    limited = limit(Audio(song, RATE), 0.5).samples
    reach = round(2 * REACH * RATE) + 1
    away = (torch.arange(song.shape[1]) - peak).abs() > reach
    assert torch.equal(limited[:, away], song[:, away])
    assert limited[0, peak] == pytest.approx(0.5) and limited.abs().max() <= 0.5
    gain = (limited / song)[:, ~away & (song != 0).all(0)]
    assert torch.allclose(gain[0], gain[1], rtol=1e-5)  # both channels move together
    assert gain[0].diff().abs().max() < 2 / (REACH * RATE)  # and smoothly


@pytest.mark.parametrize("level", [0.2, 0.99, 1.5, 8.0])
def test_the_limiter_turns_a_tone_down_and_keeps_its_shape(level: float) -> None:
    tone = sine(997.0, 1.0, level=level)
    limited = limit(Audio(tone, RATE), 0.9).samples
    assert torch.allclose(limited, tone * min(1.0, 0.9 / level), atol=1e-3 * level)


def test_the_limiter_flattens_no_waves() -> None:
    loud = 4 * music() / music().abs().max()
    cut = loud.clamp(-CEILING, CEILING)
    limited = limit(Audio(loud, RATE), CEILING).samples
    assert clipping(cut.numpy()) > 0.01
    assert clipping(limited.numpy()) < 1e-4


@pytest.mark.parametrize("target", [14.0, 1.0, -71.0, math.nan])
def test_a_loudness_out_of_range_is_refused(target: float) -> None:
    with pytest.raises(SettingError, match="-70 to 0"):
        normalize_loudness(Audio(sine(), RATE), target)


def test_an_unknown_limiter_is_refused() -> None:
    with pytest.raises(SettingError, match="'hard'"):
        normalize_loudness(Audio(sine(), RATE), limiter="hard")  # type: ignore[arg-type]


# Round trips


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_comes_back_with_its_samples_and_its_recipe(tmp_path: Path, suffix: str) -> None:
    samples = music()
    path = save_audio(
        tmp_path / f"sóng ♫.{suffix}", samples, RATE, loudness=None, recipe=LONG_RECIPE
    )
    audio = load_audio(path)
    assert audio.sample_rate == RATE and audio.samples.shape == samples.shape
    if suffix in LOSSLESS:
        assert (audio.samples - samples).abs().max() <= 2**-23
    else:
        assert snr(samples, audio.samples) > 10
    assert len(json.dumps(LONG_RECIPE)) > 20_000
    assert read_recipe(path) == LONG_RECIPE
    beside = [f"sóng ♫.{suffix}"]
    assert contents(tmp_path) == (["sóng ♫.json", *beside] if suffix == "wav" else beside)
    piece = load_audio(path, start=1.25, duration=0.5)
    assert torch.equal(piece.samples, audio.samples[:, 40000:56000])


@pytest.mark.parametrize("suffix", FORMATS)
def test_saved_music_has_the_loudness_asked_for(tmp_path: Path, suffix: str) -> None:
    path = save_audio(tmp_path / f"a.{suffix}", music(), RATE)
    assert loudness(load_audio(path)) == pytest.approx(-14.0, abs=0.3)
    path = save_audio(tmp_path / f"a.{suffix}", music(), RATE, loudness=-23.0, limiter=None)
    assert loudness(load_audio(path)) == pytest.approx(-23.0, abs=0.3)
    assert read_recipe(path) is None and contents(tmp_path) == [f"a.{suffix}"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("value", [torch.zeros(2, 8000), sine(seconds=0.05), torch.ones(1)])
def test_silence_and_moments_can_be_saved(tmp_path: Path, suffix: str, value: torch.Tensor) -> None:
    audio = load_audio(save_audio(tmp_path / f"a.{suffix}", value, RATE))
    assert audio.samples.shape == torch.atleast_2d(value).shape
    if suffix in LOSSLESS:
        assert torch.allclose(audio.samples, torch.atleast_2d(value), atol=2**-23)


@pytest.mark.parametrize(
    "suffix, rate, written",
    [
        ("mp3", 32000, 32000),
        ("mp3", 20000, 22050),
        ("mp3", 4000, 8000),
        ("mp3", 96000, 48000),
        ("ogg", 8000, 8000),
        ("ogg", 192000, 192000),
        ("ogg", 250000, 200000),
        ("flac", 192000, 192000),
        ("wav", 192000, 192000),
    ],
)
def test_a_rate_the_format_does_not_know_is_resampled(
    tmp_path: Path, suffix: str, rate: int, written: int
) -> None:
    samples = sine(seconds=0.5, rate=rate)
    audio = load_audio(save_audio(tmp_path / f"a.{suffix}", samples, rate, loudness=None))
    assert audio.sample_rate == written
    assert audio.samples.shape == (1, written // 2)
    expected = sine(seconds=0.5, rate=written)
    middle = slice(written // 8, -written // 8)
    assert snr(expected[:, middle], audio.samples[:, middle]) > 20


@pytest.mark.parametrize("suffix, channels", [("wav", 7), ("flac", 7), ("ogg", 7), ("mp3", 2)])
def test_channels_stay_apart(tmp_path: Path, suffix: str, channels: int) -> None:
    samples = torch.cat([sine(110.0 * (i + 1), 0.5, level=0.3) for i in range(channels)])
    path = save_audio(tmp_path / f"a.{suffix}", samples, RATE, loudness=None)
    assert snr(samples, load_audio(path).samples) > 20


@pytest.mark.parametrize("suffix", FORMATS)
def test_samples_beyond_full_scale_are_clipped_and_never_wrap(tmp_path: Path, suffix: str) -> None:
    samples = torch.full((1, RATE), 0.1)
    samples[:, 1000:9000] = 3.0
    samples[:, 20000:28000] = -3.0
    with pytest.warns(UserWarning, match="16000 samples beyond full scale"):
        path = save_audio(tmp_path / f"a.{suffix}", samples, RATE, loudness=None)
    audio = load_audio(path).samples
    assert audio[0, 2000:4000].min() > 0.5 and audio[0, 21000:23000].max() < -0.5


def test_a_file_is_written_with_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    path = save_audio(tmp_path / "new folder" / "a.WAV", sine(), RATE)
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


# Recipes


def test_other_programs_can_read_a_wav_and_its_comment(tmp_path: Path) -> None:
    recipe = {"seed": 7, "text": "é"}
    path = save_audio(tmp_path / "a.wav", torch.ones(3, 999) / 2, RATE, recipe=recipe)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getnframes()) == (3, 3, 999)
    with soundfile.SoundFile(path) as sound:
        assert json.loads(sound.comment) == recipe | {KEY: VOCABULARY + GENERATED}
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_a_wav_that_lost_its_tag_finds_the_recipe_beside_it(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "a.wav", sine(), RATE, recipe={"seed": 7})
    assert json.loads((tmp_path / "a.json").read_text()) == {"seed": 7}
    soundfile.write(path, sine()[0].numpy(), RATE)  # an editor's save
    assert read_recipe(path) == {"seed": 7}


def test_a_json_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    request = tmp_path / "song.json"
    request.write_text('{"text": "my request"}')
    with pytest.warns(UserWarning, match=r"song\.json is not the recipe"):
        path = save_audio(tmp_path / "song.wav", sine(), RATE, recipe={"seed": 1})
    assert request.read_text() == '{"text": "my request"}'
    assert read_recipe(path) == {"seed": 1}
    save_audio(path, sine(), RATE)
    assert request.exists()


def test_the_json_beside_a_wav_follows_it(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "a.wav", sine(), RATE, recipe={"seed": 1})
    save_audio(path, sine(), RATE, recipe={"seed": 2})
    assert json.loads((tmp_path / "a.json").read_text()) == {"seed": 2} == read_recipe(path)
    save_audio(path, sine(), RATE)
    assert contents(tmp_path) == ["a.wav"] and read_recipe(path) is None


@pytest.mark.parametrize("comment", [None, "ripped by hand", "[1, 2]", "{broken", "[" * 100_000])
def test_a_comment_that_is_no_recipe_is_none(tmp_path: Path, comment: str | None) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE, 1, "PCM_16") as sound:
        if comment is not None:
            sound.comment = comment
        sound.write(sine()[0].numpy())
    assert read_recipe(tmp_path / "a.flac") is None


def test_a_recipe_of_nothing_readable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav"):
        read_recipe(tmp_path / "gone.wav")
    (tmp_path / "note.flac").write_text("dear diary")
    with pytest.raises(AudioError, match=r"note\.flac"):
        read_recipe(tmp_path / "note.flac")


@pytest.mark.parametrize("recipe", [{"x": {1, 2}}, {"x": math.nan}, {("a", "b"): 1}])
def test_a_recipe_that_json_cannot_hold_is_refused(tmp_path: Path, recipe: dict) -> None:
    with pytest.raises(AudioError, match="recipe"):
        save_audio(tmp_path / "a.flac", sine(), RATE, recipe=recipe)
    assert contents(tmp_path) == []


# Failures to read


def check_refused(path: Path, words: str, **options: float) -> None:
    with pytest.raises(AudioError, match=words) as caught:
        load_audio(path, **options)
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_audio_file_is_refused(tmp_path: Path) -> None:
    check_refused(tmp_path / "missing.wav", "No such file")
    check_refused(tmp_path, "directory")
    (tmp_path / "empty.wav").touch()
    check_refused(tmp_path / "empty.wav", "empty")
    for suffix in FORMATS:
        path = tmp_path / f"text.{suffix}"
        path.write_text("This is not audio.\n" * 100)
        check_refused(path, "no audio file")


def test_a_file_of_no_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), RATE)
    check_refused(tmp_path / "none.wav", "no samples")


def test_only_the_slice_asked_for_is_decoded(tmp_path: Path) -> None:
    # Twenty minutes whose every sample but one second is NaN: reading more would raise.
    samples = np.full(1200 * 8000, np.nan, np.float32)
    samples[600 * 8000 : 601 * 8000] = sine(rate=8000)[0]
    soundfile.write(tmp_path / "long.wav", samples, 8000, subtype="FLOAT")
    audio = load_audio(tmp_path / "long.wav", start=600.0, duration=1.0)
    assert torch.equal(audio.samples, sine(rate=8000))
    check_refused(tmp_path / "long.wav", "NaN", start=600.0, duration=1.1)
    check_refused(tmp_path / "long.wav", "1200.00 s", start=1200.0)
    check_refused(tmp_path / "long.wav", "outside", start=-1.0)
    check_refused(tmp_path / "long.wav", "positive", start=1.0, duration=0.0)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.97])
def test_a_file_cut_short_is_refused(tmp_path: Path, suffix: str, part: float) -> None:
    path = save_audio(tmp_path / f"whole.{suffix}", music(8.0), RATE)
    data = path.read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[: int(part * len(data))])
    check_refused(path, "cut short|damaged")


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_the_sound_part_of_a_cut_file_can_be_read(tmp_path: Path, suffix: str) -> None:
    path = save_audio(tmp_path / f"a.{suffix}", music(8.0), RATE)
    whole = load_audio(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    piece = load_audio(path, start=1.0, duration=1.0)
    assert torch.equal(piece.samples, whole.samples[:, RATE : 2 * RATE])
    check_refused(path, "cut short", start=1.0, duration=7.0)


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg"])
def test_a_file_damaged_in_the_middle_is_refused(tmp_path: Path, suffix: str) -> None:
    path = save_audio(tmp_path / f"a.{suffix}", music(), RATE)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path.write_bytes(data)
    check_refused(path, "damaged")


def test_an_mp3_that_states_no_length_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    with soundfile.SoundFile(
        path, "w", RATE, 1, "MPEG_LAYER_III", compression_level=0.5, bitrate_mode="CONSTANT"
    ) as sound:
        sound.write(music(channels=1)[0].numpy())
    data = path.read_bytes()
    mark = data.index(b"Info")
    frame = data.rindex(data[mark - 21 : mark - 19], 0, mark)  # the sync word before the header
    assert data[frame] == 0xFF
    following = data.index(data[frame : frame + 2], mark)
    path.write_bytes(data[following:])  # without its first frame, which holds the Info header
    # Decoders lose a frame or two at the start of such a stream.
    assert load_audio(path).samples.shape[1] == pytest.approx(4 * RATE, abs=4 * 1152)


def test_real_mp3s_without_a_length_are_read(shared: Path) -> None:
    assert load_audio(shared / "audio" / "sep_drums_1.mp3").samples.shape == (1, 322560)
    assert load_audio(shared / "audio" / "bach.mp3").samples.shape == (2, 442368)


def test_real_music_reaches_the_default_loudness(shared: Path) -> None:
    for name in ("CJ_Beatbox_Loop_05_90.wav", "bach.mp3", "electronic.mp3", "sep_drums_1.mp3"):
        result = normalize_loudness(load_audio(shared / "audio" / name))
        assert loudness(result) == pytest.approx(-14.0, abs=0.1)
        assert result.samples.abs().max() <= CEILING


def test_m4a_needs_ffmpeg_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    monkeypatch.setenv("PATH", str(tmp_path))
    check_refused(tmp_path / "a.m4a", "ffmpeg")


def test_m4a_is_read_through_ffmpeg(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("the ffmpeg program is not installed")
    samples = music(3.0)
    source = save_audio(tmp_path / "a.wav", samples, RATE, loudness=None)
    path = tmp_path / "-odd:name.m4a"
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-c:a", "aac", "-b:a", "256k"]
    subprocess.run([*command, f"file:{path}"], check=True)
    audio = load_audio(path)
    # Some versions of ffmpeg keep the padding of the last AAC frame.
    length = samples.shape[1]
    assert audio.sample_rate == RATE and 0 <= audio.samples.shape[1] - length < 1024
    assert snr(samples, audio.samples[:, :length]) > 10
    piece = load_audio(path, start=1.25, duration=0.5)
    assert torch.equal(piece.samples, audio.samples[:, 40000:56000])
    check_refused(path, "no samples", start=100.0)
    path.write_bytes(b"\0\0\0\x20ftypM4A " * 9)
    check_refused(path, "ffmpeg says")


# Failures to write


@pytest.mark.parametrize("name", ["a.aiff", "a", "a.wav.txt", ".flac"])
def test_a_suffix_that_is_none_of_the_four_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match=r"\.wav, \.flac, \.mp3, \.ogg"):
        save_audio(tmp_path / name, sine(), RATE)
    assert contents(tmp_path) == []


@pytest.mark.parametrize("suffix, channels", [("mp3", 3), ("flac", 9), ("ogg", 256)])
def test_more_channels_than_the_format_holds_are_refused(
    tmp_path: Path, suffix: str, channels: int
) -> None:
    with pytest.raises(AudioError, match=f"has {channels}"):
        save_audio(tmp_path / f"a.{suffix}", sine().repeat(channels, 1), RATE, loudness=None)


def test_nan_is_not_written(tmp_path: Path) -> None:
    samples = sine()
    samples[0, 5] = math.nan
    with pytest.raises(AudioError, match="NaN"):
        save_audio(tmp_path / "a.wav", samples, RATE)
    assert contents(tmp_path) == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    for path in (tmp_path / "file" / "a.wav", tmp_path / "folder.wav", Path("/proc/jasco/a.wav")):
        with pytest.raises(AudioError, match="cannot write") as caught:
            save_audio(path, sine(), RATE, recipe={})
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert contents(tmp_path) == ["file", "folder.wav"]
    assert contents(tmp_path / "folder.wav") == []


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 50 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_leaves_the_earlier_file_as_it_was(
    tmp_path: Path, small_disk: None, suffix: str
) -> None:
    path = save_audio(tmp_path / f"a.{suffix}", sine(seconds=0.1), RATE, recipe={"take": 1})
    before = contents(tmp_path), path.read_bytes()
    with pytest.raises(AudioError, match="cannot write"):
        save_audio(path, music(8.0), RATE, recipe={"take": 2})
    assert (contents(tmp_path), path.read_bytes()) == before
    assert read_recipe(path) == {"take": 1}


def test_an_interrupt_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_audio(tmp_path / "a.wav", sine(), RATE, recipe={"take": 1})
    assert contents(tmp_path) == []
