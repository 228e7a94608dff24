from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mir_eval.onset import f_measure

from jasco.audio import Audio
from jasco.band.patterns import DrumPattern
from jasco.chords import ChordProgression
from jasco.conditions import Conditions
from jasco.errors import ChartError, ChordError, ConditionError, JascoError, SettingError
from jasco.extract.onsets import detect_onsets
from jasco.pipeline.reading import Sources
from jasco.pipeline.request import Request, merged
from jasco.pipeline.request_file import read_requests
from jasco.recipe import conditions_of, plain_conditions
from jasco.session.timeline import bars_of_seconds
from jasco.song.sections import spans_of
from jasco.song.windows import windows_of

LINK = "irealb://A=B==Swing=C==1r34LbKcu7[T44C   |D-7 G7 |C   Z==x=0=0"


def chords(request: Request) -> list[tuple[str, float]]:
    value = request.controls["chords"]
    assert isinstance(value, ChordProgression)
    return value.pairs()


def test_a_chart_gives_the_chords_of_its_bars(tmp_path: Path) -> None:
    (tmp_path / "song.html").write_text(LINK)
    values = {"chart": str(tmp_path / "song.html"), "bars": "2-3", "transpose": -2, "bpm": 60}
    request = Request.build(values)
    assert chords(request) == [("Cm7", 0.0), ("F7", 2.0), ("Bb", 4.0)]
    assert request.duration == 8
    assert Request.build({**values, "duration": 5}).duration == 5
    assert request.files == (tmp_path / "song.html",) and request.asked == ("chords",)
    later = Request.build({"chart": LINK, "bpm": 60, "start": 4})
    assert chords(later) == [("Dm7", 0.0), ("G7", 2.0), ("C", 4.0)] and later.duration == 8
    assert Request.build({"chart": LINK, "bpm": 60, "crop": "1-3"}).duration == 2
    looped = Request.build({"chart": LINK, "bpm": 60, "loop": True, "bars": 2})
    assert looped.duration is None and looped.loop is not None and looped.loop.duration == 8


def test_own_chords_go_before_those_of_the_chart() -> None:
    request = Request.build({"chart": LINK, "bpm": 60, "chords": "F | G"})
    assert chords(request) == [("F", 0.0), ("G", 4.0)]
    earlier = {"chords": "F | G", "bpm": 90, "text": "a"}
    assert merged(earlier, {"chart": LINK, "bpm": 60}) == {"text": "a", "chart": LINK, "bpm": 60}


def test_a_request_file_names_a_chart_beside_it(tmp_path: Path) -> None:
    (tmp_path / "song.html").write_text(LINK)
    (tmp_path / "a.json").write_text('{"chart": "song.html", "bpm": 120}')
    [(label, values)] = read_requests(tmp_path / "a.json")
    assert len(chords(Request.build(values, label))) == 4
    (tmp_path / "b.json").write_text(f'{{"chart": "{LINK}", "bpm": 120, "song": 1}}')
    [(label, values)] = read_requests(tmp_path / "b.json")
    assert len(chords(Request.build(values, label))) == 4


