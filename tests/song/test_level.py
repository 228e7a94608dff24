"""Level of takes for the model, and of new samples beside old ones."""

from __future__ import annotations

import torch

from jasco import Audio, Conditions, Jasco, load_audio
from jasco.codec import EnCodec
from jasco.song.level import TYPICAL, level_gain, restored, with_gain
from jasco.song.take import Take


def test_new_samples_have_the_level_of_a_loud_recording() -> None:
    """A song of -14 LUFS is far louder than the training data of the demo (about -31)."""
    model = Jasco.from_pretrained("demo", device="cpu", dtype="float32")
    song = load_audio("sample:song.mp3")
    song = Audio(song.samples[:, : 5 * song.sample_rate], song.sample_rate)
    take = Take(song)
    gain = level_gain(take, model.codec, 0.0, 5.0)
    quieter = with_gain(take, gain)
    assert -25 < gain < -12 and level_gain(quieter, model.codec, 0.0, 5.0) == 0
    assert abs(float(quieter.encode(model.codec).square().mean().sqrt()) - TYPICAL) < 0.08

    clip = Conditions("synth-pop", chords="C | F", bpm=96)
    out = model.edit(song, clip, ranges=[(1.0, 4.0)], seed=8, solver="ab2", steps=4)
    inside = slice(round(1.2 * song.sample_rate), round(3.8 * song.sample_rate))
    old, new = (20 * one[..., inside].std().log10() for one in (song.samples, out.audio))
    assert abs(float(new - old)) < 8 and float(out.audio.abs().max()) < 0.95
    assert out.recipe[0]["song"]["gain"] == gain
    assert Take.of(out).latents is None  # they are those of the quieter take


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


def test_latents_that_do_not_follow_the_level_leave_it() -> None:
    """Those of silence itself are beyond unit variance for statistics of other latents."""
    sizes = {"num_filters": 2, "hidden_size": 8, "upsampling_ratios": [8, 8], "codebook_size": 16}
    torch.manual_seed(0)
    rates = {"sampling_rate": 8000, "target_bandwidths": [1.0]}
    codec = EnCodec(config=sizes | rates, latent_mean=10.0)
    assert level_gain(Take(Audio(torch.zeros(1, 8000), 8000)), codec, 0.0, 1.0) == 0
