"""``jasco-judge``: ceiling, floor and errors on renders of the band."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jasco.audio import save_audio
from jasco.band.compose import compose_song
from jasco.band.render import render_song
from jasco.cli.judge import main
from jasco.errors import DataError
from jasco.evaluation.judge_requests import BUNDLED, JudgeRequest, read_requests
from jasco.io.assets import asset
from jasco.io.jsonl import read_lines

COUNT = 4
MAIN = ("chords.majmin", "drums.f1", "melody.pitch_class", "tempo.accuracy2")

Judge = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Requests of the band that ask for everything."""
    every = [row for _, row in read_lines(asset("judge/requests.jsonl"))]
    return [row for row in every if {"chords", "drums", "melody"} <= row.keys()][:COUNT]


@pytest.fixture(scope="module")
def renders(soundfont: Path, rows: list[dict[str, Any]], tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("renders")
    for row in rows:
        song = compose_song(row["song"], row["duration"])
        save_audio(folder / f"{row['id']}.flac", *render_song(song).mix, loudness=None)
    return folder


@pytest.fixture
def judge(tmp_path: Path, rows: list[dict[str, Any]], capsys) -> Judge:
    """The command line on a folder: its report, with what was printed."""
    requests = tmp_path / "requests.jsonl"
    requests.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def call(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert main([str(requests), str(folder), f"report={tmp_path / 'report'}", *words]) == code
        said = capsys.readouterr()
        if code:
            return {"error": said.err}
        report = json.loads((tmp_path / "report/report.json").read_text())
        return report | {"said": said.out}

    return call


def mean(report: dict[str, Any], name: str, kind: str = "scores") -> float:
    return report[kind]["audio"][name]["mean"]


def write(folder: Path, rows: list[dict[str, Any]], samples: Callable[[int], torch.Tensor]) -> Path:
    """Folder of one recording of ten seconds for each request."""
    folder.mkdir()
    for number, row in enumerate(rows):
        save_audio(folder / f"{row['id']}.wav", samples(number), 32000, loudness=None)
    return folder


def test_renders_reach_the_ceiling_and_shuffled_ones_the_floor(
    judge: Judge, renders: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    report = judge(renders, f"references={renders}")
    for name in MAIN:
        assert mean(report, name) >= {"chords.majmin": 0.6, "drums.f1": 0.6}.get(name, 0.45)
        assert mean(report, name) >= mean(report, name, "shuffled") + 0.2
        assert report["scores"]["ceiling"][name] == report["scores"]["audio"][name]
        assert name in report["said"]
    ids = [row["id"] for row in rows]
    moved = tmp_path / "moved"
    moved.mkdir()
    for own, other in zip(ids, ids[1:] + ids[:1], strict=True):
        (moved / f"{own}.flac").write_bytes((renders / f"{other}.flac").read_bytes())
    shuffled = judge(moved)
    for name in MAIN[:3]:
        assert mean(shuffled, name) < mean(report, name) - 0.2


def test_silence_and_noise_reach_the_floor(
    judge: Judge, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(0)
    silence = write(tmp_path / "silence", rows, lambda n: torch.zeros(1, 320000))
    noise = write(
        tmp_path / "noise", rows, lambda n: 0.1 * torch.randn(1, 320000, generator=generator)
    )
    silent, noisy = map(judge, (silence, noise))
    for report in (silent, noisy):
        for name in ("chords.majmin", "drums.f1", "melody.pitch_class"):
            assert mean(report, name) <= 0.3
            assert mean(report, name) <= mean(report, name, "shuffled") + 0.15
    assert mean(silent, "key.weighted") == 0


def test_the_same_files_give_the_same_bytes(judge: Judge, renders: Path, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        judge(renders, "partial=true")
        report = tmp_path / "report"
        found.append([(report / f"report.{kind}").read_bytes() for kind in ("json", "html")])
    assert found[0] == found[1]
    assert b"http" not in found[0][1].replace(b"http-equiv", b"")


def test_a_missing_file_is_named_and_may_be_left_out(
    judge: Judge, renders: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    some = tmp_path / "some"
    some.mkdir()
    for row in rows[:3]:
        (some / f"{row['id']}.flac").write_bytes((renders / f"{row['id']}.flac").read_bytes())
    error = judge(some, code=1)["error"]
    assert f"0 files for the request '{rows[3]['id']}'" in error and "partial=true" in error
    assert judge(some, "partial=true")["frozen"]["requests"] == 3
    assert "'loud=1': give report=" in judge(some, "loud=1", code=1)["error"]
    assert "is no folder" in judge(tmp_path / "away", code=1)["error"]
    assert "'crema' of chords: give" in judge(some, "chords=crema", code=1)["error"]


def test_the_requests_of_the_band_are_those_of_its_songs() -> None:
    """Where the band changes, the requests stay: they are fixed, and state their own notes."""
    requests = read_requests(BUNDLED)
    assert len(requests) == 200 and len({request.id for request in requests}) == 200
    assert all(request.chords is not None and request.tempo for request in requests)
    assert sum(request.melody is not None for request in requests) > 100
    assert sum(request.drums is not None for request in requests) > 100
    assert asset("judge/requests.jsonl").stat().st_size < 300_000


@pytest.mark.parametrize(
    "row, words",
    [
        ({"id": "../a"}, "id is '../a'"),
        ({"duration": 0}, "duration is 0: give seconds"),
        ({"drums": [1, "a"]}, "drums is [1, 'a']: give a list of onset times"),
        ({"key": "H major"}, "key is 'H major': give a key such as"),
        ({"tempo": math.inf}, "tempo is inf: give beats per minute"),
        ({"mood": "sad"}, "unknown key 'mood': give some of id"),
        ({"chords": None}, "nothing to judge"),
        ({"chords": "C:0 Hm:2"}, "Hm"),
        ({"melody": [[60, 1, 0]]}, "note"),
    ],
)
def test_a_wrong_request_is_an_error(row: dict[str, Any], words: str) -> None:
    whole = {"id": "a", "duration": 4, "chords": "C:0 Am:2"}
    assert JudgeRequest.of(whole).chords is not None
    with pytest.raises(Exception) as caught:
        JudgeRequest.of(whole | row)
    assert words in str(caught.value)


def test_one_request_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "duration": 4, "tempo": 96}\n')
    with pytest.raises(DataError, match="holds 1 requests: give 2"):
        read_requests(path)
    path.write_text('{"id": "a", "duration": 4, "tempo": 96}\n' * 2)
    with pytest.raises(DataError, match="line 2: id 'a' comes twice"):
        read_requests(path)


def test_a_request_of_another_length_is_compared_over_the_length_of_the_file(
    tmp_path: Path, renders: Path, rows: list[dict[str, Any]], judge: Judge
) -> None:
    """Requests of several lengths are paired for the floor."""
    rows[1]["duration"], whole = 6.0, rows[1]["duration"]
    try:
        path = tmp_path / "requests.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        report = judge(renders)
    finally:
        rows[1]["duration"] = whole
    assert mean(report, "chords.majmin") >= 0.6
    assert np.isfinite(mean(report, "melody.pitch_class", "shuffled"))
