"""``jasco-generate --server``: the files of a server, and errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from servers import Running

from jasco.audio import read_recipe
from jasco.cli.generate import main

SHORT = ["a", "--duration", "0.5", "--steps", "2", "--solver", "euler"]


def test_takes_come_from_the_server(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--seed", "3", "--samples", "2", "--drums", "sample:beat.ogg"]
    song = str(tmp_path / "new" / "a.wav")
    assert main([*SHORT, *options, "--server", server.url, "-o", song]) == 0
    assert "seed 3, 0.50 s" in capsys.readouterr().out
    paths = [tmp_path / "new" / f"a-{number}.wav" for number in (1, 2)]
    assert [read_recipe(path)["seed"] for path in paths] == [3, 4]
    assert all(len(soundfile.read(path)[0]) == 16000 for path in paths)
    assert not server.files()


def test_files_of_requests_are_sent(server: Running, tmp_path: Path) -> None:
    (tmp_path / "song.lab").write_text("0 0.25 C:maj\n0.25 0.5 A:min\n")
    take = tmp_path / "a.flac"
    assert main([*SHORT, "--duration", "2", "--server", server.url, "-o", str(take)]) == 0
    base = {"text": "b", "steps": 2, "seed": 1}
    lines = [
        base | {"duration": 0.5, "chords": "song.lab", "output": "chords.flac"},
        base | {"edit": "a.flac", "seconds": "0.5:1", "output": "edit.flac"},
        base | {"duration": 0.5, "chords": [["C", 0], ["G", 0.25]], "output": "pairs.mp3"},
        base | {"duration": 1.5, "stream": True, "output": "stream.wav"},
    ]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert main(["--request", str(tmp_path / "all.jsonl"), "--server", server.url]) == 0
    assert len(read_recipe(tmp_path / "chords.flac")["conditions"]["chords"]) == 2
    assert read_recipe(tmp_path / "edit.flac")["song"]["source"]["path"] == "a.flac"
    assert len(soundfile.read(tmp_path / "stream.wav")[0]) == 48000
    assert (tmp_path / "pairs.mp3").is_file()


def test_a_refusal_is_one_line(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--server", server.url, "-o", str(tmp_path / "a.flac")]
    assert main(["a", "--duration", "30", *out]) == 1
    assert "this server allows at most 20" in capsys.readouterr().err
    for option in (["--best-of", "2"], ["--model", "demo"], ["--check"]):
        assert main([*SHORT, *option, *out]) == 1
        assert f"leave out {option[0]}" in capsys.readouterr().err
    assert main([*SHORT, "--server", "http://localhost.invalid:1", "-o", out[-1]]) == 1
    assert "cannot reach http://localhost.invalid:1" in capsys.readouterr().err
    assert main([*SHORT, "--server", "here", "-o", out[-1]]) == 1
    assert "give a URL" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
