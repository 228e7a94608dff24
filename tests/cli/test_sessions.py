"""``jasco-generate --session``: what is asked for stands in the session, on its bars."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
import rpp
import soundfile

from jasco import Conditions, Jasco, load_audio, load_chart
from jasco.audio import read_mark, read_recipe
from jasco.charts import save_chart
from jasco.cli import generate

Play = Callable[..., int]
CHORDS = ["--chords", "C Am | [3/4] F | C", "--bpm", "96", "--key", "A minor"]
SHORT = ["--seed", "1", "--duration", "4"]


def tempo_of(path: Path | str) -> list[str]:
    return rpp.loads(Path(path).read_text()).find("TEMPO")[1:]


def drums_midi(path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    for key in (36, 38):
        track.append(mido.Message("note_on", channel=9, note=key, velocity=99))
        track.append(mido.Message("note_off", channel=9, note=key, time=480))
    file.tracks.append(track)
    file.save(path)


def test_a_folder_beside_a_take(play: Play, things: Path, capsys, tmp_path: Path) -> None:
    options = ["funk", *CHORDS, "--melody", "things/tune.mid", *SHORT]
    assert play(*options, "-o", "song.flac", "--session", "song/") == 0
    said = capsys.readouterr()
    assert "  session song\n" in said.out and "4/4" not in said.err
    names = {path.name for path in Path("song").iterdir()}
    assert names == {"audio", "recipe.json"} | {
        f"song.{suffix}" for suffix in ("dawproject", "mid", "musicxml", "rpp")
    }
    mix = load_audio("song/audio/mix.wav").samples
    assert (mix - load_audio("song.flac").samples).abs().max() <= 2**-23
    recipe = json.loads(Path("song/recipe.json").read_text())
    assert recipe == read_recipe("song.flac") == read_recipe("song/audio/mix.wav")
    chart = load_chart("song/song.mid")
    assert [(float(c.onset), c.name) for c in chart.chords] == [
        (0.0, "C"), (2.0, "Am"), (4.0, "F"),
    ]  # fmt: skip
    assert [str(bar.metre) for bar in chart.bars][:3] == [
        "4/4",
        "3/4",
        "3/4",
    ]  # whole where the take cuts them
    assert (chart.key, chart.tempo_map[0].bpm) == ("Am", 96) and chart.melody
    assert tempo_of("song/song.rpp") == ["96", "4", "4"]


def test_one_file_without_an_output(play: Play, tmp_path: Path) -> None:
    assert play("funk", *CHORDS, *SHORT, "--samples", "2", "--session", "s.dawproject") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s-1.dawproject", "s-2.dawproject"]
    with zipfile.ZipFile("s-2.dawproject") as archive:
        file = io.BytesIO(archive.read("audio/mix.wav"))
    assert read_recipe(file)["seed"] == 2
    assert play("a", *CHORDS, *SHORT, "--session", "a.rpp", "-o", "b.wav") == 0
    assert Path("a-mix.wav").is_file() and Path("b.wav").is_file()
    assert play("a", *CHORDS, *SHORT, "--session", "a.rpp") == 0  # files are replaced
    lines = [{"text": "a", "session": f"{n}.rpp", "seed": n, "duration": 1} for n in range(2)]
    Path("songs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert play("--request", "songs.jsonl") == 0
    assert Path("0.rpp").is_file() and Path("1.rpp").is_file()


def test_a_chart_and_drums_of_midi(
    play: Play, tmp_path: Path, soundfont: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "{title: Tune}\n{time: 3/4}\n{tempo: 133}\n{start_of_grid}\n| C . . | Gm7 . . |\n{eog}\n"
    Path("tune.cho").write_text(text)
    save_chart(load_chart("tune.cho"), "tune.musicxml")
    drums_midi(tmp_path / "groove.mid")
    options = ["funk", "--chart", "tune.musicxml", "--drums", "groove.mid", "--seed", "1"]
    assert play(*options, "--session", "s", "-o", "s.mp3") == 0
    assert tempo_of("s/s.rpp") == ["133", "3", "4"]
    read = mido.MidiFile("s/s.mid")
    (drums,) = (track for track in read.tracks if track.name == "drums")
    assert [m.note for m in drums if m.type == "note_on"] == [36, 38]
    assert {m.channel for m in drums if m.type == "note_on"} == {9}
    assert b"TBPM\0\0\0\4\0\0\x00133" in Path("s.mp3").read_bytes()[:10_000]
    assert "no tempo" not in capsys.readouterr().err


def test_what_the_check_extracts_is_in_the_session(play: Play, things: Path) -> None:
    options = ["--melody", "things/tune.mid", "--drums", "things/beat.wav", *CHORDS, *SHORT]
    assert play("funk", *options, "--check", "--session", "s", "-o", "s.wav") == 0
    names = [track.name for track in mido.MidiFile("s/s.mid").tracks]
    assert names[1:3] == ["chords", "melody"] and "drums (extracted)" in names
    assert any(name.startswith("melody") and name.endswith("(extracted)") for name in names)


def test_an_edit_keeps_the_bars_of_its_take(play: Play) -> None:
    assert play("a", *CHORDS, *SHORT, "-o", "a.flac") == 0
    edit = ["--edit", "a.flac", "--seconds", "1:2", "--chords", "D:0", "--seed", "2"]
    assert play("b", *edit, "-o", "b.flac", "--session", "b") == 0
    assert tempo_of("b/b.rpp") == ["96", "4", "4"]
    assert [chord.name for chord in load_chart("b/b.mid").chords] == ["C", "Am", "F"]
    assert "an edit" in Path("b/notes.txt").read_text()


def test_a_take_without_a_tempo_says_so(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("a", *SHORT, "--session", "s.rpp") == 0
    said = capsys.readouterr().err
    assert "session: the request has no tempo: the session counts seconds at 120" in said
    assert tempo_of("s.rpp") == ["120", "4", "4"]


def test_an_earlier_take_and_a_loop(play: Play, tmp_path: Path) -> None:
    assert play("a", *CHORDS, *SHORT, "-o", "a.flac") == 0
    assert play("--from", "a.flac", "--session", "again.rpp") == 0
    assert tempo_of("again.rpp") == ["96", "4", "4"]
    mix = load_audio("again-mix.wav").samples
    assert (mix - load_audio("a.flac").samples).abs().max() <= 2**-23
    loop = ["--loop", "--bars", "1", "--bpm", "100", "--key", "C"]
    assert play("a", *loop, "--seed", "1", "-o", "loop.ogg", "--session", "loop") == 0
    assert tempo_of("loop/loop.rpp") == ["100", "4", "4"]
    data = Path("loop/audio/mix.wav").read_bytes()
    assert b"acid" in data and b"smpl" in data
    tags = Path("loop.ogg").read_bytes()[:20_000]
    assert b"BPM=100" in tags and b"INITIALKEY=C" in tags and b"KEY=C" in tags


def test_no_recipe_and_no_mark(play: Play) -> None:
    assert play("a", *SHORT, "--no-recipe", "--no-mark", "--session", "s") == 0
    assert not Path("s/recipe.json").exists() and read_mark("s/audio/mix.wav") is None


@pytest.mark.parametrize(
    "place, said",
    [
        ("song.mid", "give a folder, or a file .dawproject or .rpp, not .mid"),
        ("full", "the folder is there already and holds files"),
        ("full/mine.txt/song.rpp", "cannot write full/mine.txt/song.rpp"),
        ("things/beat.rpp", "things/beat-mix.wav is read and would be overwritten"),
    ],
)
def test_bad_places_are_one_line_before_any_work(
    play: Play, things: Path, place: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("dear diary")
    Path("things/beat.wav").rename("things/beat-mix.wav")
    options = ["a", "--drums", "things/beat-mix.wav", *SHORT]
    assert play(*options, "--session", place, "-o", "a.wav") == 1
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and "Traceback" not in err
    assert not Path("a.wav").exists() and Path("full/mine.txt").read_text() == "dear diary"
    assert soundfile.info("things/beat-mix.wav").frames == 8 * 22050


def test_two_sessions_of_one_name_and_no_output(play: Play, capsys) -> None:
    lines = [{"text": "a", "session": "s", "output": f"{n}.wav"} for n in range(2)]
    Path("songs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert play("--request", "songs.jsonl") == 1
    assert "s is the output of two takes" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        generate.main(["funk"])
    assert stopped.value.code == 2


def test_a_generation_in_python(tiny: Jasco, tmp_path: Path) -> None:
    clip = Conditions("funk", chords="C Am | F G", bpm=96)
    out = tiny.generate(clip, seed=1, steps=1, duration=4.0)
    out.save_session(
        tmp_path / "s.rpp", key="C", stems={"drums": load_audio("sample:beat.ogg").crop(0, 4)}
    )
    assert tempo_of(tmp_path / "s.rpp") == ["96", "4", "4"]
    assert (tmp_path / "s-drums.wav").is_file()
    (path,) = out.save(tmp_path / "s.wav")
    mix = load_audio(tmp_path / "s-mix.wav").samples
    assert (mix - load_audio(path).samples).abs().max() <= 2**-23
    assert read_recipe(tmp_path / "s-mix.wav") == read_recipe(path)
