"""Runs of the preparation, with small real parts."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco.checkpoint.codec import CodecSource
from jasco.data.manifest import Recording, scan_folder
from jasco.data.prepared import PreparedDataset
from jasco.data.track_file import read_header
from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.prepare import Summary, prepare
from jasco.prepare.executors import Executor, Job, LocalExecutor, RayExecutor
from jasco.prepare.passes import PARKED, DecodePass
from jasco.prepare.stages.chords import ChordStage
from jasco.prepare.stages.drums import DrumStage
from jasco.prepare.stages.latents import LatentStage
from jasco.prepare.stages.melody import MelodyStage
from jasco.prepare.stages.stage import Stage

RATE = 22050


def tune(seed: int, seconds: float = 1.1, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """A chord with some noise (samples, channels), different for each seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    root = 110 * 2 ** (rng.integers(24) / 12)
    sound = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 5 / 4, 3 / 2, 2)) / 8
    noise = 0.01 * rng.standard_normal((len(time), channels))
    return (sound[:, None] + noise).astype(np.float32)


def songs(folder: Path, number: int, seconds: float = 1.1) -> list[Recording]:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(number):
        soundfile.write(folder / f"{seed:03}.wav", tune(seed, seconds), RATE)
    return scan_folder(folder)


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a dataset."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


@pytest.fixture(scope="module")
def source(codec_folder) -> CodecSource:
    return CodecSource(str(codec_folder))


@pytest.fixture(scope="module")
def light(source) -> list[Stage]:
    """Stages that take little time."""
    return [LatentStage(source), DrumStage(source, drums="isolated")]


@pytest.fixture(scope="module")
def stages(source, small_separator, salience_file, chordino) -> list[Stage]:
    return [
        LatentStage(source),
        ChordStage(),
        DrumStage(source, separator=str(small_separator)),
        MelodyStage(source, weights=str(salience_file)),
    ]


class Here(Executor):
    """Works in this process, so that a test of something else does not wait for others to start."""

    def run(self, jobs, steps):
        work = [step.open(torch.device("cpu")) for step in steps]
        for job in jobs:
            for do in work:
                job = job if job.outcome else do(job)
            yield job


def run(
    recordings: Sequence[Recording],
    root: Path,
    stages: Sequence[Stage],
    executor: Executor | None = None,
) -> Summary:
    return prepare(recordings, root, stages, executor or Here(), progress=False)


# --- what goes in and what comes out --------------------------------------------------------------


def test_all_stages(tmp_path, stages):
    recordings = songs(tmp_path / "music", 4)
    summary = run(recordings, tmp_path / "out", stages)
    assert (summary.done, summary.skipped, summary.quarantined, summary.repeated) == (4, 0, 0, 0)
    assert summary.audio == pytest.approx(4.4)
    assert set(summary.stages) == {"reading", "latents", "chords", "drums", "melody"}
    assert "4 done, 0 skipped, 0 quarantined" in str(summary)
    data = PreparedDataset(tmp_path / "out")
    assert data.facts.stages == ("chords", "drums", "latents", "melody")
    assert [track.path for track in data.tracks] != [str(r.path) for r in recordings]
    clip = data.clip(0, 0, 55)
    assert clip.length == 55 and clip.conditions.asked == ("chords", "drums", "melody")
    assert not (tmp_path / "out" / ".parked").exists()


def make_fine(folder: Path) -> int:
    """180 recordings that are fine, the odd ones among them; returns how many are odd."""
    odd = {
        "192 kHz.wav": (tune(1, rate=192000), 192000),
        "8 kHz.wav": (tune(2, rate=8000), 8000),
        "8 channels.wav": (tune(3, channels=8), RATE),
        "ünïcödé – 音楽.wav": (tune(4), RATE),
        "line\nbreak, 'quotes' and \u2028.wav": (tune(5), RATE),
        "a/song.wav": (tune(6), RATE),
        "b/song.wav": (tune(7), RATE),
        "b/song.flac": (tune(8), RATE),
        "LOUD.WAV": (np.clip(9 * tune(9), -1, 1), RATE),
        "quiet.flac": (0.002 * tune(10), RATE),
        "one.mp3": (tune(11), RATE),
        "one.ogg": (tune(12), RATE),
        "folder.wav/inside.wav": (tune(13), RATE),
        "flac in truth.wav": (tune(14), RATE),
    }
    for name, (samples, rate) in odd.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        form = "FLAC" if "truth" in name else None
        soundfile.write(path, samples, rate, format=form)
    (folder / "a" / "song.json").write_text('{"description": "a song", "bpm": 99}')
    for seed in range(len(odd), 180):
        soundfile.write(folder / f"{seed:03}.wav", tune(100 + seed), RATE)
    return len(odd)


