"""Channels in opposite phase: the sound stays wherever audio becomes mono, and a user is told."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco.audio import Audio, load_audio, load_mono, stream
from jasco.conditions import Conditions
from jasco.extract.drums import _centre_and_scale
from jasco.prepare.passes import refuse_unfit

RATE = 32000


def noise(seconds: float = 2.0, seed: int = 0) -> torch.Tensor:
    """(N,)"""
    generator = torch.Generator().manual_seed(seed)
    return 0.4 * (2 * torch.rand(round(seconds * RATE), generator=generator) - 1)


X, Y = noise(), noise(seed=1)
Z = torch.zeros_like(X)
# Channels, and the one that is taken alone; None where they are mixed.
CASES: dict[str, tuple[list[torch.Tensor], int | None]] = {
    "opposite": ([X, -X], 0),
    "the right one louder": ([0.95 * X, -X], 1),
    "19 dB left of the sum": ([X, -(1 - 10 ** (-19 / 20)) * X], None),
    "21 dB left of the sum": ([X, -(1 - 10 ** (-21 / 20)) * X], 0),
    "the same": ([X, X], None),
    "independent": ([X, Y], None),
    "one silent": ([X, Z], None),
    "silence": ([Z, Z], None),
    "mono": ([X], None),
    "pairs in opposite phase": ([X, -X, 0.5 * Y, -0.5 * Y], 0),
    "one of sixteen": ([Z] * 15 + [X], None),
    "opposite for a while": ([X, torch.cat([X[:RATE], -X[RATE:]])], None),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("block", [1 << 20, 5000])
def test_the_louder_channel_stays_where_the_sum_is_20_db_below(
    name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels, louder = CASES[name]
    samples = torch.stack(channels)
    expected = samples.mean(0, keepdim=True) if louder is None else samples[louder : louder + 1]
    soundfile.write(tmp_path / "a.wav", samples.T.numpy(), RATE, subtype="FLOAT")
    monkeypatch.setattr(stream, "_BLOCK", block)
    for mono in (
        lambda: Audio(samples, RATE).mono(),
        lambda: load_audio(tmp_path / "a.wav").mono(),
        lambda: load_mono(tmp_path / "a.wav"),
    ):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert torch.equal(mono().samples, expected)
        assert [f"channel {louder + 1}, the louder" in str(w.message) for w in told] == (
            [] if louder is None else [True]
        )


@pytest.mark.filterwarnings("ignore:.*opposite phase")
def test_the_preparation_does_not_call_it_silent(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", torch.stack([X, -X]).T.numpy(), RATE)
    refuse_unfit(load_mono(tmp_path / "a.flac"), "a.flac")


def test_the_report_of_a_clip_says_it() -> None:
    told = "drums: its channels cancel each other when mixed (opposite phase), so channel 1"
    (line,) = Conditions(drums=Audio(torch.stack([X, -X]), RATE)).notes(100, 50.0)
    assert line.startswith(told)
    assert Conditions(drums=Audio(torch.stack([X, X]), RATE)).notes(100, 50.0) == ()


@pytest.mark.filterwarnings("ignore:.*opposite phase")
def test_drums_have_the_codes_of_the_louder_channel(tiny) -> None:
    from jasco.extract.latents import encode_drums

    frames = tiny.num_frames(2.0)
    codes = [
        track.codes
        for track in encode_drums(
            [Audio(torch.stack(channels), RATE) for channels in ([X, -X], [X], [Z])],
            frames,
            tiny.codec,
        )
    ]
    assert torch.equal(codes[0], codes[1]) and not torch.equal(codes[0], codes[2])


@pytest.mark.filterwarnings("ignore:.*opposite phase")
def test_what_is_heard_is_that_of_the_louder_channel() -> None:
    from jasco.extract.chroma import chromagram
    from jasco.extract.onsets import onset_strength

    time = torch.arange(2 * RATE) / RATE
    tone = 0.3 * torch.sin(2 * math.pi * 440 * time) * torch.exp(-8 * (time % 0.5))
    for extract in (chromagram, onset_strength):
        opposite, alone = (
            np.asarray(extract(Audio(torch.stack(channels), RATE)))
            for channels in ([tone, -tone], [tone])
        )
        np.testing.assert_allclose(opposite, alone)


def test_the_separator_is_given_no_signal_far_too_loud() -> None:
    _, scale = _centre_and_scale(Audio(torch.stack([X, -X]), RATE))
    assert scale == pytest.approx(float(X.std()), rel=1e-3)
