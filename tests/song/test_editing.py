"""Edits of takes: what is copied, what is new, conditions in and outside the ranges, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco import ChordProgression, Conditions, Jasco, load_audio
from jasco.audio import Audio, read_recipe
from jasco.conditions import ConditionBatch
from jasco.drums import DrumCodes
from jasco.errors import ConditionError, JascoError, SettingError
from jasco.recipe import Recipe
from jasco.song.edit import Edit, edit_of
from jasco.song.editing import pasted, take_conditions
from jasco.song.ranges import bar_ranges, parse_bars, parse_seconds
from jasco.song.take import Take

SHORT = {"steps": 2, "seed": 5}


@pytest.fixture(scope="module")
def take(tiny: Jasco):
    """Six seconds with chords in bars of 2 s."""
    clip = Conditions(
        "funk",
        chords=ChordProgression.parse("C | Am | F", bpm=120),
        drums=DrumCodes(torch.arange(300) % 60),
    )
    return tiny.generate(clip, seed=3, steps=2, duration=6.0)


def recording(folder: Path, suffix: str, rate: int, channels: int, seconds: float = 5.0) -> Path:
    """Noise and a tone, as a file of 16 bits."""
    generator = np.random.default_rng(0)
    wave = 0.3 * np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate)
    samples = wave[:, None] + generator.uniform(-0.1, 0.1, (len(wave), channels))
    soundfile.write(folder / f"song{suffix}", samples, rate, subtype="PCM_16")
    return folder / f"song{suffix}"


@pytest.mark.parametrize("suffix, rate, channels", [(".wav", 44100, 2), (".flac", 48000, 1)])
def test_samples_outside_the_ranges_are_those_of_the_file(
    tiny: Jasco, tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    path = recording(tmp_path, suffix, rate, channels)
    out = tiny.edit(path, "jazz", ranges=[(3.2, 4.0), (1.003, 2.0)], **SHORT)
    out.save(tmp_path / f"new{suffix}")
    old, new = (
        soundfile.read(name, dtype="int32")[0] for name in (path, tmp_path / f"new{suffix}")
    )
    assert new.shape == old.shape and out.sample_rate == rate
    touched = np.zeros(len(old), bool)
    for start, stop in ((1.003, 2.0), (3.2, 4.0)):
        touched[round((start - 0.05) * rate) : round((stop + 0.05) * rate)] = True
        inside = slice(round(start * rate), round(stop * rate))
        assert (np.abs(old[inside] - new[inside]) > 2**16).mean() > 0.5
    assert np.array_equal(old[~touched], new[~touched])


def test_latents_outside_the_ranges_are_those_of_the_take(tiny: Jasco, take) -> None:
    out = tiny.edit(take, ranges=[(2.0, 4.0)], num_samples=2, **SHORT)
    kept = torch.ones(300, dtype=torch.bool)
    kept[100:200] = False
    for latents in out.latents:
        torch.testing.assert_close(latents[kept], take.latents[0][kept], rtol=0, atol=1e-4)
        assert ((latents - take.latents[0])[~kept].abs().amax(1) > 1e-3).all()
    assert (out.latents[0] - out.latents[1]).abs().max() > 1e-3
    assert [recipe["seed"] for recipe in out.recipe] == [5, 6]
    assert torch.equal(out.audio[0, :, :60000], take.audio[0, :, :60000])
    assert torch.equal(out.audio[0, :, 130000:], take.audio[0, :, 130000:])


def test_a_cross_fade_has_no_jump(tiny: Jasco, take) -> None:
    """Where old and new latents are alike, so is the sound beside the range."""
    same = tiny.edit(take, ranges=[(2.0, 4.0)], strength=1e-6, **SHORT)
    inside = slice(2 * 32000 - 1600, 4 * 32000 + 1600)
    torch.testing.assert_close(same.audio[..., inside], take.audio[..., inside], rtol=0, atol=2e-3)


def test_conditions_of_a_range_begin_with_it(tiny: Jasco, take) -> None:
    old = take_conditions(tiny, Take.of(take), 0.0, 300)
    whole = tiny.encode([Recipe.from_dict(take.recipe[0]).conditions], 300)
    assert equal(old, whole, "text", "chords", "drums", "melody")
    clip = Conditions(chords=[("G", 0.0)])
    edit = Edit("edit", ((2.0, 4.0),))
    found = pasted(tiny, old, clip, edit, [(100, 200)])
    assert equal(found, old, "text", "drums", "melody")
    alone = tiny.encode([clip], 100).controls["chords"].values
    chords = found.controls["chords"].values
    assert torch.equal(chords[:, 100:200], alone)
    assert torch.equal(chords[:, :100], old.controls["chords"].values[:, :100])
    assert torch.equal(chords[:, 200:], old.controls["chords"].values[:, 200:])
    # Only the chords are kept: drums are free in the range.
    free = pasted(
        tiny, old, Conditions(), Edit("edit", ((2.0, 4.0),), keep=("chords",)), [(100, 200)]
    )
    null = tiny.encode([Conditions()], 100).controls["drums"].values
    assert torch.equal(free.controls["drums"].values[:, 100:200], null)
    assert equal(free, old, "chords")


def equal(first: ConditionBatch, second: ConditionBatch, *names: str) -> bool:
    return all(torch.equal(first.controls[n].values, second.controls[n].values) for n in names)


def test_conditions_of_an_edited_take_are_those_of_both(tiny: Jasco, take) -> None:
    first = tiny.edit(take, Conditions(chords=[("G", 0.0)]), ranges=[(2.0, 4.0)], **SHORT)
    longer = tiny.extend(first, Conditions(chords=[("E", 0.0)]), duration=1.0, **SHORT)
    chords = take_conditions(tiny, Take.of(longer), 0.0, 350).controls["chords"].values[0]
    expected = [("C", 0.0), ("G", 2.0), ("F", 4.0), ("E", 6.0)]
    wanted = tiny.encode([Conditions(chords=expected)], 350).controls["chords"].values[0]
    assert torch.equal(chords, wanted)


def test_a_continuation_copies_the_take(tiny: Jasco, take) -> None:
    fade = round(0.05 * 32000)
    after = tiny.extend(take, "jazz", duration=3.0, **SHORT)
    assert after.audio.shape == (1, 1, 9 * 32000) and after.latents.shape == (1, 450, 128)
    assert torch.equal(after.audio[..., : 6 * 32000 - fade], take.audio[..., :-fade])
    before = tiny.extend(take, "jazz", duration=3.0, before=True, **SHORT)
    assert torch.equal(before.audio[..., 3 * 32000 + fade :], take.audio[..., fade:])
    assert (
        float(after.audio[..., 6 * 32000 :].std()) > 1e-4 < float(before.audio[..., :96000].std())
    )
    # A bar at 97 per minute ends between two samples.
    odd = tiny.extend(take, "jazz", duration=240 / 97, **SHORT)
    assert odd.audio.shape[-1] == 6 * 32000 + round(240 / 97 * 32000)
    assert Take.of(before).bars == (3.0, 5.0, 7.0)
    again = tiny.extend(before, "jazz", duration=1.0, before=True, **SHORT)
    assert Take.of(again).bars == (4.0, 6.0, 8.0)


@pytest.mark.parametrize(
    ("bpm", "before", "expected"),
    [
        (120, False, [("C", 0.0), ("Am", 2.0)]),
        (100, False, [("F", 0.0), ("C", 1.2)]),  # the bar of F lasts to 7.2 s
        (120, True, [("Am", 0.0), ("F", 1.0)]),
        (100, True, [("Am", 0.0), ("F", 0.6)]),
    ],
)
def test_chords_of_a_take_go_on_in_its_continuation(
    tiny: Jasco, bpm: float, before: bool, expected: list[tuple[str, float]]
) -> None:
    clip = Conditions("funk", chords=ChordProgression.parse("C | Am | F", bpm=bpm))
    take = tiny.generate(clip, seed=3, steps=1, duration=6.0)
    out = tiny.extend(take, "jazz", duration=3.0, before=before, **SHORT)
    new = Recipe.from_dict(out.recipe[0]).conditions.chords.pairs()
    assert [(name, round(onset, 2)) for name, onset in new] == expected
    given = tiny.extend(take, Conditions(chords=[("E", 0.0)]), duration=1.0, **SHORT)
    assert Recipe.from_dict(given.recipe[0]).conditions.chords.names == ("E",)
    free = tiny.extend(take, duration=1.0, keep=["text"], **SHORT)
    assert Recipe.from_dict(free.recipe[0]).conditions.chords is None


def test_chords_go_on_after_a_continuation_and_an_edit(tiny: Jasco, take) -> None:
    edited = tiny.edit(take, Conditions(chords=[("G", 0.0)]), ranges=[(2.0, 4.0)], **SHORT)
    assert Take.of(edited).further_chords(3.0).pairs() == [("C", 0.0), ("Am", 2.0)]
    longer = tiny.extend(edited, duration=3.0, **SHORT)  # C, and half of the bar of Am
    assert Take.of(longer).further_chords(3.0).pairs() == [("Am", 0.0), ("C", 1.0)]
    assert Take.of(Audio(torch.randn(1, 64000), 32000)).further_chords(3.0) is None


def test_a_take_that_was_cut_after_its_edit_has_the_conditions_that_are_left(
    tiny: Jasco, take
) -> None:
    before = Take.of(tiny.extend(take, "jazz", duration=3.0, before=True, **SHORT))
    whole = take_conditions(tiny, before, 0.0, 450).controls["chords"].values
    left = take_conditions(tiny, before, 0.0, 100).controls["chords"].values
    assert torch.equal(left, whole[:, :100])


def test_a_variation_is_nearer_to_the_take_the_weaker_it_is(tiny: Jasco, take) -> None:
    far, near = (
        (tiny.vary(take, strength=s, **SHORT).latents - take.latents).square().mean()
        for s in (1, 0.2)
    )
    assert near < 0.2 * far
    fresh = tiny.generate(
        Recipe.from_dict(take.recipe[0]).conditions, duration=6.0, noise=noise(tiny), steps=2
    )
    whole = tiny.vary(take, strength=1.0, **SHORT)
    torch.testing.assert_close(whole.latents, fresh.latents, rtol=0, atol=1e-4)


def noise(model: Jasco) -> torch.Tensor:
    return torch.randn(300, 128, generator=torch.Generator().manual_seed(5))[None]


def test_a_range_longer_than_a_window(tiny: Jasco, tmp_path: Path) -> None:
    path = recording(tmp_path, ".wav", 32000, 1, seconds=26.0)
    out = tiny.edit(path, ranges=[(4.0, 18.0)], steps=1, seed=1)
    old = load_audio(path).samples
    assert torch.equal(out.audio[0, :, 19 * 32000 :], old[:, 19 * 32000 :])
    assert torch.equal(out.audio[0, :, : 3 * 32000], old[:, : 3 * 32000])


def test_the_recipe_holds_the_edit_and_its_source(tiny: Jasco, take, tmp_path: Path) -> None:
    (path,) = take.save(tmp_path / "take.flac")
    out = tiny.edit(path, "jazz", bars="2", keep=["drums"], jump_n_sample=2, **SHORT)
    (edited,) = out.save(tmp_path / "edited.flac")
    plain = read_recipe(edited)
    recipe = Recipe.from_dict(json.loads(json.dumps(plain)))
    assert plain["loudness"] == "none" and recipe.conditions.text == "jazz"
    assert edit_of(recipe.song) == Edit("edit", ((2.0, 4.0),), keep=("drums",), jump_n_sample=2)
    source = recipe.song["source"]
    assert source["path"] == str(path) and source["fingerprint"] == Take.of(path).fingerprint
    assert source["recipe"] == read_recipe(path)
    assert Take.of(edited).bars == (0.0, 2.0, 4.0)


@pytest.mark.parametrize(
    "change",
    [{"kind": "x"}, {"ranges": [[3, 1]]}, {"strength": 0}, {"keep": 3}, {"padding": [1]}]
    + [{"padding": [-1, 0]}, {"padding": [0, None]}],
)
def test_a_damaged_edit_in_a_recipe(tiny: Jasco, take, change) -> None:
    plain = tiny.edit(take, ranges=[(0.0, 1.0)], **SHORT).recipe[0]["song"]
    with pytest.raises(ConditionError, match="song of the recipe"):
        edit_of(plain | change)


REFUSED = {
    "nothing": ({}, "ranges in seconds or bars"),
    "both": ({"ranges": [(0, 1)], "bars": "1"}, "one of them"),
    "beyond": ({"ranges": [(5.0, 7.0)]}, "lasts 6.00 s"),
    "a number": ({"ranges": 5.0}, "ranges are 5.0"),
    "backwards": ({"ranges": [(2.0, 1.0)]}, "start and end"),
    "overlap": ({"ranges": [(0.0, 2.0), (1.0, 3.0)]}, "overlap"),
    "bars beyond": ({"bars": "3-5"}, "the take has 3 bars, not 5"),
    "bar 0": ({"bars": "0-2"}, "bars is '0-2'"),
    "strength 0": ({"ranges": [(0, 1)], "strength": 0}, "strength is 0"),
    "strength 2": ({"ranges": [(0, 1)], "strength": 2}, "strength is 2"),
    "keep": ({"ranges": [(0, 1)], "keep": ["bass"]}, "keep names 'bass'"),
    "keep text": ({"ranges": [(0, 1)], "keep": "drums"}, "keep is 'drums'"),
    "keep number": ({"ranges": [(0, 1)], "keep": 3}, "keep is 3"),
    "no windows": ({"ranges": [(0, 1)], "window_batch": -1}, "window_batch is -1"),
    "crossfade": ({"ranges": [(0, 1)], "crossfade": -1}, "crossfade is -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(tiny: Jasco, take, case: str) -> None:
    settings, message = REFUSED[case]
    with pytest.raises(JascoError, match=message):
        tiny.edit(take, **settings)


def test_more_refusals(tiny: Jasco, take) -> None:
    with pytest.raises(SettingError, match="duration is 1000000000"):
        tiny.extend(take, duration=10**9)
    with pytest.raises(SettingError, match="given and kept"):
        tiny.edit(take, "jazz", ranges=[(0, 1)], keep=["text"], **SHORT)
    with pytest.raises(SettingError, match="states none"):
        tiny.edit(Audio(torch.randn(1, 64000), 32000), bars="1")


def test_bars_and_seconds_as_texts() -> None:
    assert parse_seconds("8:16, 1:2.5") == ((1.0, 2.5), (8.0, 16.0))
    assert parse_seconds("1e-05:1e2") == ((1e-05, 100.0),)  # as a recipe may have them
    assert parse_bars("5-8,13") == [(5, 8), (13, 13)]
    assert bar_ranges(2, [0.0, 2.5], 9.0) == ((2.5, 5.0),)
    assert bar_ranges("2-3", [0.0, 2.5, 5.0], 9.0) == ((2.5, 7.5),)
    for text in ("8-16", "8:", "a:b", "16:8", "", "1e:2", "e1:2"):
        with pytest.raises(SettingError):
            parse_seconds(text)
    for text in ("8:16", "3-2", "x", ""):
        with pytest.raises(SettingError):
            parse_bars(text)