@pytest.mark.parametrize(
    "values, error, words",
    [
        ({"text": "a", "bars": "1-2"}, ChartError, "bars choose of a chart: give one as chart"),
        ({"chart": LINK}, ChartError, "has no tempo: give bpm"),
        ({"chart": LINK, "bpm": 5}, ChordError, "from 20 to 600"),
        ({"chart": LINK, "bpm": 90, "bars": "9"}, ChartError, "bars is '9': give the first and"),
        ({"chart": LINK, "bpm": 90, "song": "B"}, ChartError, "song is 'B': give the number"),
        ({"chart": LINK, "bpm": 90, "transpose": 99}, ChartError, "semitones from -48 to 48"),
        ({"chart": LINK, "bpm": 90, "chart_parts": "melody"}, ChartError, "these bars have chords"),
        ({"chart": LINK, "bpm": 90, "chart_parts": "drums"}, ChartError, "give chords, melody"),
        ({"chart": LINK, "bpm": 90, "transpose": 1.5}, SettingError, "transpose is 1.5: give"),
        ({"chart": "none.html"}, ChartError, "No such file"),
    ],
)
def test_a_wrong_chart_is_refused(
    values: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Request.build(values)


def test_the_notes_of_a_chart_are_told_once(tmp_path: Path) -> None:
    tune = 'X:1\nM:4/4\nL:1/4\nQ:120\nK:C\n"C"CDEF|\n'
    (tmp_path / "tune.abc").write_text(tune)
    line = "Q:120 is read as quarter notes a minute"
    values = {"chart": str(tmp_path / "tune.abc")}
    for more, told in (
        ({}, "chords"),
        ({"chart_parts": "melody"}, "melody"),
        ({"chords": "C:0 F:1"}, "melody"),
    ):
        controls = Request.build({**values, **more}).controls
        assert [name for name, v in controls.items() if line in v.notices] == [told]


@pytest.mark.parametrize("key", ["text", "chords", "melody", "drums"])
def test_a_chart_as_another_option_is_refused(key: str, tmp_path: Path) -> None:
    path = tmp_path / "song.musicxml"
    path.touch()
    with pytest.raises(JascoError, match="a chart: ") as caught:
        Request.build({key: str(path)})
    assert key == "text" or "give it as --chart" in str(caught.value)


WALTZ = """\
X:1
M:3/4
L:1/4
Q:1/4=120
K:C
G |"C"C2E |"G7"D3 |[M:4/4][Q:1/4=60] "Am"A4 |"F"F4 |
"""


def test_metres_tempi_and_a_pick_up_reach_windows_and_recipe(tmp_path: Path) -> None:
    (tmp_path / "waltz.abc").write_text(WALTZ)
    sources = Sources(Request.build({"chart": str(tmp_path / "waltz.abc"), "text": "a waltz"}))
    clip = sources.clip(11.5)
    assert clip.chords is not None and sources.request.duration == 11.5
    bars, metres = (0.5, 2.0, 3.5, 7.5), ("3/4", "3/4", "4/4", "4/4")
    assert clip.chords.bars == bars and tuple(map(str, clip.chords.metres)) == metres
    windows = windows_of(clip, 575, 250, 50.0)
    starts = {round(float(frames[0]) / 50, 2) for frames in windows.frames}
    assert starts <= {0.0, *bars, 11.5 - 5.0}
    plain = json.loads(json.dumps(plain_conditions(clip, 575, 50.0)))
    assert (tuple(plain["bars"]), tuple(plain["metres"])) == (bars, metres)
    again = conditions_of(plain).chords
    assert again is not None and (again.bars, again.metres) == (bars, clip.chords.metres)
    assert spans_of(["3=slow"], clip, 11.5) == [(3.5, 7.5, "slow")]
    grid = bars_of_seconds(bars, clip.chords.metres, 11.5)  # that of a session
    assert [(bar.onset, str(bar.metre)) for bar in grid.bars[1:]] == [
        (1, "3/4"), (4, "3/4"), (7, "4/4"), (11, "4/4"),
    ]  # fmt: skip
    assert [(change.onset, change.bpm) for change in grid.tempo_map] == [(0, 120), (7, 60)]
    for wrong in (["3/4"], ["3/4", "x", "4/4", "4/4"], "4/4", [3, 4, 4, 4]):
        with pytest.raises(ConditionError, match="metres of the recipe"):
            conditions_of(plain | {"metres": wrong})
    drums = Conditions(chords=clip.chords, drums="waltz").drums
    assert isinstance(drums, DrumPattern) and drums.bars == bars


def pattern(values: dict[str, Any]) -> DrumPattern:
    value = Request.build({"drums": "rock", **values}).controls["drums"]
    assert isinstance(value, DrumPattern)
    return value


def test_a_named_pattern_lies_on_the_bars_of_the_request(tmp_path: Path) -> None:
    assert (pattern({"bpm": 120}).bars, pattern({"bpm": 120}).end) == ((0.0,), 2.0)
    waltz = pattern({"drums": "waltz", "bpm": 90, "time_signature": "3/4"})
    assert waltz.line == "pattern waltz 1 in 3/4, bars of 2.00 s"
    changes = pattern({"chords": "C | [3/4] F | [tempo 60] G", "bpm": 120})
    assert (changes.bars, changes.end) == ((0.0, 2.0, 3.5), 6.5)
    metres = "4/4, 3/4 (as groove 1 of 4/4)"
    assert changes.line == f"pattern rock 1 in {metres}, bars of 1.50 to 3.00 s"
    assert pattern({"chords": "C:0 F:1.5", "bpm": 60}).end == 4
    later = pattern({"chart": LINK, "bpm": 60, "start": 5})
    assert later.bars == (-5.0, -1.0, 3.0)
    loop = Request.build({"drums": "funk 2", "bpm": 120, "loop": True, "bars": 2})
    assert isinstance(loop.controls["drums"], DrumPattern) and loop.loop is not None
    (tmp_path / "a.json").write_text('{"drums": "bossa, 16ths", "bpm": 120}')
    [(label, values)] = read_requests(tmp_path / "a.json")
    assert isinstance(Request.build(values, label).controls["drums"], DrumPattern)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"drums": "rock"}, "the drum pattern rock needs a tempo: give bpm"),
        ({"drums": "rock", "chords": "C:0 F:1"}, "needs a tempo"),
        ({"drums": "rok", "bpm": 90}, "no pattern .did you mean rock.*: patterns are rock, pop"),
        ({"drums": "rock 4", "bpm": 90}, "a number from 1 to 3, quarters, 8ths, 16ths, straight"),
        ({"drums": "rock", "bpm": 9}, "bpm is .9.: give"),
        ({"drums": "rock", "bpm": 90, "drums_loop": True}, "repeats a drum track: give a file"),
        ({"drums": "rock.wav", "bpm": 90}, "bpm says how to read chords|No such file"),
    ],
)
def test_a_pattern_that_cannot_be_played_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(JascoError, match=words):
        Request.build(values)


