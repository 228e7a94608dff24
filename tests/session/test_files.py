"""Files of sessions, read by other programs: schema, libraries, and times to the sample."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import mido
import pretty_midi
import pytest
import rpp
import soundfile
import torch
import xmlschema

from jasco.audio import Audio, load_audio, read_mark, read_recipe, riff
from jasco.audio.marks import GENERATED
from jasco.charts import Chart, load_chart
from jasco.errors import SettingError
from jasco.session.build import make_session
from jasco.session.dawproject import dawproject_of
from jasco.session.reaper import reaper_of
from jasco.session.save import midi_of_session, save_session
from jasco.session.session import Session

SCHEMAS = Path(__file__).parent / "dawproject"  # those of Bitwig, under the MIT licence there
RATE = 32000
PATHS = {"mix": "mix.wav"}


@pytest.fixture(params=["recipe", "chart", "seconds"])
def any_session(request: pytest.FixtureRequest, session: Session, audio: Audio, chart: Chart):
    """Sessions with bars of a recipe, of a chart, and without a tempo."""
    plain = {"duration": 10.0, "conditions": {"frames": 500, "chords": [["C", 0.0], ["G", 2.3]]}}
    if request.param == "recipe":
        return session
    return make_session(audio, plain, chart=chart if request.param == "chart" else None)


def project(session: Session) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(dawproject_of(session))) as archive:
        return ElementTree.fromstring(archive.read("project.xml"))


def reaper(session: Session) -> rpp.Element:
    return rpp.loads(reaper_of(session, PATHS).decode())


def to_seconds(tempi: list[tuple[float, float]], beat: float) -> float:
    """Time (s) of a beat under (beat, bpm) of each tempo."""
    time = 0.0
    for (start, bpm), (stop, _) in zip(tempi, [*tempi[1:], (beat, 0.0)], strict=True):
        time += max(min(stop, beat) - start, 0.0) * 60 / bpm
    return time


def same_sample(found: Iterator[float], wanted: Iterator[float]) -> None:
    found, wanted = [*found], [*wanted]
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert abs(one - other) * RATE < 0.05


# --- DAWproject -----------------------------------------------------------------------------------


def test_a_dawproject_is_valid_by_its_schema(any_session: Session) -> None:
    with zipfile.ZipFile(io.BytesIO(dawproject_of(any_session))) as archive:
        assert archive.testzip() is None
        for name, schema in (("project.xml", "Project"), ("metadata.xml", "MetaData")):
            found = xmlschema.XMLSchema(SCHEMAS / f"{schema}.xsd")
            found.validate(io.BytesIO(archive.read(name)))
        assert archive.read("audio/mix.wav") == any_session.files["mix"]


def test_references_of_a_dawproject_are_there(any_session: Session) -> None:
    root = project(any_session)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        for key in ("track", "destination", "parameter"):
            assert element.get(key) in {None, *ids}
    named = [track.get("name") for track in root.iter("Track")]
    assert named == ["mix", *(track.name for track in any_session.all_tracks), "Master"]


def test_a_dawproject_is_exact_to_the_sample(any_session: Session) -> None:
    root, chart = project(any_session), any_session.chart
    (tempo,) = root.iter("Tempo")
    tempi = [
        (float(point.get("time")), float(point.get("value"))) for point in root.iter("RealPoint")
    ] or [(0.0, float(tempo.get("value")))]
    assert tempi[0] == (0.0, float(tempo.get("value")))
    metres = [
        (float(point.get("time")), int(point.get("numerator")), int(point.get("denominator")))
        for point in root.iter("TimeSignaturePoint")
    ]
    changes = {float(bar.onset): bar.metre for bar in chart.bars}
    for beat, count, unit in metres:
        assert (changes[beat].beats, changes[beat].unit) == (count, unit)
    markers = [float(marker.get("time")) for marker in root.iter("Marker")]
    same_sample(
        (to_seconds(tempi, beat) for beat in [*changes, *markers]),
        map(chart.seconds, [bar.onset for bar in chart.bars] + [s.onset for s in chart.sections]),
    )
    clips = [clips for clips in root.iter("Clips") if clips.get("timeUnit") == "seconds"]
    (clip,) = clips[0]
    assert (clip.get("time"), clip.get("playStart")) == ("0.0", "0.0")
    assert float(clip.get("duration")) * RATE == 10 * RATE
    named = {c.get("name"): float(c.get("time")) for c in root.iter("Clip")}
    for at, chord in enumerate(chart.chords):
        if any_session.chord_span(at)[1]:
            assert chord.name in named


def test_notes_of_a_dawproject(session: Session) -> None:
    root = project(session)
    (drums,) = (track for track in root.iter("Track") if track.get("name") == "drums")
    (clips,) = (c for c in root.iter("Clips") if c.get("track") == drums.get("id"))
    found = [(n.get("key"), n.get("channel"), float(n.get("time"))) for n in clips.iter("Note")]
    assert found == [("36", "9", 0.0), ("38", "9", 1.0)]


# --- REAPER ---------------------------------------------------------------------------------------


def test_a_reaper_project_is_exact_to_the_sample(any_session: Session) -> None:
    root, chart = reaper(any_session), any_session.chart
    first = chart.bars[0].metre
    written = ["TEMPO", str(first.beats), str(first.unit)]
    assert [root.find("TEMPO")[index] for index in (0, 2, 3)] == written
    points = [line for line in root.find("TEMPOENVEX") if line[0] == "PT"]
    assert all(point[3] == "1" for point in points)  # tempi are held
    times = [float(point[1]) for point in points]
    metre, metres = None, {}
    for time, point in zip(times, points, strict=True):
        if len(point) > 4:
            metre = int(point[4])
        metres[time] = (metre & 0xFFFF, metre >> 16)
    tempi = [float(point[2]) for point in points]
    for bar in chart.bars:  # bar by bar, as the program counts them
        start = chart.seconds(bar.onset)
        at = max(k for k, time in enumerate(times) if time <= start + 1e-9)
        assert metres[times[at]] == (bar.metre.beats, bar.metre.unit)
        length = float(bar.length) * 60 / tempi[at]
        end = chart.seconds(bar.onset + bar.length)
        assert abs(start + length - end) * RATE < 0.05
    markers = [line for line in root if isinstance(line, list) and line[0] == "MARKER"]
    chords = [line for line in markers if line[4] == "0"]
    same_sample((float(c[2]) for c in chords), (chart.seconds(c.onset) for c in chart.chords))
    assert [line[3] for line in chords] == [chord.name for chord in chart.chords]
    regions = [line for line in markers if line[4] == "1"]
    assert [line[3] for line in regions[::2]] == [section.name for section in chart.sections]
    same_sample(
        (float(region[2]) for region in regions[::2]),
        (chart.seconds(section.onset) for section in chart.sections),
    )
    audio = root.find("TRACK").find("ITEM")
    assert float(audio.find("POSITION")[1]) == 0 and float(audio.find("LENGTH")[1]) == 10
    assert audio.find("SOURCE").find("FILE")[1] == "mix.wav"


def test_notes_of_a_reaper_project(session: Session) -> None:
    (track,) = (t for t in reaper(session).findall("TRACK") if t.find("NAME")[1] == "drums")
    source = track.find("ITEM").find("SOURCE")
    assert source.find("HASDATA") == ["HASDATA", "1", "10080", "QN"]
    ticks, struck = 0, []
    for _, delta, status, first, second in source.findall("E"):
        ticks += int(delta)
        if status == "99":
            struck.append((ticks / 10080, int(first, 16), int(second, 16)))
    assert struck == [(0.0, 36, 90), (1.0, 38, 90)]
    assert ticks == session.chart.end * 10080


def test_names_with_quotes_and_line_breaks_stay_one_word(session: Session) -> None:
    title = "a \"b\" 'c' `d`\n<TRACK"
    named = replace(session, tracks=(replace(session.tracks[0], name=title),))
    last = reaper(named).findall("TRACK")[-1]
    assert last.find("NAME")[1] == "a \"b\" 'c' 'd' <TRACK"


def test_texts_that_xml_cannot_hold_are_written_without(audio: Audio, tmp_path: Path) -> None:
    """Names of files may have bytes of other encodings, and texts any character."""
    spans = [[0.0, 5.0, "a\x0bb & <c>\n"], [5.0, 10.0, "\ud800"]]
    recipe = {"conditions": {"chords": [["C", 0.0]]}}
    recipe["song"] = {"kind": "sections", "sections": spans}
    made = make_session(audio, recipe, title="x\udcff&\x07y")
    folder = save_session(made, tmp_path / "song")
    with zipfile.ZipFile(folder / "x & y.dawproject") as archive:
        root = ElementTree.fromstring(archive.read("project.xml"))
    assert [marker.get("name") for marker in root.iter("Marker")] == ["a b & <c> ", " "]
    assert load_chart(folder / "x & y.musicxml").title == "x & y"
    assert rpp.loads((folder / "x & y.rpp").read_text()).find("TRACK").find("NAME")[1] == "mix"
    assert mido.MidiFile(folder / "x & y.mid").tracks[0].name == "x & y"


# --- MIDI and MusicXML ----------------------------------------------------------------------------


def test_two_libraries_read_the_midi_file(session: Session) -> None:
    data = midi_of_session(session)
    read = mido.MidiFile(file=io.BytesIO(data))
    metas: dict[str, list[tuple[int, str]]] = {"marker": [], "text": []}
    for track in read.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type in metas:
                metas[message.type].append((ticks, message.text))
    wanted = [(c.onset * read.ticks_per_beat, c.name) for c in session.chart.chords]
    assert metas["marker"] == metas["text"] == wanted
    midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    assert {i.name for i in midi.instruments} >= {"melody", "drums", "melody (extracted)"}
    assert [i.is_drum for i in midi.instruments if i.name.startswith("drums")] == [True, True]
    metres = [(s.numerator, s.denominator) for s in midi.time_signature_changes]
    assert metres == [(4, 4), (3, 4), (4, 4)]
    # A tempo is whole microseconds a quarter note, which is a rounding of 1e-6 at most.
    times, tempi = midi.get_tempo_changes()
    assert tempi == pytest.approx([97, 140], rel=1e-5)
    assert times[1] == pytest.approx(11 * 60 / 97, rel=1e-6)


def test_a_session_is_read_again_as_a_chart(session: Session, tmp_path: Path) -> None:
    save_session(session, tmp_path / "song")
    for name in ("song.mid", "song.musicxml"):
        found = load_chart(tmp_path / "song" / name)
        assert [(c.onset, c.name) for c in found.chords] == [
            (c.onset, c.name) for c in session.chart.chords
        ]
        assert [bar.metre for bar in found.bars] == [bar.metre for bar in session.chart.bars]
    assert [note.key for note in found.melody] == [60, 64]


# --- files ----------------------------------------------------------------------------------------


def test_a_folder_holds_everything(session: Session, tmp_path: Path) -> None:
    folder = save_session(session, tmp_path / "new" / "song")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    named = [f"song.{suffix}" for suffix in ("dawproject", "mid", "musicxml", "rpp")]
    assert found == ["audio/mix.wav", "recipe.json", *named]
    assert json.loads((folder / "recipe.json").read_text()) == session.recipe
    path = folder / "audio" / "mix.wav"
    assert read_recipe(path) == session.recipe and read_mark(path)[0] == GENERATED
    assert soundfile.info(path).frames == 10 * RATE
    assert (load_audio(path).samples - session.audio["mix"].samples).abs().max() < 2**-23
    root = rpp.loads((folder / "song.rpp").read_text())
    assert (folder / root.find("TRACK").find("ITEM").find("SOURCE").find("FILE")[1]) == path


def test_no_recipe_and_no_mark(audio: Audio, recipe, tmp_path: Path) -> None:
    session = make_session(audio, recipe, keep_recipe=False)
    folder = save_session(session, tmp_path / "a")
    path = folder / "audio" / "mix.wav"
    assert read_recipe(path) is None and read_mark(path)[0] == GENERATED
    assert not (folder / "recipe.json").exists()
    unmarked = make_session(audio, recipe, mark=False)
    path = save_session(unmarked, tmp_path / "b") / "audio" / "mix.wav"
    assert read_mark(path) is None and read_recipe(path) == recipe


def test_whole_beats_have_an_acid_chunk(audio: Audio, tmp_path: Path) -> None:
    for bars, wanted in ((2.5, True), (2.6, False)):
        plain = {"conditions": {"bars": [0.0, bars], "metres": ["4/4", "4/4"], "frames": 500}}
        file = io.BytesIO(make_session(audio, plain).files["mix"])
        names = [name for name, _ in riff.chunks(file)]
        assert (b"acid" in names) == wanted and b"smpl" not in names


def test_a_reaper_project_has_its_audio_beside_it(audio: Audio, recipe, tmp_path: Path) -> None:
    stem = Audio(torch.zeros(1, 10 * RATE), RATE)
    save_session(make_session(audio, recipe, stems={"drums": stem}), tmp_path / "song.rpp")
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["song-drums.wav", "song-mix.wav", "song.rpp"]
    tracks = rpp.loads((tmp_path / "song.rpp").read_text()).findall("TRACK")[:2]
    files = [track.find("ITEM").find("SOURCE").find("FILE")[1] for track in tracks]
    assert files == ["song-mix.wav", "song-drums.wav"]


def test_the_same_session_gives_the_same_bytes(session: Session) -> None:
    assert dawproject_of(session) == dawproject_of(session)


def test_without_chords_there_is_no_lead_sheet_and_a_note(audio: Audio, tmp_path: Path) -> None:
    folder = save_session(make_session(audio, {"conditions": {}}), tmp_path / "song")
    assert not (folder / "song.musicxml").exists()
    lines = (folder / "notes.txt").read_text().splitlines()
    assert len(lines) == 2 and "no tempo" in lines[0] and "neither chords" in lines[1]


@pytest.mark.parametrize("name", ["song.mid", "song.v2", "full", "file.txt/song", "locked/song"])
def test_places_that_cannot_be_written(session: Session, tmp_path: Path, name: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("dear diary")
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "locked").symlink_to("/proc")  # no folder can be made there
    with pytest.raises(SettingError, match="cannot write") as caught:
        save_session(session, tmp_path / name)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "full" / "mine.txt").read_text() == "dear diary"
    assert not list(tmp_path.rglob("*.part"))


def test_an_empty_folder_is_filled(session: Session, tmp_path: Path) -> None:
    (tmp_path / "song").mkdir()
    assert (save_session(session, tmp_path / "song") / "song.rpp").is_file()
    with pytest.raises(SettingError, match="holds files"):
        save_session(session, tmp_path / "song")


KILLED = """
import os, sys
import torch
from jasco.audio import Audio
from jasco.session import save
from jasco.session.build import make_session

session = make_session(Audio(torch.zeros(1, 32000), 32000), {"conditions": {}})
if sys.argv[2] == "kill":
    save.midi_of_session = lambda session: os._exit(9)  # half of the folder is there
save.save_session(session, sys.argv[1])
"""


def test_a_killed_write_leaves_no_half_session(tmp_path: Path) -> None:
    place = tmp_path / "song"
    for how, code in (("kill", 9), ("whole", 0)):
        done = subprocess.run([sys.executable, "-c", KILLED, place, how], check=False)
        assert done.returncode == code
        assert place.exists() == (code == 0)
    assert [path.name for path in tmp_path.iterdir()] == ["song"]
    assert (place / "song.mid").is_file()
