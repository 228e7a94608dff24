"""`JascoPipeline`: the call of diffusers gives what `Jasco.generate` gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jasco import Conditions, Jasco, JascoPipeline
from jasco.errors import SettingError


def test_the_call_of_diffusers(tiny: Jasco) -> None:
    pipe = JascoPipeline(tiny)
    settings = {"num_inference_steps": 2, "audio_length_in_s": 0.5, "guidance_scale": 2.0}
    generator = torch.Generator().manual_seed(0)
    out = pipe("a", **settings, generator=generator, output_type="generation").audios
    seed = out.recipe[0]["seed"]
    alone = tiny.generate("a", seed=seed, steps=2, duration=0.5, guidance=2.0)
    again = pipe("a", **settings, generator=torch.Generator().manual_seed(0))
    assert again.audios.shape == (1, 1, 16000) and again.sample_rate == 32000
    assert np.array_equal(again.audios, alone.audio.numpy())
    following = pipe("a", **settings, generator=generator, output_type="pt").audios
    assert not torch.equal(following, alone.audio)


def test_prompts_controls_and_latents(tiny: Jasco) -> None:
    pipe, seen = JascoPipeline(tiny), []
    prompts = ["a", Conditions("b")]
    (out,) = pipe(
        prompts,
        chords="C Am",
        bpm=120,
        num_inference_steps=1,
        audio_length_in_s=0.5,
        num_waveforms_per_prompt=2,
        generator=[torch.Generator().manual_seed(k) for k in range(2)],
        output_type="generation",
        return_dict=False,
        callback=lambda step, total: seen.append((step, total)),
    )
    texts = [item["conditions"]["text"] for item in out.recipe]
    assert texts == ["a", "a", "b", "b"] and seen == [(1, 1)]
    assert ["chords" in item["conditions"] for item in out.recipe] == [True, True, False, False]
    latents = pipe("a", num_inference_steps=1, audio_length_in_s=0.5, output_type="latent").audios
    assert latents.shape == (1, 25, 128)


def test_what_does_not_fit_is_an_error(tiny: Jasco) -> None:
    pipe = JascoPipeline(tiny)
    with pytest.raises(SettingError, match="output_type"):
        pipe("a", output_type="mp3")
    with pytest.raises(SettingError, match="3 generators for 1 prompt"):
        pipe("a", generator=[torch.Generator()] * 3)
