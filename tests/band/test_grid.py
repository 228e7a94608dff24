from __future__ import annotations

import pytest

from jasco.band.grid import METERS, Clock, Stroke, read_row


def test_a_row_is_read_as_it_looks():
    assert read_row("x--.o-x.", 4) == (
        Stroke(0.0, 1.5, "x"),
        Stroke(2.0, 1.0, "o"),
        Stroke(3.0, 0.5, "x"),
    )
    assert read_row("x..x.x", 3)[1] == Stroke(1.5, 0.5, "x")
    assert read_row("....", 4) == ()


def test_beats_are_quarters():
    assert [(m.beats, m.pulse) for m in METERS.values()] == [(4, 1), (3, 1), (3, 1.5)]


@pytest.mark.parametrize("unit", [1.0, 0.5])
def test_swing_moves_the_middle_and_keeps_the_order(unit):
    straight, swung = Clock(120.0, 0.5, unit), Clock(120.0, 2 / 3, unit)
    beats = [unit * index / 8 for index in range(81)]
    assert [straight.seconds(b) for b in beats] == pytest.approx([b / 2 for b in beats])
    times = [swung.seconds(b) for b in beats]
    assert times == sorted(times) and len(set(times)) == len(times)
    assert times[::8] == pytest.approx([b / 2 for b in beats[::8]])
    assert times[4] == pytest.approx(unit / 2 * 2 / 3)
