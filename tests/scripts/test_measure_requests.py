"""``scripts/measure_requests.py``: a request per chord name, and silent takes reported."""

from __future__ import annotations

import math

import runs
from programs import load_script

from jasco import Conditions
from jasco.chords import CHORD_NAMES


def test_each_name_has_its_request():
    script = load_script("measure_requests")
    requests = script.single_chords()
    assert set(requests) | {"N"} == set(CHORD_NAMES)
    assert all(request.chords.names == (name,) for name, request in requests.items())


def test_what_came_of_requests(tmp_path, chordino, capsys):
    script = load_script("measure_requests")
    model = runs.new_model().eval()
    requests = script.single_chords()
    few = {"C": requests["C"], "Ebdim": requests["Ebdim"], "none": Conditions(text="a song")}
    rows = script.measure(model, few, 1.0, tmp_path, batch=2)
    assert set(rows) == set(few)
    assert "chords.root" in rows["C"] and "chords.root" not in rows["none"]
    assert len(list(tmp_path.glob("*.flac"))) == 3
    assert all(0 <= row["chords.none"] <= 1 for row in rows.values())
    assert all(math.isfinite(row["loudness.generated"]) for row in rows.values())
    silent = {name: row | {"signal.silence": 1.0} for name, row in rows.items()}
    assert script.tell("test", silent)["wrong"] == list(few)
    told = capsys.readouterr().out
    assert all(word in told for word in ("silent or clipped", "chords.none", "loudness"))


def test_the_time_without_chord():
    script = load_script("measure_requests")
    segments = [(0.0, 1.0, "N"), (1.0, 4.0, "C:maj"), (4.0, 5.0, "N"), (5.0, 8.0, "X")]
    assert script.without_chord(segments) == 0.25
    assert script.without_chord([(0.0, 2.0, "N")]) == 1.0
