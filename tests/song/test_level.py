"""Level of takes for the model, and of new samples beside old ones."""

from __future__ import annotations

from pathlib import Path

import torch

from jasco import Audio, Conditions, Jasco, load_audio
from jasco.audio import loudness
from jasco.song.level import level_gain, restored, with_gain
from jasco.song.take import Take


def test_new_samples_have_the_level_of_a_loud_recording() -> None:
    """A song of -14 LUFS is over 15 dB louder than the demo plays a text and chords."""
    model = Jasco.from_pretrained("demo", device="cpu", dtype="float32")
    song = load_audio("sample:song.mp3")
    song = Audio(song.samples[:, : 5 * song.sample_rate], song.sample_rate)
    clip = Conditions("synth-pop", chords="C | F", bpm=96)
    out = model.edit(song, clip, ranges=[(1.0, 4.0)], seed=8, solver="ab2", steps=4)
    assert out.recipe[0]["song"]["gain"] < -15
    inside = slice(round(1.2 * song.sample_rate), round(3.8 * song.sample_rate))
    old, new = (20 * one[..., inside].std().log10() for one in (song.samples, out.audio))
    assert abs(float(new - old)) < 6 and float(out.audio.abs().max()) < 0.95
    assert Take.of(out).latents is None  # they are those of the quieter take


def test_a_saved_take_has_the_gain_that_it_was_saved_with(tmp_path: Path) -> None:
    """The model plays the controls of its recipe again, whatever is given for the range."""
    model = Jasco.from_pretrained("demo", device="cpu", dtype="float32")
    clip = Conditions("rock, drums", chords="C | F", bpm=120)
    take = model.generate(clip, seed=1, duration=4.0, steps=3)
    (path,) = take.save(tmp_path / "take.wav")
    played = loudness(Audio(take.audio[0], take.sample_rate))
    for new in (Conditions("solo flute"), clip):
        out = model.extend(path, new, duration=4.0, seed=1, steps=3)
        # The noise after the take is other noise, so that it is not played note by note.
        assert abs(out.recipe[0]["song"]["gain"] - (played + 14)) < 3
    assert model.extend(take, clip, duration=1.0, steps=1, seed=1).recipe[0]["song"]["gain"] == 0


def test_the_gain_is_that_of_the_loudness() -> None:
    noise = 0.1 * torch.randn(1, 64000, generator=torch.Generator().manual_seed(0))
    loud, quiet = Audio(noise, 32000), Audio(0.1 * noise, 32000)
    gain = level_gain(loud, quiet)
    assert abs(gain + 20) < 0.1 and level_gain(quiet, loud) == -gain
    assert abs(loudness(with_gain(Take(loud), gain).audio) - loudness(quiet)) < 0.1
    assert level_gain(Audio(noise.expand(2, -1), 32000), quiet) == gain  # as the codec mixes it
    for nothing in (Audio(0 * noise, 32000), Audio(noise[:, :3200], 32000)):  # no block of .4 s
        assert level_gain(loud, nothing) == level_gain(nothing, loud) == 0


def test_restored_samples_have_neither_a_dc_offset_nor_peaks_above_the_ceiling() -> None:
    tone = 0.01 * torch.sin(2 * torch.pi * 440 * torch.arange(32000) / 32000)
    samples = tone.repeat(1, 2, 1)
    samples[..., 16000] = 0.2
    loud = restored(samples + 0.003, 32000, -20.0)
    assert float(loud.abs().max()) <= 10 ** (-1 / 20)
    assert float(loud[..., 3200:].mean().abs()) < 1e-3  # it was .03
    torch.testing.assert_close(
        loud[..., 4000:15000], samples[..., 4000:15000] * 10, rtol=0, atol=0.01
    )
    assert restored(samples, 32000, 0.0) is samples
