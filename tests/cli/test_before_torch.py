"""Errors of a request are raised before the import of torch, which takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import CHORDS

# Each case in turn, in one process: exit code, last line, and heavy packages that are loaded.
PROGRAM = """
import contextlib, io, json, sys
from jasco.cli import generate

for arguments in json.load(sys.stdin):
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        try:
            code = generate.main(arguments)
        except SystemExit as end:
            code = end.code
    heavy = sorted({"torch", "numpy", "scipy", "soundfile", "transformers"} & sys.modules.keys())
    print(json.dumps([code, told.getvalue().splitlines()[-1], heavy]))
"""

OUT = ["-o", "made/song.wav"]
WRONG: dict[str, tuple[list[str], str]] = {
    "unknown option": (["a", "--tempo", "3"], "unrecognized arguments"),
    "nothing to play": ([*OUT], "say what to play"),
    "nowhere to write": (["a"], "say where to write"),
    "unknown solver": (["a", "--solver", "magic", *OUT], "invalid choice"),
    "steps 0": (["a", "--steps", "0", *OUT], "at least 1"),
    "steps of dopri5": (["a", "--solver", "dopri5", "--steps", "3", *OUT], "leave steps out"),
    "samples 0": (["a", "--samples", "0", *OUT], "at least 1"),
    "best of 0": (["a", "--best-of", "0", *OUT], "at least 1"),
    "seed": (["a", "--seed", "-1", *OUT], "seed is -1"),
    "duration": (["a", "--duration", "nan", *OUT], "positive number"),
    "loudness": (["a", "--loudness", "3", *OUT], "from -70 to 0"),
    "guidance": (["a", "--guidance", "all=x", *OUT], "NAME=WEIGHT"),
    "device": (["a", "--device", "abacus", *OUT], "use auto"),
    "batch size": (["a", "--batch-size", "0", *OUT], "at least 1"),
    "output suffix": (["a", "-o", "song.xyz"], "must be one of .wav"),
    "output in a file": (["a", "-o", "beat.wav/a.wav"], "in the way"),
    "output that is a folder": (["a", "-o", "folder.wav"], "in the way"),
    "output that is read": (["a", "--drums", "beat.wav", "-o", "beat.wav"], "overwritten"),
    "output beside which a request is": (
        ["--request", "song.json", "-o", "song.wav"],
        "song.json is read and would be overwritten",
    ),
    "chords": (["a", "--chords", "C Hx", "--bpm", "90", *OUT], "'Hx'"),
    "chords without a tempo": (["a", "--chords", "C | F", *OUT], "give bpm"),
    "a tempo without chords": (["a", "--bpm", "90", *OUT], "none are written"),
    "chords and a recording": (
        ["--chords", "C:0", "--chords-from", "beat.wav", *OUT],
        "--chords and --chords-from are both given",
    ),
    "missing chords": (["--chords", "away.lab", *OUT], "No such file"),
    "missing drums": (["--drums", "away.wav", *OUT], "away.wav: No such file"),
    "missing melody": (["--melody", "away.mid", *OUT], "away.mid: No such file"),
    "missing recording": (["--chords-from", "away.mp3", *OUT], "away.mp3: No such file"),
    "missing request": (["--request", "away.json", *OUT], "away.json: No such file"),
    "missing take": (["--from", "away.wav", *OUT], "away.wav: No such file"),
    "drums that are a folder": (["--drums", "folder.wav", *OUT], "Is a directory"),
    "drums that are a pipe": (["--drums", "pipe.wav", *OUT], "named pipe"),
    "a take with wrong options": (["--from", "beat.wav", "--steps", "0", *OUT], "at least 1"),
    "a request that is no JSON": (["--request", "broken.json", *OUT], "is no JSON"),
    "a request of unknown keys": (["--request", "unknown.jsonl", *OUT], "line 1: unknown key"),
    "a request of wrong types": (["--request", "types.jsonl", *OUT], "line 1: text is 5"),
    "text of 30 kB": (["a" * 30_000, *OUT], "at most 20,000"),
    # a file that another option takes
    "a recording as chords": (["--chords", "beat.wav", *OUT], "give it as --chords-from"),
    "a recording as a melody": (["--melody", "beat.wav", *OUT], "give it as --melody-from"),
    "a recording as requests": (["--request", "beat.wav", *OUT], "give it as --from if"),
    "MIDI as chords": (["--chords", "tune.mid", *OUT], "as --drums or --melody or --chart"),
    "MIDI as a recording": (["--melody-from", "tune.mid", *OUT], "or --melody"),
    "MIDI as a song": (["--drums-from", "tune.mid", *OUT], "or --melody"),
    "MIDI as a take": (["--from", "tune.mid", *OUT], "or --melody"),
    "chords as a melody": (["--melody", "song.lab", *OUT], "give it as --chords"),
    "chords as drums": (["--drums", "song.lab", *OUT], "give it as --chords"),
    "chords as a recording": (["--chords-from", "song.lab", *OUT], "give it as --chords"),
    "a matrix as drums": (["--drums", "roll.npy", *OUT], "give it as --melody"),
    "requests as a take": (["--from", "types.jsonl", *OUT], "give it as --request"),
    "requests as chords": (["--chords", "types.jsonl", *OUT], "give it as --request"),
    "a file as the text": (["beat.wav", *OUT], "is the name of a file, a recording"),
    "requests with a wrong option": (["--request", "wrong.jsonl", *OUT], "give it as melody_from"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[str]]]:
    folder: Path = tmp_path_factory.mktemp("wrong")
    for name in ("beat.wav", "tune.mid", "song.lab", "roll.npy"):
        (folder / name).write_bytes(b"whatever")
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    (folder / "song.json").write_text(json.dumps({"text": "a"}))
    (folder / "broken.json").write_text("{text: a}")
    (folder / "unknown.jsonl").write_text(json.dumps({"text": "a", "tempo": 3}))
    (folder / "types.jsonl").write_text(json.dumps({"text": 5}))
    (folder / "wrong.jsonl").write_text(json.dumps({"melody": "beat.wav"}))
    before = sorted(folder.rglob("*"))
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        input=json.dumps([arguments for arguments, _ in WRONG.values()]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(folder.rglob("*")) == before
    return dict(zip(WRONG, map(json.loads, result.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_without_torch(
    name: str, told: dict[str, tuple[int, str, list[str]]]
) -> None:
    code, line, heavy = told[name]
    assert WRONG[name][1] in line
    assert code in (1, 2) and line.startswith("jasco-generate: error: ")
    assert heavy == []


@pytest.mark.parametrize("arguments", [["--help"], ["a", "--drums", "away.wav", "-o", "a.wav"]])
def test_an_answer_takes_less_than_two_seconds(arguments: list[str], tmp_path: Path) -> None:
    """Measured: .12 s on an idle machine; the import of torch alone takes 2 to 5."""
    command = [Path(sys.executable).with_name("jasco-generate"), *arguments]
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, cwd=tmp_path, capture_output=True)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 2


def test_chords_are_read_without_torch() -> None:
    program = (
        f"import sys; from jasco import ChordProgression; "
        f"ChordProgression.parse({CHORDS!r}, bpm=96); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
