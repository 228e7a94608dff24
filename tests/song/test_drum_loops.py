"""Drum loops that repeat to the length of a song."""

from __future__ import annotations

import pytest
import torch

from jasco.audio import Audio
from jasco.drums import repeat_loop

RATE = 1000


def clicks(seconds: float) -> Audio:
    """A click of its own height at the start of each half second."""
    samples = torch.zeros(1, round(seconds * RATE))
    samples[0, ::500] = torch.arange(1, len(samples[0, ::500]) + 1) / 100
    return Audio(samples, RATE)


def test_a_loop_repeats_at_its_own_length() -> None:
    loop = clicks(1.5)
    repeated, line = repeat_loop(loop, 4.0)
    assert torch.equal(repeated.samples, torch.cat([loop.samples] * 3, 1)[:, :4000])
    assert line == "loop of 1.50 s, repeated to 4.00 s"


@pytest.mark.parametrize("seconds", [1.9, 2.0, 2.1])
def test_a_loop_is_cut_or_filled_up_to_whole_bars(seconds: float) -> None:
    repeated, line = repeat_loop(clicks(seconds), 7.0, bar=2.0)
    found = repeated.samples[0].nonzero()[:, 0].tolist()
    assert found == list(range(0, 7000, 500))
    assert repeated.samples[0, found[:8]].tolist() == pytest.approx([0.01, 0.02, 0.03, 0.04] * 2)
    assert "taken as 1 bar of 2.00 s" in line


def test_bars_do_not_drift() -> None:
    """Bars of 1.0004 s: repeats of a rounded length would be 40 samples early after 100."""
    repeated, _ = repeat_loop(clicks(0.4), 150.0, bar=1.0004)
    found = repeated.samples[0].nonzero()[:, 0]
    expected = torch.arange(150) * 1000.4
    assert (found - expected).abs().max() <= 1
