"""Windows of songs: where they begin, how they are blended, and fields of known solution."""

from __future__ import annotations

import pytest
import torch

from jasco.chords import ChordProgression
from jasco.conditions import ConditionBatch, Conditions, Encoded
from jasco.flow import AB2, SOLVERS, Euler, Guidance
from jasco.model import Jasco
from jasco.song.velocity import SongVelocity
from jasco.song.windows import Windows, windows_of

PLAIN = Guidance(all=1.0)
TOTALS = [1, 7, 40, 41, 57, 101, 400]


@pytest.mark.parametrize("total", TOTALS)
def test_the_weights_of_each_frame_sum_to_one(total: int) -> None:
    windows = Windows.line(total, 40)
    sums = torch.zeros(total).index_put_((windows.frames,), windows.weights, accumulate=True)
    torch.testing.assert_close(sums, torch.ones(total))
    assert windows.frames[0, 0] == 0 and windows.frames[-1, -1] == total - 1
    starts = windows.frames[:, 0]
    assert (starts.diff() > 0).all() and (starts.diff() <= 34).all()
    assert windows.frames.shape[1] == min(total, 40)


def test_windows_of_sixty_seconds_cost_at_most_a_third_more_than_six_takes() -> None:
    assert len(Windows.line(3000, 500)) == 7
    chords = ChordProgression.parse("C | Am | F | G", bpm=120)
    assert len(windows_of(Conditions(chords=chords), 3000, 500, 50.0)) <= 8


def test_windows_begin_at_bars() -> None:
    chords = ChordProgression.parse(" | ".join("C" * 24), bpm=96)
    starts = windows_of(Conditions(chords=chords), 3000, 500, 50.0).frames[:, 0].tolist()
    bars = {round(bar * 50) for bar in chords.bars}
    assert set(starts[:-1]) <= bars and starts[-1] == 2500


def bowl(centre: torch.Tensor):
    """Field that moves each frame towards ``centre`` (D,), dz/dt = centre - z."""
    return lambda t, z: centre - z


@pytest.mark.parametrize("solver", [Euler(5), AB2(4, shift=3), SOLVERS["dopri5"]()])
def test_a_field_of_single_frames_gives_the_same_in_windows(solver) -> None:
    conditions = ConditionBatch({"a": Encoded(torch.zeros(2, 100, 1), torch.zeros(1))})
    windows = [Windows.line(100, 40), Windows.line(100, 40, [23, 50])]
    field = bowl(torch.linspace(-2, 2, 8))
    song = SongVelocity(lambda *part: field, conditions, windows, 3, [PLAIN] * 2)
    z_0 = torch.randn(2, 100, 8, generator=torch.Generator().manual_seed(0))
    whole = solver.solve(field, z_0)
    torch.testing.assert_close(solver.solve(song, z_0), whole, rtol=0, atol=1e-5)


def test_a_blend_is_the_same_for_any_number_of_threads() -> None:
    """Also where more than two windows share a frame, whose sum depends on their order."""
    conditions = ConditionBatch({"a": Encoded(torch.zeros(1, 50, 1), torch.zeros(1))})
    own = torch.randn(2, 500, 128, generator=torch.Generator().manual_seed(0))
    circle = [Windows.circle(50, 500)]
    song = SongVelocity(lambda *part: lambda t, z: own, conditions, circle, 8, [PLAIN])
    z, expected = torch.zeros(1, 50, 128), torch.zeros(50, 128)
    for frames, weights, velocity in zip(song.frames, song.weights, own, strict=True):
        for frame, part in zip(frames.tolist(), weights * velocity, strict=True):
            expected[frame] += part
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(8)
        assert torch.equal(song(torch.zeros(()), z)[0], expected)
    finally:
        torch.set_num_threads(threads)


def test_conditions_are_cut_at_the_frames_of_each_window() -> None:
    frames = torch.arange(100.0)[None, :, None] + torch.tensor([0.0, 1000.0])[:, None, None]
    text = torch.tensor([1.0, 2.0])[:, None, None]
    conditions = ConditionBatch(
        {"text": Encoded(text, torch.zeros(1)), "a": Encoded(frames, torch.zeros(1))}
    )
    windows = [Windows.line(100, 40), Windows.line(100, 40)]
    # The velocity of each frame is its own condition, times that of the text.
    song = SongVelocity(
        lambda part, own: lambda t, z: part.controls["a"].values * part.controls["text"].values,
        conditions,
        windows,
        batch=4,
        guidance=[PLAIN] * 2,
    )
    found = song(torch.tensor(0.0), torch.zeros(2, 100, 1))
    torch.testing.assert_close(found, frames * text, rtol=1e-6, atol=1e-4)


def test_a_song_does_not_depend_on_the_number_of_windows_that_run_together(tiny: Jasco) -> None:
    clip = Conditions("a", chords=[("C", 0.0), ("F", 11.0)])
    one, all_ = (
        tiny.generate(clip, seed=3, steps=2, duration=22, window_batch=n).latents for n in (1, 8)
    )
    torch.testing.assert_close(one, all_, rtol=0, atol=1e-4)
    assert one.shape == (1, 1100, 128)


def test_a_song_in_a_batch_is_the_song_alone(tiny: Jasco) -> None:
    chords = ChordProgression.parse("C | Am | F | G | C | Am | F", bpm=100)
    clips = [Conditions("a", chords=chords), Conditions("b")]
    both = tiny.generate(clips, seed=[3, 4], steps=2, duration=15)
    for k, clip in enumerate(clips):
        alone = tiny.generate(clip, seed=3 + k, steps=2, duration=15)
        torch.testing.assert_close(both.latents[k], alone.latents[0], rtol=0, atol=1e-4)
    assert both.audio.shape == (2, 1, 15 * 32000)


def test_controls_reach_the_end_of_a_song(tiny: Jasco) -> None:
    """A chord that changes at 18 s changes the latents there, and none that no window shares."""
    clip = [("C", 0.0), ("F", 9.0)]
    first, second = (
        tiny.generate(Conditions(chords=chords), seed=3, steps=1, duration=20).latents[0]
        for chords in ([*clip], [*clip, ("G", 18.0)])
    )
    changed = (first - second).abs().amax(1) > 1e-6
    starts = Windows.line(1000, 500).frames[:, 0].tolist()
    touched = min(start for start in starts if start + 500 > 900)
    assert changed[900:].all() and not changed[:touched].any()
