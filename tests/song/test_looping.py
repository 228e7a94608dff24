"""Loops: windows and decoding on a circle, exact lengths, and the chunks of samplers."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
import soundfile
import torch

from jasco import ChordProgression, Conditions, Euler, Guidance, Jasco
from jasco.audio import Audio, read_recipe
from jasco.audio.loops import LoopPoints, normalize_loop
from jasco.conditions import ConditionBatch
from jasco.errors import ConditionError, JascoError
from jasco.recipe import Recipe
from jasco.song.integration import integrate
from jasco.song.loop import Loop
from jasco.song.looping import periodic, points_of
from jasco.song.windows import Windows


@pytest.mark.parametrize("total", [1, 30, 40, 41, 100, 333])
def test_the_weights_of_each_frame_of_a_circle_sum_to_one(total: int) -> None:
    windows = Windows.circle(total, 40)
    sums = torch.zeros(total).index_put_((windows.frames,), windows.weights, accumulate=True)
    torch.testing.assert_close(sums, torch.ones(total))
    assert windows.frames.shape[1] == 40 and len(windows) >= 2
    assert ((windows.frames.diff() == 1) | (windows.frames.diff() == 1 - total)).all()


@pytest.mark.parametrize("total", [300, 800])
def test_a_shift_of_noise_and_controls_shifts_the_latents(tiny: Jasco, total: int) -> None:
    """For a shift by the distance of windows, where the circle has no other beginning."""
    windows = Windows.circle(total, 500)
    assert total % len(windows) == 0
    shift = total // len(windows)
    chords = Conditions(chords=[("C", 0.0), ("G", 2.0), ("Am", 4.5)])
    z_0 = torch.randn(1, total, 128, generator=torch.Generator().manual_seed(0))
    encoded = tiny.encode([chords], total)
    rolled = {
        name: type(e)(e.values.roll(shift, 1) if e.mask is None else e.values, e.null, e.mask)
        for name, e in encoded.controls.items()
    }
    settings = {"solver": Euler(3), "guidance": [Guidance(all=1.5)], "dtype": torch.float32}
    with torch.no_grad():
        first = integrate(tiny, z_0, encoded, [windows], **settings)
        second = integrate(
            tiny, z_0.roll(shift, 1), ConditionBatch(rolled, encoded.given), [windows], **settings
        )
    torch.testing.assert_close(second, first.roll(shift, 1), rtol=0, atol=1e-4)
    assert (first - first.roll(shift, 1)).abs().max() > 0.1


@pytest.mark.parametrize("bpm, bars", [(96, 4), (113, 2), (127.3, 3)])
def test_a_loop_is_exact_to_the_sample(tiny: Jasco, bpm: float, bars: int) -> None:
    out = tiny.loop("funk", bars=bars, bpm=bpm, seed=1, steps=1)
    assert out.audio.shape[-1] == round(bars * 240 / bpm * 32000)
    assert abs(out.latents.shape[1] / 50 - bars * 240 / bpm) <= 0.5 / 50


def test_the_decoder_goes_around_the_circle(tiny: Jasco) -> None:
    latents = torch.randn(1, 200, 128, generator=torch.Generator().manual_seed(0))
    audio = tiny.codec.decode(latents, loop=True)
    turned = tiny.codec.decode(latents.roll(60, 1), loop=True)
    torch.testing.assert_close(turned, audio.roll(60 * 640, 2), rtol=0, atol=1e-3)
    plain = tiny.codec.decode(latents)
    # Steps between neighbouring samples: at the wrap no larger than elsewhere.
    steps = audio.diff().abs().flatten()
    assert (audio[..., 0] - audio[..., -1]).abs().max() <= steps.max()
    assert (plain - audio).abs()[..., -64000:-32000].max() < 1e-3


def test_a_periodic_signal_keeps_its_periods() -> None:
    tone = torch.sin(2 * math.pi * 5 * torch.arange(1000) / 1000 + 1)[None, None]
    longer = torch.sin(2 * math.pi * 5 * torch.arange(1013) / 1013 + 1)[None, None]
    torch.testing.assert_close(periodic(tone, 1013), longer, rtol=0, atol=1e-5)
    assert periodic(tone, 1000) is tone


def test_chords_shorter_than_the_loop_repeat(tiny: Jasco) -> None:
    clip = Conditions(chords=ChordProgression.parse("C | F", bpm=120))
    out = tiny.loop(clip, bars=4, seed=1, steps=1)
    found = Recipe.from_dict(out.recipe[0]).conditions.chords
    assert found.pairs() == [("C", 0.0), ("F", 2.0), ("C", 4.0), ("F", 6.0)]
    assert Loop.from_plain({k: v for k, v in out.recipe[0]["song"].items() if k != "kind"}) == Loop(
        4, 2.0
    )


def chunks(data: bytes) -> dict[bytes, bytes]:
    """Chunks of a RIFF file, whose sizes add up to that of the file."""
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)
    return found


def test_samplers_find_loop_points_tempo_and_key(tiny: Jasco, tmp_path: Path) -> None:
    out = tiny.loop("waltz", bars=3, bpm=180, time_signature="3/4", key="A minor", seed=1, steps=1)
    (path,) = out.save(tmp_path / "loop.wav")
    found = chunks(path.read_bytes())
    samples = len(found[b"data"]) // 3
    assert samples == 3 * 32000 == soundfile.info(path).frames
    smpl = struct.unpack("<15I", found[b"smpl"])
    assert smpl[2:4] == (31250, 69) and smpl[7] == 1
    assert smpl[10:13] == (0, 0, samples - 1) and smpl[14] == 0
    flags, root, _, _, beats, unit, count, tempo = struct.unpack("<IHHfIHHf", found[b"acid"])
    assert (flags, root, beats, unit, count, tempo) == (6, 69, 9, 4, 3, 180.0)
    assert read_recipe(path)["song"]["key"] == "A minor"


def test_libsndfile_reads_the_loop(tiny: Jasco, tmp_path: Path) -> None:
    out = tiny.loop("funk", bars=1, bpm=97, seed=1, steps=1)
    (path,) = out.save(tmp_path / "loop.wav")
    samples, rate = soundfile.read(path)
    assert len(samples) == round(240 / 97 * 32000) and rate == 32000
    with soundfile.SoundFile(path) as file:
        assert "smpl" in file.extra_info and "acid" in file.extra_info


def test_beats_are_quarters_where_these_are_whole() -> None:
    assert points_of(Loop.at(2, 180, "6/8")) == LoopPoints(6, 90.0, (6, 8))
    assert points_of(Loop.at(1, 140, "7/8")).beats == 7
    assert Loop.at(4, 96).bpm == pytest.approx(96)


def test_the_loudness_of_a_loop_has_no_beginning() -> None:
    """A tone with an offset: a filter that begins at the first sample would begin at a step."""
    tone = 0.1 + 0.3 * torch.sin(2 * math.pi * 100 * torch.arange(32000) / 32000)[None]
    loud = normalize_loop(Audio(tone, 32000), -14.0).samples[0]
    step = (loud[0] - loud[-1]).abs()
    assert step <= loud.diff().abs().max() * 1.001
    assert abs(float(loud[:320].mean())) < 0.02 and len(loud) == 32000


@pytest.mark.parametrize(
    "clip, settings, message",
    [
        ("a", {"bars": 2}, "needs a tempo"),
        (Conditions(chords=[("C", 0.0)]), {"bars": 2}, "needs a tempo"),
        ("a", {"bars": 0, "bpm": 100}, "bars is 0"),
        ("a", {"bars": 2.5, "bpm": 100}, "bars is 2.5"),
        ("a", {"bars": 900, "bpm": 20}, "lasts up to 3,600"),
        ("a", {"bars": 2, "bpm": 5}, "from 20 to 600"),
        ("a", {"bars": 2, "bpm": 100, "key": "H"}, "H"),
        ("a", {"bars": 2, "time_signature": "3/4"}, "give both"),
    ],
)
def test_refusals(tiny: Jasco, clip, settings, message) -> None:
    with pytest.raises(JascoError, match=message):
        tiny.loop(clip, **settings)


def test_a_damaged_loop_in_a_recipe() -> None:
    plain = {"bars": 2, "bar": 2.0, "time_signature": "4/4", "key": None}
    assert Loop.from_plain(plain) == Loop(2, 2.0)
    for change in ({"bars": "x"}, {"bar": 0}, {"time_signature": "4"}, {"key": "X"}):
        with pytest.raises((ConditionError, JascoError)):
            Loop.from_plain(plain | change)
