"""Guidance over the time of a song: frames, velocities, windows, edits, loops, streams, recipes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jasco import ChordProgression, Conditions, Guidance, Jasco
from jasco.errors import JascoError, SettingError
from jasco.recipe import Recipe
from jasco.song.curves import FADE, cut, guidance_over, smoothed
from jasco.song.velocity import SongVelocity
from jasco.song.windows import Windows

CLIP = Conditions("funk", chords=ChordProgression.parse("C Am F G", bpm=120))  # bars of 2 s
CURVE = Guidance(all=2.0, chords="0.5@1-2,2@3-6")


def over(guidance: Guidance, frames: int, *, loop: bool = False) -> Guidance:
    return guidance_over(guidance, frames, 50.0, [2.0 * n for n in range(20)], loop=loop)


def test_weights_of_frames() -> None:
    weights = over(CURVE, 600).weights["chords"]
    half = round(FADE * 50) // 2 + 1
    assert (weights[: 200 - half] == 0.5).all() and (weights[200 + half :] == 2.0).all()
    ramp = weights[200 - half : 200 + half]
    assert (np.diff(ramp) >= 0).all() and np.diff(ramp).max() < 0.2
    assert over(CURVE, 600).weights["all"] == 2.0
    held = over(Guidance(chords="3@2:4,1@8:9"), 600).weights["chords"]
    assert held[0] == held[399 - half] == 3 and held[450] == held[-1] == 1
    base = over(Guidance(chords="1,3@2:4"), 600).weights["chords"]
    assert base[0] == base[-1] == 1 and base[150] == 3
    assert cut(over(CURVE, 600), slice(150, 250)).weights["chords"].tolist() == (
        weights[150:250].tolist()
    )


def test_a_loop_goes_over_into_its_begin() -> None:
    curve = Guidance(chords="1@1-2,3@3-4")
    open_, closed = (over(curve, 400, loop=loop).weights["chords"] for loop in (False, True))
    assert open_[0] == 1 and open_[-1] == 3
    assert abs(closed[0] - closed[-1]) < 0.3 and 1 < closed[0] < closed[-1] < 3
    steps = np.full(30, 0.1)
    assert (smoothed(steps, 25) == steps).all()


@torch.no_grad()
def test_a_constant_curve_is_the_constant_bit_for_bit(tiny: Jasco) -> None:
    assert Guidance(all=2.0, chords="1.5@1-4,1.5@9-12") == Guidance(all=2.0, chords=1.5)
    assert Guidance(chords="1.5@1-4,1.5@9-12").is_constant
    encoded = tiny.encode([CLIP, Conditions("a")], 100)
    z = torch.randn(2, 100, 128, generator=torch.Generator().manual_seed(0))
    t = torch.tensor(0.3)
    for weight in (1.5, 0.1, -0.7):
        flat = over(CURVE, 600).at_frames(lambda own, weight=weight: np.full(100, weight))
        constant = tiny.guided(encoded, Guidance(all=2.0, chords=weight))(t, z)
        assert torch.equal(tiny.guided(encoded, [flat, flat])(t, z), constant)


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 8])
def test_each_frame_of_a_song_has_the_velocity_of_its_weight(tiny: Jasco, batch: int) -> None:
    """Rows that are computed do not change with the weights, unless a term is zero throughout."""
    encoded = tiny.encode([CLIP], 600)
    z = torch.randn(1, 600, 128, generator=torch.Generator().manual_seed(0))
    windows, t = [Windows.line(600, 500)], torch.tensor(0.3)
    found, first, second = (
        SongVelocity(tiny.guided, encoded, windows, batch, [own])(t, z)[0]
        for own in (over(CURVE, 600), Guidance(all=2.0, chords=0.5), Guidance(all=2.0, chords=2.0))
    )
    assert torch.equal(found[:180], first[:180]) and torch.equal(found[220:], second[220:])
    assert not torch.equal(first, second)


def test_a_weight_of_zero_costs_nothing_in_its_windows(tiny: Jasco) -> None:
    rows: list[int] = []
    guidance = Guidance(all=1.0, chords="0@1-6,2@7-10")
    with tiny.network.register_forward_pre_hook(lambda module, args: rows.append(len(args[0]))):
        tiny.generate(CLIP, seed=0, steps=1, guidance=guidance, duration=20.0, window_batch=1)
    assert rows == [1, 3, 3]  # conditional alone; with the chords alone and the unconditional


@pytest.mark.parametrize("duration", [8.0, 14.0])
def test_recipes_hold_curves(tiny: Jasco, duration: float) -> None:
    guidance = "all=2,chords=0.5@1-2,2@3:8"
    with pytest.raises(JascoError, match="overlap"):
        tiny.generate(CLIP, guidance=guidance, duration=duration)
    guidance = "all=2,chords=0.5@1-2,2@4:8"
    out = tiny.generate(CLIP, seed=1, steps=2, guidance=guidance, duration=duration)
    recipe = Recipe.from_dict(out.recipe[0])
    assert dict(recipe.guidance) == {"all": 2.0, "chords": "0.5@1-2,2@4:8"}
    again = tiny.generate(
        recipe.conditions, seed=1, steps=2, guidance=recipe.guidance, duration=duration
    )
    assert torch.equal(again.latents, out.latents)
    plain = tiny.generate(CLIP, seed=1, steps=2, guidance="all=2,chords=0.5", duration=duration)
    assert not torch.equal(plain.latents, out.latents)


def test_edits_loops_and_streams_have_curves(tiny: Jasco) -> None:
    short = {"seed": 1, "steps": 1}
    take = tiny.generate(CLIP, duration=8.0, **short)
    # The curve is one of the take: bars 1-2 lie before the range.
    curve = Guidance(all=2.0, chords="0.5@1-1,2@2-4")
    edited, constant = (
        tiny.edit(take, bars="3", guidance=own, **short).latents
        for own in (curve, Guidance(all=2.0, chords=2.0))
    )
    torch.testing.assert_close(edited[:, 200:300], constant[:, 200:300], rtol=0, atol=1e-3)
    longer = tiny.extend(take, "funk", duration=2.0, guidance="chords=1@1-4,2@5", **short)
    assert longer.recipe[0]["guidance"] == {"chords": "1@1-4,2@5"}
    loops = [
        tiny.loop(CLIP, bars=4, bpm=120, guidance=own, **short).latents[0]
        for own in ("all=2,chords=0@1-2,2@3-4", "all=2,chords=2")
    ]
    assert not torch.equal(*loops)
    song = {"duration": 16.0, "stream": True, **short}
    changed, same = (
        torch.cat(list(tiny.generate(CLIP, guidance=own, **song).latents()), 1)
        for own in ("all=2,chords=0.5@0:12,2@12:16", "all=2,chords=0.5")
    )
    assert torch.equal(changed[:, :500], same[:, :500]) and not torch.equal(changed, same)


@pytest.mark.parametrize(
    "guidance, message",
    [
        ("chords=1@1-9,2@10-50", "the song has 4 bars|not 9"),
        ("chords=1@0:5,2@5:99", "ends after"),
        ("chords=1@0:5,2@4:6", "overlap"),
        ("chords=1@1-2,2@2", "overlap"),
        ("chords=1@0-2,2@3", "is written WEIGHT@BARS"),
        ("chords=1@5:2,2", "is written"),
        ("chords=1@x,2@y", "is written WEIGHT@BARS"),
        ("chords=nan@1,2@2", "finite number"),
        ("1,2", "is written NAME=WEIGHT"),
        ("chords=1@1,text=2,drums", "is written NAME=WEIGHT"),
        ("all=1,start=0.1@1-2", "finite number"),
        ("brass=1@1,2@2", "brass"),
    ],
)
def test_refusals(tiny: Jasco, guidance: str, message: str) -> None:
    with pytest.raises(JascoError, match=message):
        tiny.generate(CLIP, guidance=guidance, duration=8.0)


def test_bars_need_a_tempo(tiny: Jasco) -> None:
    with pytest.raises(SettingError, match="bars need a tempo"):
        tiny.generate("funk", guidance="all=1@1-2,2@3-4")