def test_a_file_goes_before_a_pattern_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rock").touch()
    assert Request.build({"drums": "rock"}).controls["drums"] == Path("rock")


def test_a_pattern_is_played_over_the_whole_clip(soundfont: Path) -> None:
    sources = Sources(Request.build({"drums": "rock", "bpm": 120, "start": 0.5}))
    drums = sources.clip(3.1).drums
    assert isinstance(drums, Audio) and drums.duration == pytest.approx(3.1)
    assert sources.notices(3.1) == ["drums: pattern rock 1 in 4/4, bars of 2.00 s"]
    eighths = np.arange(0, 3.1, 0.25)
    assert f_measure(eighths, detect_onsets(drums), window=0.03)[0] >= 0.95


def test_a_midi_file_of_drums_is_played(tmp_path: Path, soundfont: Path) -> None:
    import mido

    strokes = [
        mido.Message(kind, note=38, velocity=100, channel=9, time=time)
        for _ in range(4)
        for kind, time in (("note_on", 0), ("note_off", 480))
    ]
    mido.MidiFile(tracks=[mido.MidiTrack(strokes)]).save(tmp_path / "beat.mid")
    request = Request.build({"drums": str(tmp_path / "beat.mid"), "start": 0.5})
    assert request.files == (tmp_path / "beat.mid",)
    sources = Sources(request)
    drums = sources.clip(1.0).drums
    assert isinstance(drums, Audio) and drums.duration == pytest.approx(1.0)
    assert sources.notices(1.0) == ["drums: 1.50 s given, the first 1.00 s used"]
    with pytest.raises(JascoError, match="start"):
        Sources(Request.build({"drums": str(tmp_path / "beat.mid"), "start": 5}))