def make_bad(folder: Path) -> dict[str, str]:
    """20 recordings that cannot be used, each with what the reason must say."""
    folder.mkdir(parents=True, exist_ok=True)
    sick = tune(0)
    sick[1000] = np.nan
    over = tune(0)
    over[1000] = np.inf
    for suffix in ("wav", "flac", "mp3"):
        (folder / f"empty.{suffix}").touch()
        soundfile.write(folder / f"cut.{suffix}", tune(1, 4.0), RATE)
        whole = (folder / f"cut.{suffix}").read_bytes()
        (folder / f"cut.{suffix}").write_bytes(whole[: len(whole) // 2])
    (folder / "text.wav").write_text("la la la " * 1000)
    (folder / "text.mp3").write_text("do re mi " * 1000)
    (folder / "noise.ogg").write_bytes(random.Random(0).randbytes(5000))
    soundfile.write(folder / "none.wav", np.zeros((0, 1)), RATE)
    soundfile.write(folder / "none.aiff", np.zeros((0, 1)), RATE)
    soundfile.write(folder / "nan.wav", sick, RATE, subtype="FLOAT")
    soundfile.write(folder / "inf.wav", over, RATE, subtype="DOUBLE")
    soundfile.write(folder / "silent.wav", np.zeros((2 * RATE, 2)), RATE)
    soundfile.write(folder / "hiss.flac", tune(2) * 1e-4, RATE, subtype="PCM_24")
    soundfile.write(folder / "moment.wav", tune(3, 0.4), RATE)
    (folder / "directory.wav").mkdir()
    (folder / "dangling.wav").symlink_to(folder / "gone.wav")
    soundfile.write(folder / "note.wav", tune(4), RATE)
    (folder / "note.json").write_text("{not json")
    return {
        **dict.fromkeys(("empty.wav", "empty.flac", "empty.mp3"), "is empty (0 bytes)"),
        **dict.fromkeys(("cut.wav", "cut.flac", "cut.mp3"), "damaged"),
        **dict.fromkeys(("text.wav", "text.mp3", "noise.ogg"), "is no audio file"),
        **dict.fromkeys(("none.wav", "none.aiff"), "holds no samples"),
        **dict.fromkeys(("nan.wav", "inf.wav"), "NaN or infinity, first at 0.045 s"),
        **dict.fromkeys(("silent.wav", "hiss.flac"), "is silent"),
        "moment.wav": "lasts 0.40 s",
        "directory.wav": "Is a directory",
        "dangling.wav": "No such file",
        "note.wav": "note.json is no JSON object",
    }


def test_200_files_of_which_20_are_bad(tmp_path, light):
    odd = make_fine(tmp_path / "music" / "fine")
    expected = make_bad(tmp_path / "music" / "bad")
    recordings = scan_folder(tmp_path / "music")
    root = tmp_path / "out"
    assert len(recordings) == 200 and odd == 14
    expected = {f"bad/{name}": reason for name, reason in expected.items()}
    expected["fine/folder.wav"] = "Is a directory"
    assert len(expected) == 20

    summary = run(recordings, root, light, LocalExecutor(workers=2, model_workers=2, device="cpu"))
    assert (summary.done, summary.skipped, summary.quarantined) == (180, 0, 20), str(summary)
    quarantine = {Path(row["path"]): row["reason"] for row in lines(root / "quarantine.jsonl")}
    assert {p.relative_to(tmp_path / "music").as_posix() for p in quarantine} == set(expected)
    for name, reason in expected.items():
        assert reason in quarantine[tmp_path / "music" / name], name

    rows = lines(root / "index.jsonl")
    files = {f"tracks/{path.name}" for path in (root / "tracks").iterdir()}
    assert {row["file"] for row in rows} == files and len(rows) == 180
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {Path(row["path"]) for row in rows} | set(quarantine) == {r.path for r in recordings}
    for row in rows:
        header = read_header(root / row["file"])
        assert header.id == row["id"] and header.num_frames == row["num_frames"] == 55, row
        assert header.duration == row["duration"] == pytest.approx(1.1, abs=0.001)
    (song,) = (row for row in rows if row["path"].endswith("a/song.wav"))
    assert song["description"] == "a song" and song["bpm"] == 99
    assert len(PreparedDataset(root)) == 180


def test_equal_content_is_one_track(tmp_path, light):
    """The first in the manifest counts, whichever is done first."""
    first, second = songs(tmp_path / "music", 2)
    for name in ("copy.wav", "another.wav"):
        (tmp_path / "music" / name).write_bytes(first.path.read_bytes())
    copies = [replace(first, path=tmp_path / "music" / "copy.wav", fields={"text": "a copy"})]
    copies += [first, second, replace(first, path=tmp_path / "music" / "another.wav"), second]
    summary = run(copies, tmp_path / "out", light)
    assert (summary.done, summary.quarantined, summary.repeated) == (2, 0, 3)
    texts = {track.path: track.text for track in PreparedDataset(tmp_path / "out").tracks}
    assert texts == {str(copies[0].path): "a copy", str(second.path): None}


# --- what a later run does ------------------------------------------------------------------------


@dataclass(frozen=True)
class LaterLatents(LatentStage):
    version = 2


def test_only_what_is_missing_or_outdated_is_done(tmp_path, source, light, chordino):
    recordings, root = songs(tmp_path / "music", 3), tmp_path / "out"
    assert set(run(recordings, root, light[:1]).stages) == {"reading", "latents"}
    before = contents(root)

    summary = run(recordings, root, light[:1])
    assert (summary.done, summary.skipped, summary.stages) == (0, 3, {})
    assert contents(root) == before

    summary = run(recordings, root, [*light, ChordStage()])
    assert summary.done == 3 and set(summary.stages) == {"reading", "drums", "chords"}
    summary = run(recordings, tmp_path / "at once", [ChordStage(), *reversed(light)])
    assert set(summary.stages) == {"reading", "latents", "drums", "chords"}
    assert contents(root) == contents(tmp_path / "at once")

    summary = run(recordings, root, [LaterLatents(source)])
    assert summary.done == 3 and set(summary.stages) == {"reading", "latents"}
    data = PreparedDataset(root)
    assert data.facts.stages == ("chords", "drums", "latents")
    assert read_header(root / data.tracks[0].file).stages["latents"]["version"] == 2


def test_a_broken_track_is_made_again(tmp_path, light):
    recordings, root = songs(tmp_path / "music", 2), tmp_path / "out"
    run(recordings, root, light)
    before = contents(root)
    broken = next((root / "tracks").iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    summary = run(recordings, root, light)
    assert (summary.done, summary.skipped) == (1, 1) and contents(root) == before


def test_other_recordings_are_added_and_mended_ones_leave_the_quarantine(tmp_path, light):
    old, new, mended = songs(tmp_path / "music", 3)
    root, whole = tmp_path / "out", mended.path.read_bytes()
    mended.path.write_bytes(whole[:5000])
    missing = Recording(tmp_path / "absent.wav")
    assert run([old, mended, missing], root, light[:1]).quarantined == 2
    mended.path.write_bytes(whole)
    assert run([new, mended], root, light[:1]).quarantined == 0
    assert {Path(track.path) for track in PreparedDataset(root).tracks} == {
        old.path,
        new.path,
        mended.path,
    }
    assert [row["path"] for row in lines(root / "quarantine.jsonl")] == [str(missing.path)]

    soundfile.write(old.path, tune(77), RATE)  # another song under the same name
    run([old], root, light[:1])
    tracks = PreparedDataset(root).tracks
    assert len(tracks) == 3 and sum(track.path == str(old.path) for track in tracks) == 1


# --- what ends a run ------------------------------------------------------------------------------


def test_what_no_recording_can_do_without_is_said_first(tmp_path, source):
    recordings = songs(tmp_path / "music", 1)
    with pytest.raises(CheckpointError, match="not in"):
        run(recordings, tmp_path / "out", [LatentStage(CodecSource("facebook/nowhere"))])
    with pytest.raises(SettingError, match="no stages"):
        run(recordings, tmp_path / "out", [])
    assert not (tmp_path / "out").exists()


def test_two_runs_do_not_share_a_folder(tmp_path, light):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "out").mkdir()
    handle = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(SettingError, match="another run is writing"):
        run(songs(tmp_path / "music", 1), tmp_path / "out", light)
    os.close(handle)
    assert run(songs(tmp_path / "music", 1), tmp_path / "out", light).done == 1


STAGE_OF_DEATH = '''
import os
from dataclasses import dataclass
from jasco.errors import CheckpointError
from jasco.prepare.stages.stage import Stage

@dataclass(frozen=True)
class Harmful(Stage):
    """Kills its process, or raises, at loud recordings."""
    harm: str
    name = "loudness"
    version = 1
    needs = "processor"
    gives = ("loudness",)

    def dependencies(self):
        return {}

    def open(self, device):
        def extract(audio):
            if audio.samples.abs().max() > 0.9:
                if self.harm == "death":
                    os.kill(os.getpid(), 9)
                raise {"oom": MemoryError, "part": CheckpointError}[self.harm]("too loud")
            return {"loudness": audio.samples.abs().max()[None]}
        return extract
'''


@pytest.fixture
def harmful(tmp_path, monkeypatch):
    """A stage that a spawned process can import."""
    (tmp_path / "stage_of_death.py").write_text(STAGE_OF_DEATH)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    import stage_of_death

    return stage_of_death.Harmful


def loud_songs(folder: Path) -> list[Recording]:
    songs(folder, 5)
    soundfile.write(folder / "002.wav", np.clip(20 * tune(2), -1, 1), RATE)
    return scan_folder(folder)


def test_a_recording_that_brings_its_worker_down_is_quarantined(tmp_path, harmful):
    """Recordings that another process worked on at that moment are not."""
    recordings = loud_songs(tmp_path / "music")
    executor = LocalExecutor(workers=2)
    summary = run(recordings, tmp_path / "out", [harmful("death")], executor)
    assert (summary.done, summary.quarantined) == (4, 1)
    (row,) = lines(tmp_path / "out" / "quarantine.jsonl")
    assert row["path"] == str(recordings[2].path)
    assert "the process that worked on it died" in row["reason"]


def test_a_track_whose_worker_dies_before_it_says_so_is_done(tmp_path, harmful):
    """Not skipped, as one of an earlier run is."""
    (recording,) = songs(tmp_path / "music", 1)
    root = tmp_path / "out"
    stage = harmful("death")
    assert run([recording], root, [stage]).done == 1
    assert run([recording], root, [stage]).skipped == 1
    (root / PARKED).mkdir()
    outdated = {stage.name: {"version": "another"}}
    work = DecodePass(root, (stage,), outdated).open(torch.device("cpu"))
    job = Job(0, str(recording.path))
    assert [work(job).outcome, work(job).outcome] == ["done", "done"]


def test_a_recording_at_which_a_stage_fails_is_quarantined(tmp_path, harmful):
    recordings = loud_songs(tmp_path / "music")
    assert run(recordings, tmp_path / "out", [harmful("oom")]).quarantined == 1
    (row,) = lines(tmp_path / "out" / "quarantine.jsonl")
    assert row == {"path": str(recordings[2].path), "reason": "MemoryError: too loud"}


def test_a_missing_part_ends_the_run_and_keeps_what_is_done(tmp_path, harmful):
    recordings, root = loud_songs(tmp_path / "music"), tmp_path / "out"
    with pytest.raises(JascoError, match="too loud"):
        run(recordings, root, [harmful("part")])
    assert len(lines(root / "index.jsonl")) == len(list((root / "tracks").iterdir())) <= 4


# --- the same bytes, whatever happens -------------------------------------------------------------


def test_killed_at_random_moments(tmp_path, source, chordino):
    count = 24
    recordings, stages = songs(tmp_path / "music", count), [LatentStage(source), ChordStage()]
    undisturbed, root = tmp_path / "undisturbed", tmp_path / "killed"
    assert run(recordings, undisturbed, stages).done == count

    def finished() -> int:
        return len(list(root.glob("tracks/[!.]*")))

    moments = random.Random(0)
    for kill in range(5):
        before = finished()
        child = os.fork()
        if child == 0:  # as the command line runs, without its seconds of imports
            try:
                run(recordings, root, stages, LocalExecutor(1, 1, "cpu"))
            finally:
                os._exit(0)
        while finished() < before + kill % 3 and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.3))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the run ended before it could be killed"
    done = finished()
    assert 3 <= done < count
    for left in (".jasco-0123456789abcdef.part", ".tmpI7WYxL"):  # seldom what a kill hits
        (root / "tracks" / left).touch()
    summary = run(recordings, root, stages, LocalExecutor(1, 2, "cpu"))
    assert summary.skipped == done and summary.done == count - done
    assert contents(root) == contents(undisturbed)


def test_ray_makes_the_same_files(tmp_path, stages, harmful):
    """Also where a recording brings its worker down."""
    pytest.importorskip("ray", reason="needs pip install 'jasco[data]'")
    recordings = loud_songs(tmp_path / "music")
    recordings += [Recording(tmp_path / "music" / "absent.wav")]
    stages = [*stages, harmful("death")]
    summary = run(recordings, tmp_path / "local", stages, LocalExecutor(2, 2, "cpu"))
    assert (summary.done, summary.quarantined) == (4, 2)
    summary = run(recordings, tmp_path / "ray", stages, RayExecutor(workers=2, model_workers=2))
    assert (summary.done, summary.quarantined) == (4, 2)
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
