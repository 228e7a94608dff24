from __future__ import annotations

from xml.etree import ElementTree

from jasco.evaluation.charts import WIDTH, compared, intervals


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
    assert intervals(rows[2:], "empty") == ""


def test_an_axis_of_decibels_is_as_long_as_its_interval() -> None:
    svg = intervals([("loudness", "made", interval(-20.0, -22.0, -18.0))], "LUFS")
    assert [t.text for t in parts(svg, "text", "tick")] == ["-22", "-21", "-20", "-19", "-18"]


def test_requested_and_extracted_share_the_time() -> None:
    requested = {
        "chords": [[0.0, 2.0, "C:maj"], [2.0, 4.0, "A:min"]],
        "onsets": [1.0, 3.0],
        "rows": [[0, 100, 0], [100, 200, 52]],
        "pitch_classes": [[0, 200, 7]],
    }
    extracted = requested | {"chords": [[0.0, 4.0, "N"]], "onsets": [1.0], "rows": [[0, 50, 0]]}
    svg = compared(requested, extracted, 4.0, 50.0)
    assert len(parts(svg, "rect", "chord")) == 3 and len(parts(svg, "rect", "silent")) == 1
    hits = [float(line.get("x1", "")) for line in parts(svg, "line", "hit")]
    assert hits[0] == hits[2] < hits[1]
    change = parts(svg, "rect", "chord")[1]
    assert float(change.get("x", "")) == (hits[0] + hits[1]) / 2
    low, high, same = parts(svg, "rect", "note")
    assert float(low.get("y", "")) > float(high.get("y", ""))
    assert float(same.get("width", "")) == float(low.get("width", "")) / 2
    assert all(0 <= float(r.get("x", "")) <= WIDTH for r in ElementTree.fromstring(svg).iter("rect")
               if r.get("x"))  # fmt: skip


def test_only_what_is_known_on_both_sides_is_drawn() -> None:
    classes = {"pitch_classes": [[0, 10, 11]]}
    svg = compared(classes | {"rows": [[0, 10, 4]], "onsets": []}, classes, 1.0, 50.0)
    assert len(parts(svg, "rect", "note")) == 2 and not parts(svg, "line", "hit")
    assert compared({"onsets": [0.1]}, {}, 1.0, 50.0) == ""
