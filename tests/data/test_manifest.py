from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from jasco.data.manifest import Recording, read_manifest, scan_folder, write_manifest
from jasco.errors import DataError


def write(path: Path, *lines: object) -> Path:
    text = "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines)
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_manifest_and_fields_are_kept(tmp_path):
    lines = [{"path": "a.wav", "text": "calm", "bpm": 90}, "", {"path": str(tmp_path / "b.wav")}]
    found = read_manifest(write(tmp_path / "songs.jsonl", *lines))
    assert found == [
        Recording(tmp_path / "a.wav", {"text": "calm", "bpm": 90}),
        Recording(tmp_path / "b.wav"),
    ]


def test_the_originals_manifest_and_the_json_beside_a_track(tmp_path, monkeypatch):
    """Its paths are relative to the working directory, its open fields are null."""
    folder = tmp_path / "dataset" / "example"
    folder.mkdir(parents=True)
    (folder / "electro_1.mp3").touch()
    write(folder / "electro_1.json", {"description": "an electro song", "bpm": 120, "name": "One"})
    line = {"path": "dataset/example/electro_1.mp3", "duration": 15.0, "sample_rate": 44100}
    line |= {"amplitude": None, "weight": None, "info_path": None, "bpm": None}
    egs = tmp_path / "egs"
    egs.mkdir()
    with gzip.open(egs / "data.jsonl.gz", "wt") as file:
        file.write(json.dumps(line) + "\n")
    monkeypatch.chdir(tmp_path)
    (found,) = read_manifest("egs/data.jsonl.gz")
    assert found.path == folder / "electro_1.mp3"
    assert found.fields["description"] == "an electro song"
    assert found.fields["bpm"] == 120 and found.fields["duration"] == 15.0
    assert found.fields["weight"] is None and found.problem is None


def test_the_manifest_goes_before_the_json_beside(tmp_path):
    write(tmp_path / "a.json", {"description": "old", "path": "elsewhere.wav"})
    (found,) = read_manifest(write(tmp_path / "m.jsonl", {"path": "a.wav", "description": "new"}))
    assert found == Recording(tmp_path / "a.wav", {"description": "new"})


def test_a_broken_json_beside_costs_its_track_only(tmp_path):
    write(tmp_path / "a.json", "{broken")
    lines = {"path": "a.wav"}, {"path": "b.wav"}
    bad, good = read_manifest(write(tmp_path / "m.jsonl", *lines))
    assert bad.problem is not None and "a.json" in bad.problem and good.problem is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"path": "a.wav"}', "oops"], "line 2 is no JSON object"),
        (["[1]"], "line 1 is no JSON object but a list"),
        (['{"text": "calm"}'], 'line 1 has no "path"'),
        (['{"path": 3}'], 'line 1 has no "path"'),
        (['{"path": "a.wav", "x": NaN}'], "NaN is no JSON"),
        (["", "  "], "holds no recording"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        read_manifest(write(tmp_path / "m.jsonl", *lines))


def test_a_manifest_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_manifest(tmp_path / "absent.jsonl")
    (tmp_path / "m.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        read_manifest(tmp_path / "m.jsonl")
    (tmp_path / "m.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(DataError, match="cannot read"):
        read_manifest(tmp_path / "m.jsonl.gz")


def test_a_folder_makes_a_manifest(tmp_path):
    (tmp_path / "music" / "b").mkdir(parents=True)
    for name in ("b/x.wav", "a.FLAC", "a.txt", "ü\u2028.mp3"):
        (tmp_path / "music" / name).touch()
    (tmp_path / "music" / "folder.wav").mkdir()
    found = scan_folder(tmp_path / "music", probe=lambda path: {"size": path.stat().st_size})
    names = [r.path.relative_to(tmp_path / "music").as_posix() for r in found]
    assert names == ["a.FLAC", "b/x.wav", "folder.wav", "ü\u2028.mp3"]
    assert found[0].fields == {"size": 0}
    write_manifest(tmp_path / "made.jsonl", found)
    assert read_manifest(tmp_path / "made.jsonl") == found
    with pytest.raises(DataError, match="no audio files"):
        scan_folder(tmp_path / "music" / "folder.wav")
    with pytest.raises(DataError, match="is no folder"):
        scan_folder(tmp_path / "absent")
