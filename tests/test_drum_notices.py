"""Drum tracks that are no isolated drums are named, those that are stay without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from jasco import Audio, Conditions, load_audio
from jasco.audio import SONG, sustained_share
from jasco.io.assets import asset

RATE = 32000
TIME = torch.arange(10 * RATE) / RATE


def beat() -> Audio:
    """Bursts of noise, four a second."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(len(TIME), generator=generator) * torch.exp(-30 * (TIME % 0.25))
    return Audio(0.3 * noise[None], RATE)


def pad() -> Audio:
    """A chord of three notes that lasts."""
    tones = [torch.sin(2 * torch.pi * hertz * TIME) for hertz in (261.6, 329.6, 392.0)]
    return Audio(0.1 * torch.stack(tones).sum(0)[None], RATE)


DRUMS: dict[str, tuple[Callable[[Path], Audio], str | None]] = {
    "bursts of noise": (lambda _: beat(), None),
    "the sample": (lambda _: load_audio(asset("samples/beat.ogg")), None),
    "drums of a separator": (lambda shared: load_audio(shared / "audio/sep_drums_1.mp3"), None),
    "a beatbox": (lambda shared: load_audio(shared / "audio/CJ_Beatbox_Loop_05_90.wav"), None),
    "a chord": (lambda _: pad(), "as in a whole song"),
    "a song of the band": (lambda _: load_audio(asset("samples/song.mp3")), "as in a whole song"),
    "an electronic song": (
        lambda shared: load_audio(shared / "audio/electronic.mp3"),
        "as in a whole song",
    ),
    "Bach": (lambda shared: load_audio(shared / "audio/bach.mp3"), "as in a whole song"),
    "silence": (lambda _: Audio(torch.zeros(1, 10 * RATE), RATE), "they are silent"),
    "hum of -70 dB": (lambda _: Audio(pad().samples * 1e-3, RATE), "they are silent"),
    "drums after the clip": (
        lambda _: Audio(torch.cat([torch.zeros(1, 10 * RATE), beat().samples], 1), RATE),
        "they are silent",
    ),
}


@pytest.mark.parametrize("name", DRUMS)
def test_what_is_no_isolated_drum_track_is_named(name: str, shared: Path) -> None:
    make, says = DRUMS[name]
    told = Conditions(drums=make(shared)).notes(500, 50.0)
    odd = [line for line in told if "silent" in line or "song" in line]
    assert len(odd) == (says is not None), told
    assert says is None or (odd[0].startswith("drums: ") and says in odd[0])


def test_the_share_grows_with_what_lasts() -> None:
    mixes = [beat().samples + gain * pad().samples for gain in (0.0, 0.3, 1.0, 10.0)]
    shares = [sustained_share(Audio(mix, RATE)) for mix in mixes]
    assert shares == sorted(shares) and shares[0] < 0.2 and shares[-1] > 0.9 > SONG
    assert sustained_share(Audio(torch.zeros(2, RATE), RATE)) == 0
    assert sustained_share(Audio(torch.from_numpy(np.ones((1, 100), np.float32)), RATE)) == 0
