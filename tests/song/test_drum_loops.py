"""Drum loops that repeat to the length of a song."""

from __future__ import annotations

import sys

import pytest
import torch

from jasco.audio import Audio, load_audio
from jasco.audio.stretching import stretch_loop
from jasco.drums import repeat_loop
from jasco.errors import MissingPartError
from jasco.extract.onsets import detect_onsets

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


@pytest.mark.parametrize("ratio", [2 / 3, 0.9, 1.04, 1.5])
def test_strokes_of_a_stretched_loop_keep_their_places(ratio: float) -> None:
    """Four bars at 96 per minute, also over the end of the loop; onsets are the extractor's own."""
    beat = load_audio("sample:beat.ogg").crop(0.0, 10.0)
    length = round(beat.samples.shape[1] / ratio)
    found = stretch_loop(beat, length)
    assert found.samples.shape == (len(beat.samples), length)
    assert torch.equal(found.samples, stretch_loop(beat, length).samples)
    change = found.samples.square().mean() / beat.samples.square().mean()
    assert abs(10 * float(change.log10())) < 0.1
    twice = [Audio(torch.cat([one.samples] * 2, 1), one.sample_rate) for one in (beat, found)]
    old, new = (torch.as_tensor(detect_onsets(one)) for one in twice)
    distances = (old[:, None] / ratio - new).abs().amin(1)
    assert (distances < 0.01).float().mean() > 0.9


def test_a_loop_is_stretched_to_the_bars_of_the_song() -> None:
    rate = 16000
    samples = torch.zeros(2, 2 * rate)
    samples[:, ::8000] = 0.5
    for form in (samples, samples.T.contiguous().T):  # also in Fortran order
        repeated, line = repeat_loop(Audio(form, rate), 7.0, bar=2.4, own=2.0)
        assert line.startswith("loop of 2.00 s, taken as 1 bar of 2.00 s, stretched to 2.40 s,")
        places = (repeated.samples[0].abs() > 0.1).nonzero()[:, 0] / rate
        wanted = torch.arange(12) * 0.6
        assert (wanted[wanted < 7][:, None] - places).abs().amin(1).max() < 0.01
        between = (wanted[:11, None] + 0.3 - places).abs().amin(1)
        assert between.min() > 0.2
        torch.testing.assert_close(*repeated.samples, rtol=0, atol=1e-4)


def test_a_loop_at_its_own_tempo_needs_no_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    loop = clicks(2.0)
    same, _ = repeat_loop(loop, 4.0, bar=2.0, own=2.0)
    assert torch.equal(same.samples, torch.cat([loop.samples] * 2, 1))
    with pytest.raises(MissingPartError, match=r"jasco\[stretch\]"):
        repeat_loop(loop, 4.0, bar=2.1, own=2.0)
