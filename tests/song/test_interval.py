"""Guidance in an interval of flow time: its cost, and its equality with plain sampling outside."""

from __future__ import annotations

import pytest
import torch

from jasco import Conditions, Euler, Guidance, Jasco
from jasco.recipe import Recipe

CLIP = Conditions("funk", chords=[("C", 0.0), ("F", 1.0)])


@pytest.mark.parametrize("duration, windows", [(2.0, 1), (12.0, 2)])
def test_steps_outside_the_interval_cost_one_evaluation(
    tiny: Jasco, duration: float, windows: int
) -> None:
    rows: list[int] = []
    handle = tiny.network.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    guidance = Guidance(all=2.0, start=0.25, end=0.7)
    try:
        tiny.generate(CLIP, seed=0, solver=Euler(5), guidance=guidance, duration=duration)
    finally:
        handle.remove()
    # Steps begin at 0, 0.2, 0.4, 0.6 and 0.8.
    assert rows == [n * windows for n in (1, 1, 2, 2, 1)]


def test_outside_its_interval_guidance_is_plain_sampling(tiny: Jasco) -> None:
    settings = {"seed": 0, "solver": Euler(4), "duration": 1.0}
    never = tiny.generate(CLIP, guidance=Guidance(all=3.0, start=0.8), **settings)
    plain = tiny.generate(CLIP, guidance=1.0, **settings)
    torch.testing.assert_close(never.latents, plain.latents, rtol=0, atol=1e-5)
    always = tiny.generate(CLIP, guidance=Guidance(all=3.0, start=0.0, end=1.0), **settings)
    assert torch.equal(always.latents, tiny.generate(CLIP, guidance=3.0, **settings).latents)
    assert not torch.equal(always.latents, plain.latents)


def test_recipes_hold_the_interval(tiny: Jasco) -> None:
    guidance = Guidance(all=2.0, start=0.25)
    out = tiny.generate(CLIP, seed=0, steps=1, guidance=guidance, duration=1.0)
    assert Guidance(**Recipe.from_dict(out.recipe[0]).guidance) == guidance
