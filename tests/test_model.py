"""The model as a whole, on real parts of small size: invariance, guidance rows, seeds, refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from jasco.audio import Audio, probe
from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import AudioError, ChordError, ConditionError, MelodyError, SettingError
from jasco.extract.latents import encode_drums
from jasco.flow import RK4, SOLVERS, Dopri5, Euler, Guidance, Heun, Midpoint
from jasco.model import Jasco
from jasco.recipe import Recipe

GUIDANCE = Guidance(all=1.5, text=0.5)


def beat(seconds=10.0, rate=32000, channels=1):
    """Bursts of noise, four a second."""
    generator = torch.Generator().manual_seed(3)
    t = torch.arange(int(seconds * rate)) / rate
    noise = torch.randn(len(t), generator=generator) * torch.exp(-30 * (t % 0.25))
    return Audio(0.3 * noise.repeat(channels, 1), rate)


def tune(frames=500):
    roll = torch.zeros(53, frames)
    roll[torch.arange(frames) // 25 % 53, torch.arange(frames)] = 1
    return roll


@pytest.fixture(scope="module")
def requests():
    return [
        Conditions(
            text="warm 80s synth-pop with a driving bass and a long description " * 3,
            chords=[("C", 0.0), ("Am", 2.5), ("F", 5.0)],
            drums=beat(),
            melody=tune(),
        ),
        Conditions(text="jazz"),
        Conditions(chords=[("G7", 1.0)], melody=tune()),
        Conditions(text="drums only", drums=beat(3.0)),
    ]


@pytest.fixture(scope="module", params=["tiny", "published"])
def model(request, tiny):
    if request.param == "tiny":
        return tiny
    cache = request.getfixturevalue("hub_cache")
    name = "facebook/jasco-chords-drums-melody-400M"
    return Jasco.from_pretrained(name, device="cpu", dtype="float32", cache_dir=cache)


def test_an_item_does_not_depend_on_its_batch(model, requests):
    settings = {"solver": Euler(5), "guidance": GUIDANCE}
    seeds = [11, 12, 13, 14]
    batch = model.generate(requests, seed=seeds, **settings).latents
    for k, clip in enumerate(requests):
        alone = model.generate([clip], seed=[seeds[k]], **settings).latents[0]
        torch.testing.assert_close(batch[k], alone, rtol=0, atol=1e-4)


@pytest.mark.parametrize("guidance", [GUIDANCE, Guidance(all="1,3@0.3:0.6", end=0.8)])
def test_clips_of_different_lengths_are_those_alone(model, requests, guidance):
    settings = {"solver": Heun(2), "guidance": guidance}
    clips = [*requests[1::2], Conditions(chords="G7:0 C:.3"), Conditions("a", drums=beat(0.5))]
    durations, seeds = [0.6, 0.8, 0.62, 0.7], [11, 12, 13, 14]
    out = model.generate(clips, seed=seeds, duration=durations, **settings)
    for k, clip in enumerate(clips):
        alone = model.generate(clip, seed=seeds[k], duration=durations[k], **settings)
        assert out[k].latents.shape == alone.latents.shape and out[k].duration == alone.duration
        torch.testing.assert_close(out[k].latents, alone.latents, rtol=0, atol=1e-4)
        torch.testing.assert_close(out[k].audio, alone.audio, rtol=0, atol=1e-4)
        assert out[k].recipe[0] | {"batch": 1} == alone.recipe[0]
        assert not out.latents[k, alone.latents.shape[1] :].any()


def test_clips_and_songs_of_different_lengths(tiny, requests, monkeypatch, tmp_path):
    monkeypatch.setattr(tiny, "segment_duration", 0.8)
    durations = [0.6, 1.7, 1.1]
    clips = [*requests[1::2], Conditions(chords="G7:0 C:.3")]
    out = tiny.generate(clips, seed=[1, 2, 3], num_samples=2, duration=durations, steps=1)
    for k in range(6):
        alone = tiny.generate(
            clips[k // 2], seed=1 + k // 2 + k % 2, duration=durations[k // 2], steps=1
        )
        torch.testing.assert_close(out[k].latents, alone.latents, rtol=0, atol=1e-4)
    part = out[2:4]
    assert part.frames is None and part.duration == 1.7 and torch.equal(part.audio, out.audio[2:4])
    paths = out.save(tmp_path / "a.wav")
    assert [probe(path).duration for path in paths] == [0.6, 0.6, 1.7, 1.7, 1.1, 1.1]
    with pytest.raises(SettingError, match="duration has 2 values for 3 clips"):
        tiny.generate(clips, duration=[1, 2])


def test_padding_goes_to_another_device_with_its_batch(tiny, requests):
    batch = tiny.encode(requests, 500)
    assert batch.to("meta").mask is None
    padded = replace(batch, mask=torch.ones(len(requests), 500, dtype=torch.bool))
    assert padded.to("meta").mask.is_meta


def test_a_null_in_a_batch_is_the_trained_one(model, requests):
    """Null drums are zero latents, not encoded silence; null text is one zero token."""
    mixed = model.encode(requests, 500)
    null = model.encode([Conditions()], 500)
    for name, items in {"drums": [1, 2], "chords": [1, 3], "melody": [1, 3]}.items():
        for item in items:
            torch.testing.assert_close(
                mixed.controls[name].values[item], null.controls[name].values[0]
            )
    silent = model.encode([Conditions(drums=(torch.zeros(1, 320000), 32000))], 500)
    difference = silent.controls["drums"].values - null.controls["drums"].values
    assert difference.abs().max() > 1e-3
    text = mixed.controls["text"]
    assert text.mask[2].sum() == 1 and text.values[2, 0].abs().max() == 0


def test_null_chord_is_not_no_chord(model):
    nothing, no_chord = (
        model.encode([Conditions(chords=chords)], 500).controls["chords"].values
        for chords in (None, [("N", 0.0)])
    )
    assert (nothing - no_chord).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("guidance", "terms"),
    [
        (Guidance(all=1.0), 1),
        (Guidance(all=5.0, text=0.0), 2),
        (Guidance(all=1.5, text=0.5), 3),
        (Guidance(all=0.5, text=0.5), 2),
        (Guidance(all=1.0, text=0.5, chords=0.5), 4),
    ],
)
def test_a_term_of_weight_zero_is_not_computed(tiny, requests, guidance, terms):
    rows = []
    handle = tiny.network.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    try:
        tiny.generate(requests[:1] * 2, seed=0, solver=Euler(2), guidance=guidance)
    finally:
        handle.remove()
    assert rows == [2 * terms, 2 * terms]


def test_guidance_is_linear_in_its_weights(tiny, requests):
    encoded = tiny.encode(requests, 500)
    z, t = torch.randn(4, 500, 128, generator=torch.Generator().manual_seed(0)), torch.tensor(0.3)
    with torch.no_grad():
        v = {
            names: tiny.velocity(z, t, encoded.keep(names))
            for names in [("text", "chords", "drums", "melody"), ("text",), ("chords", "drums"), ()]
        }
        found = tiny.guided(encoded, Guidance(all=2.0, text=0.5, **{"chords+drums": -0.7}))(t, z)
    everything, text, both, none = v.values()
    expected = 2.0 * everything + 0.5 * text - 0.7 * both - 0.8 * none
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_same_seed_gives_the_same_audio(tiny, requests):
    first, second = (
        tiny.generate(requests, seed=7, solver=Euler(3), guidance=GUIDANCE).audio for _ in range(2)
    )
    assert torch.equal(first, second)


def test_samples_of_a_clip_have_seeds_of_their_own(tiny):
    clips = [Conditions(text="one"), Conditions(text="two")]
    out = tiny.generate(clips, seed=[5, 50], num_samples=3, solver=Euler(2))
    assert [r["seed"] for r in out.recipe] == [5, 6, 7, 50, 51, 52]
    assert out.audio.shape == (6, 1, 320000) and out.latents.shape == (6, 500, 128)
    again = tiny.generate(clips[1], seed=51, solver=Euler(2))
    torch.testing.assert_close(out.latents[4], again.latents[0], rtol=0, atol=1e-5)


def test_a_drawn_seed_is_reported_and_makes_it_again(tiny):
    clip = Conditions(text="surprise")
    out = tiny.generate(clip, solver=Euler(2))
    seed = out.recipe[0]["seed"]
    assert seed != tiny.generate(clip, solver=Euler(2)).recipe[0]["seed"]
    assert torch.equal(tiny.generate(clip, seed=seed, solver=Euler(2)).audio, out.audio)


def test_generation_leaves_the_global_generator_alone(tiny):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    tiny.generate(Conditions(text="x"), solver=Euler(1))
    assert torch.equal(torch.rand(3), expected)


def test_a_recipe_makes_the_take_again(tiny, requests):
    import json

    out = tiny.generate(requests, seed=[1, 2, 3, 4], solver=Midpoint(2), guidance=GUIDANCE)
    for k, plain in enumerate(out.recipe):
        recipe = Recipe.from_dict(json.loads(json.dumps(plain)))
        again = tiny.generate(
            recipe.conditions,
            seed=recipe.seed,
            solver=SOLVERS["midpoint"](recipe.solver["steps"]),
            guidance=Guidance(**recipe.guidance),
            duration=recipe.duration,
        )
        torch.testing.assert_close(again.latents[0], out.latents[k], rtol=0, atol=1e-4)


@pytest.mark.parametrize("solver", [Euler(3), Midpoint(2), Heun(2), RK4(1), Dopri5(1e-2, 1e-2)])
def test_progress_on_every_solver(tiny, solver, capfd):
    seen = []
    tiny.generate(
        Conditions(text="x"),
        seed=0,
        solver=solver,
        duration=0.5,
        progress=True,
        callback=lambda step, total: seen.append((step, total)),
    )
    total = seen[-1][1]
    assert seen[-1] == (total, total)
    assert solver.name in capfd.readouterr().err


def test_shorter_clips(tiny):
    out = tiny.generate(Conditions(text="x", drums=beat()), seed=0, solver=Euler(1), duration=2.5)
    assert out.audio.shape == (1, 1, 80000) and out.recipe[0]["duration"] == 2.5
    assert any("drums: 10.00 s given" in line for line in out.notes[0])


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_drums_of_any_rate_and_channel_count(tiny, rate, channels):
    encoded = tiny.encode([Conditions(drums=beat(1.0, rate, channels))], 500)
    assert bool(encoded.controls["drums"].values.isfinite().all())


def test_drums_are_heard(tiny):
    """Codes follow the beat, whatever the rate and channel count of the file that holds it."""

    def codes(audio):
        return encode_drums([audio], 500, tiny.codec)[0].codes

    def agreement(some, others):
        return (some == others).float().mean()

    loud = Audio(beat().samples * 5, 32000)
    original = codes(loud)
    assert len(original.unique()) > 5
    assert torch.equal(codes(Audio(loud.samples.repeat(2, 1), 32000)), original)
    # The LSTM of EnCodec remembers, so a shifted or cut track agrees only nearly.
    late = codes(Audio(torch.roll(loud.samples, 6400, 1), 32000))
    assert agreement(late[20:480], original[10:470]) > 0.95 > agreement(late, original)
    assert agreement(codes(loud.resample(48000)), original) > 0.9
    short = codes(loud.crop(0.0, 5.0))
    assert agreement(short[:240], original[:240]) > 0.95
    silence = codes(Audio(torch.zeros(1, 32000), 32000))
    assert agreement(short[260:], silence[260:]) > 0.95 > agreement(short[:240], silence[:240])


def test_an_adaptive_solver_computes_in_float32(tiny):
    try:
        tiny.dtype = torch.bfloat16
        out = tiny.generate(Conditions(text="x"), seed=0, solver=Dopri5(), duration=0.5)
        assert out.recipe[0]["dtype"] == "float32"
    finally:
        tiny.dtype = torch.float32
    again = tiny.generate(Conditions(text="x"), seed=0, solver=Dopri5(), duration=0.5)
    assert torch.equal(out.latents, again.latents)


def test_drum_audio_and_its_codes_are_the_same_wish(tiny):
    out = tiny.generate(Conditions(drums=beat()), seed=0, solver=Euler(2))
    codes = DrumCodes(torch.tensor(out.recipe[0]["conditions"]["drums"]))
    again = tiny.generate(Conditions(drums=codes), seed=0, solver=Euler(2))
    assert torch.equal(again.audio, out.audio)


def test_lower_precision_stays_close(tiny, requests):
    settings = {"seed": 3, "solver": Euler(4), "guidance": GUIDANCE}
    exact = tiny.generate(requests, **settings)
    try:
        tiny.dtype = torch.bfloat16
        rough = tiny.generate(requests, **settings)
    finally:
        tiny.dtype = torch.float32
    error = (rough.latents - exact.latents).norm() / exact.latents.norm()
    assert 0 < error < 2e-2
    assert rough.latents.dtype == rough.audio.dtype == torch.float32


def test_a_hand_drawn_noise(tiny):
    noise = torch.randn(1, 500, 128, generator=torch.Generator().manual_seed(9))
    out = tiny.generate(Conditions(text="x"), noise=noise, solver=Euler(1))
    drawn = tiny.generate(Conditions(text="x"), seed=9, solver=Euler(1))
    assert torch.equal(out.latents, drawn.latents)
    assert out.recipe[0]["seed"] is None


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"seed": [1, 2]}, ConditionError, "2 seeds for 1 clips"),
        ({"seed": -1}, SettingError, "seed"),
        ({"num_samples": 0}, SettingError, "num_samples"),
        ({"duration": 0.0}, SettingError, "duration"),
        ({"duration": -3.0}, SettingError, "duration"),
        ({"duration": math.nan}, SettingError, "duration"),
        ({"duration": 3600.5}, SettingError, "up to 3600 s"),
        ({"noise": torch.zeros(1, 400, 128)}, ConditionError, "noise"),
        ({"noise": torch.full((1, 500, 128), math.nan)}, ConditionError, "noise"),
        ({"guidance": Guidance(all=1, vocals=1)}, ConditionError, "vocals"),
    ],
)
def test_settings_that_do_not_fit(tiny, settings, error, message):
    with pytest.raises(error, match=message):
        tiny.generate(Conditions(text="x"), **settings)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"chords": [("C", -1.0)]}, ChordError, "-1"),
        ({"chords": [("Zz", 0.0)]}, ChordError, "Zz"),
        ({"melody": np.zeros((53, 400))}, MelodyError, "400"),
        ({"melody": np.zeros((12, 500))}, MelodyError, "53"),
        ({"melody": np.zeros((500, 53))}, MelodyError, "transpose"),
        ({"drums": (torch.zeros(1, 0), 32000)}, AudioError, None),
        ({"drums": (torch.full((1, 100), math.nan), 32000)}, AudioError, "NaN"),
        ({"drums": DrumCodes(torch.zeros(10, dtype=torch.long))}, ConditionError, "500 frames"),
        ({"drums": DrumCodes(torch.full((500,), 9999))}, SettingError, "another"),
        ({"text": 3}, ConditionError, "string"),
        ({"text": "word " * 2000}, ConditionError, "tokens"),
    ],
)
def test_conditions_that_do_not_fit_the_model(tiny, values, error, message):
    with pytest.raises(error, match=message):
        tiny.generate(Conditions(**values), seed=0, solver=Euler(1))


def test_a_control_that_the_model_has_not(hub_cache):
    model = Jasco.from_pretrained("facebook/jasco-chords-drums-400M", cache_dir=hub_cache)
    with pytest.raises(ConditionError, match="melody.*text, chords, drums"):
        model.generate(Conditions(melody=tune()))


def test_no_clips(tiny):
    with pytest.raises(ConditionError, match="no clips"):
        tiny.generate([])


def test_loss_is_per_item_and_differentiable(tiny, requests):
    generator = torch.Generator().manual_seed(0)
    z_1, z_0 = torch.randn(2, 4, 500, 128, generator=generator)
    t = torch.tensor([0.1, 0.5, 0.9, 1.0])
    encoded = tiny.encode(requests, 500)
    loss = tiny.loss(z_1, encoded, t=t, z_0=z_0)
    alone = tiny.loss(z_1[2:3], encoded.select([2]), t=t[2:3], z_0=z_0[2:3])
    torch.testing.assert_close(loss[2:3], alone, rtol=1e-5, atol=1e-6)
    loss.mean().backward()
    trained = [name for name, p in tiny.named_parameters() if p.grad is not None]
    tiny.zero_grad()
    assert any(name.startswith("conditioners.chords") for name in trained)
    assert not any(name.startswith("codec") for name in trained)
