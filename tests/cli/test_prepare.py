"""``jasco-prepare`` from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jasco.cli.prepare import main
from jasco.data.prepared import PreparedDataset


def record(path: Path, seed: int, seconds: float = 1.1) -> None:
    sound = 0.2 * np.random.default_rng(seed).standard_normal(round(seconds * 16000))
    soundfile.write(path, sound, 16000)


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(3):
        record(folder / f"{seed}.wav", seed)
    (folder / "empty.wav").touch()
    return folder


@pytest.fixture
def light(codec_folder):
    """Words that make a run small: one stage, one process."""
    words = ["stages=[latents]", f"codec.name={codec_folder}"]
    return [*words, "executor.workers=1", "executor.model_workers=1", "executor.device=cpu"]


@pytest.fixture
def prepare(tmp_path, monkeypatch, capfd):
    """Run the command in ``tmp_path``; returns its exit code, its lines, and those on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JASCO_DEBUG", raising=False)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["jasco-prepare", *words])
        code = main()
        said = capfd.readouterr()
        errors = [line for line in said.err.splitlines() if line.startswith("jasco-prepare:")]
        return code, said.out.splitlines(), errors

    return run


def test_songs_have_bars_where_a_beat_is_found(prepare, light, tmp_path):
    (tmp_path / "music").mkdir()
    record(tmp_path / "music" / "noise.wav", 1, 12.0)
    strokes = np.exp(-(np.arange(12 * 16000) / 16000 * 2 % 1) * 20)
    sound = 0.3 * np.random.default_rng(0).standard_normal(12 * 16000) * strokes
    for name in ("disco.wav", "again.wav"):
        soundfile.write(tmp_path / "music" / name, sound, 16000)
    words = ("audio_dir=music", "out=data", *light, "stages=[latents,bars]", "text=filename")
    code, lines, errors = prepare(*words)
    assert code == 0 and not errors
    assert lines[0] == "1 of 3 recordings repeat others: disco.wav (as again.wav)"
    assert lines[1].startswith("0.6 minutes of music")
    assert lines[-1] == "  a beat was found in 1 of 2 tracks"
    data = PreparedDataset("data")
    bars = {track.text: data.bars(n) for n, track in enumerate(data.tracks)}
    assert bars["noise"] == [] and set(np.diff(bars["again"])) <= {99, 100, 101}


def test_a_folder_and_then_its_manifest_with_another_stage(prepare, music, light, tmp_path):
    code, lines, errors = prepare("audio_dir=music", "out=data", *light)
    assert code == 0 and not errors
    assert lines[0].startswith("3 done, 0 skipped, 1 quarantined; 0.00 h of audio at ")
    assert [line.split()[0] for line in lines[1:3]] == ["reading", "latents"]
    assert lines[3] == f"  {tmp_path / 'data' / 'quarantine.jsonl'} holds the reasons"
    tracks = PreparedDataset("data").tracks
    assert {Path(t.path).name for t in tracks} == {"0.wav", "1.wav", "2.wav"}
    assert tracks[0].fields == {"sample_rate": 16000, "channels": 1}
    manifest = [json.loads(line) for line in Path("data/manifest.jsonl").read_text().splitlines()]
    assert [row.get("duration") for row in manifest] == [1.1, 1.1, 1.1, None]
    (row,) = map(json.loads, Path("data/quarantine.jsonl").read_text().splitlines())
    assert row["path"].endswith("empty.wav") and "0 bytes" in row["reason"]

    words = ("manifest=data/manifest.jsonl", "out=data", *light)
    code, lines, _ = prepare(*words, "stages=[drums,latents]", "drums=isolated")
    assert code == 0 and [line.split()[0] for line in lines[1:3]] == ["reading", "drums"]
    assert PreparedDataset("data").facts.stages == ("drums", "latents")
    code, lines, _ = prepare(*words)
    assert code == 0 and lines[0].startswith("0 done, 3 skipped, 1 quarantined")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "music"]


def test_nothing_that_can_be_prepared(prepare, light, tmp_path):
    Path("songs.jsonl").write_text('{"path": "absent.wav"}\n')
    code, lines, errors = prepare("manifest=songs.jsonl", "out=data", *light)
    assert code == 1 and lines[0].startswith("0 done, 0 skipped, 1 quarantined")
    assert len(errors) == 1 and "no recording could be prepared" in errors[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out=data", "audio_dir=music", "manifest=x"], "give either"),
        (["out=data", "audio_dir=nowhere"], "is no folder"),
        (["out=data", "manifest=nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["out=data", "audio_dir=music", "stages=[]"], "no stages"),
        (["out=data", "audio_dir=music", "executor.workers=0"], "workers=0: give a whole number"),
        (["out=data", "audio_dir=music", "executor.device=tpu"], "tpu"),
        (["out=data", "audio_dir=music", "stages=[drums]", "drums=loud"], "separated or isolated"),
        (["out=data", "audio_dir=music", "codec.name=./nowhere"], "no such folder"),
        (["out=data", "audio_dir=music", "codec.name=facebook/nowhere"], "is not in"),
    ],
)
def test_one_line_before_the_first_track(prepare, music, light, words, message, tmp_path):
    code, lines, errors = prepare(*light, *words)
    assert code == 1 and not lines
    assert len(errors) == 1 and message in errors[0], errors
    assert not list(tmp_path.rglob("tracks"))


def test_ctrl_c_keeps_what_is_done(music, light, tmp_path):
    """And does not wait for what is being worked on."""
    for seed in range(3, 120):
        record(music / f"{seed}.wav", seed)
    command = [sys.executable, "-m", "jasco.cli.prepare", f"audio_dir={music}", "out=data", *light]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    tracks = tmp_path / "data" / "tracks"
    while process.poll() is None and len(list(tracks.glob("[!.]*"))) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "jasco-prepare: interrupted" in errors.splitlines()
    files = {f"tracks/{path.name}" for path in tracks.glob("[!.]*")}
    listed = {track.file for track in PreparedDataset(tmp_path / "data").tracks}
    # What the thread of the models ends after the index is written is found by the next run.
    assert listed <= files and 1 <= len(listed) and len(files) < 120


def test_the_workers_end_with_the_command(music, light, tmp_path):
    """Also where it is killed, and they are busy."""
    for seed in range(3, 120):
        record(music / f"{seed}.wav", seed)
    command = [sys.executable, "-m", "jasco.cli.prepare", f"audio_dir={music}", "out=data", *light]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list((tmp_path / "data" / "tracks").glob("[!.]*")):
        time.sleep(0.01)
    listing = Path("/proc", str(process.pid), "task", str(process.pid), "children")
    children = [int(pid) for pid in listing.read_text().split()]
    process.kill()
    process.wait()
    assert children
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in children):
        assert time.monotonic() < deadline, "a worker goes on without the command"
        time.sleep(0.05)
