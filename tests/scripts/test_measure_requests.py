"""``scripts/measure_requests.py``: a request per chord name, and silent takes reported."""

from __future__ import annotations

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
    silent = {name: row | {"signal.silence": 1.0} for name, row in rows.items()}
    assert script.tell("test", silent)["wrong"] == list(few)
    assert "silent or clipped" in capsys.readouterr().out
