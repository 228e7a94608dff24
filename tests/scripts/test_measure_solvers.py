"""``scripts/measure_solvers.py``: the table of a model's solvers."""

from __future__ import annotations

from programs import load_script

from jasco import RK4, Conditions, Euler


def test_the_table(tiny):
    """The reference has no error against itself, and more steps of Euler's method have less."""
    script, reference = load_script("measure_solvers"), RK4(8)
    clips = [Conditions("funk"), Conditions(chords=[("C", 0.0)])]
    rows = script.table(tiny, clips, [reference, Euler(1), Euler(8)], reference, duration=0.5)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    assert [name for name, *_ in cells] == ["rk4, steps 8", "euler, steps 1", "euler, steps 8"]
    errors = [float(error) for _, error, _ in cells]
    assert errors[0] == 0 and errors[1] > 2 * errors[2] > 0
    assert cells[0][2] == "1.000"


def test_eight_requests():
    clips = load_script("measure_solvers").requests()
    assert len(clips) == 8 and {len(clip.asked) for clip in clips} == {1, 2, 3, 4}
