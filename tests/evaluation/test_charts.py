from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np

from jasco import Conditions
from jasco.adherence.drums import Rhythm
from jasco.adherence.extractor import requested
from jasco.controls import CONTROLS
from jasco.evaluation.charts import WIDTH, intervals
from jasco.evaluation.scoring import plain, stored
from jasco.melody import Melody


def parts(svg: str, tag: str, kind: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    return [e for e in root.iter(tag) if kind in (e.get("class") or "").split()]


def interval(mean: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"mean": mean, "low": low, "high": high, "items": 3}


def test_means_lie_on_one_axis() -> None:
    rows = [
        ("ceiling", "ceiling", interval(0.9, 0.8, 1.0)),
        ("a < b", "made", interval(0.45, None, None)),
        ("nothing", "made", interval(None, None, None)),
        ("absent", "made", None),
    ]
    svg = intervals(rows, "f & g")
    ceiling, made = (float(parts(svg, "circle", kind)[0].get("cx", "")) for kind in
                     ("ceiling", "made"))  # fmt: skip
    zero, *_, one = [float(line.get("x1", "")) for line in parts(svg, "line", "grid")]
    assert (made - zero) / (one - zero) == (ceiling - zero) / (one - zero) / 2
    assert len(parts(svg, "circle", "made")) == 1 and len(parts(svg, "line", "bar")) == 1
    assert [t.text for t in parts(svg, "text", "label")] == ["ceiling", "a < b"]
    assert 0 <= zero < one <= WIDTH and intervals(rows[2:], "empty") == ""


def test_an_axis_of_decibels_is_as_long_as_its_interval() -> None:
    svg = intervals([("loudness", "made", interval(-20.0, -22.0, -18.0))], "LUFS")
    assert [t.text for t in parts(svg, "text", "tick")] == ["-22", "-21", "-20", "-19", "-18"]


def test_a_record_gives_back_both_sides_of_a_figure() -> None:
    conditions = Conditions(
        chords=[("C", 0.0), ("Am", 1.0)], melody=Melody.from_notes([(60, 0.0, 0.5), (95, 1.0, 2.0)])
    )
    asked = requested(conditions, 2.0) | {"drums": Rhythm(np.array([0.5, 1.25]))}
    found = stored(json.loads(json.dumps(plain(asked))), 2.0)
    assert list(found) == list(CONTROLS)
    assert [tuple(segment) for segment in asked["chords"]] == found["chords"]
    assert found["drums"].onsets.tolist() == [0.5, 1.25]
    for name in ("rows", "pitch_classes"):
        assert np.array_equal(getattr(asked["melody"], name), getattr(found["melody"], name))
    classes = stored({"pitch_classes": [[0, 10, 11]]}, 1.0)
    assert list(classes) == ["melody"] and classes["melody"].rows is None
    assert classes["melody"].pitch_classes.tolist() == [11] * 10 + [-1] * 40
    assert stored({}, 1.0) == {}
