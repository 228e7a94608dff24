"""Files of many requests: early first take, constant memory, isolated errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from jasco import load_audio
from jasco.audio import read_recipe
from jasco.errors import SettingError
from jasco.pipeline.plan import MAX_TAKES, Plan
from jasco.pipeline.request import MAX_BEST_OF, MAX_SAMPLES, Request

from .conftest import CHORDS

Play = Callable[..., int]


def write_requests(path: Path, count: int, **values: object) -> None:
    request = {"chords": CHORDS, "bpm": 96, "duration": 0.2, "steps": 1, **values}
    lines = (json.dumps({"text": f"song {n}", "seed": n, **request}) for n in range(count))
    path.write_text("\n".join(lines))


# Peak memory when the first take is there (MB), and how long after the model that is (s).
FIRST = """
import json, sys, time
from jasco.cli import generate
from jasco.pipeline import takes
from memory import peak

reader = takes.Reader.read
def read(self, requests):
    global loaded
    loaded = time.perf_counter()
    takes.Reader.read = reader
    return reader(self, requests)
takes.Reader.read = read

save, made = takes.save_audio, 0
def save_audio(*args, **kwargs):
    global made
    save(*args, **kwargs)
    made += 1
    if made == 20:
        began = loaded - started
        print(json.dumps({"peak": peak() / 1e6, "began": began, "made": made}), flush=True)
        raise KeyboardInterrupt
takes.save_audio = save_audio
started = time.perf_counter()
sys.exit(generate.main(sys.argv[1:]))
"""


def first_takes(folder: Path, count: int, on: list[str], drums: Path) -> dict[str, float]:
    """Figures of a run over ``count`` requests that ends after 20 takes."""
    write_requests(folder / f"{count}.jsonl", count, drums=str(drums))
    command = [sys.executable, "-c", FIRST, *on, "--request", f"{count}.jsonl", "-o", "a.wav"]
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 130, result.stderr
    figures: dict[str, float] = next(
        json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")
    )
    return figures


def test_many_requests_cost_no_more_memory_than_few(
    tmp_path: Path, things: Path, on_tiny: list[str]
) -> None:
    few, many = (first_takes(tmp_path, count, on_tiny, things / "beat.wav") for count in (20, 3000))
    assert few["made"] == many["made"] == 20
    # Measured: 7 kB a request.
    assert many["peak"] - few["peak"] < 60, (few, many)
    # Measured: .5 ms a request; the rest is the import and the model.
    assert many["began"] - few["began"] < 30, (few, many)


def test_a_request_that_cannot_be_read_costs_only_itself(
    play: Play, things: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (things / "broken.mid").write_bytes(b"MThd, but nothing else")
    (things / "broken.wav").write_text("no audio" * 100)
    requests = [
        {"melody": "broken.mid"},
        {"text": "one", "seed": 1},
        {"drums": "broken.wav", "samples": 3},
        {"text": "word " * 2000},
        {"text": "two", "seed": 2},
    ]
    (things / "songs.jsonl").write_text("\n".join(map(json.dumps, requests)))
    for batch in ("1", "4"):
        folder = tmp_path / batch
        folder.mkdir()
        to = ["--request", "things/songs.jsonl", "--batch-size", batch, "-o", f"{batch}/a.wav"]
        assert play(*to) == 1
        shown = capsys.readouterr()
        told = [line for line in shown.err.splitlines() if "error" in line]
        assert len(told) == 4, shown.err
        for line, number in zip(told, (1, 3, 4), strict=False):
            assert line.startswith(f"error: things/songs.jsonl line {number}: ")
        assert told[-1].startswith("jasco-generate: error: 3 of 5 requests could not be read")
        made = sorted(path.name for path in folder.glob("*.wav"))
        assert made == ["a-2.wav", "a-7.wav"]
        assert [read_recipe(folder / name)["seed"] for name in made] == [1, 2]
        assert f"{batch}/a-2.wav: seed 1, " in shown.out


def test_the_only_request_fails_as_before(
    play: Play, things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (things / "broken.mid").write_bytes(b"MThd, but nothing else")
    (things / "song.jsonl").write_text(json.dumps({"melody": "broken.mid", "output": "a.wav"}))
    assert play("--request", "things/song.jsonl") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jasco-generate: error: things/song.jsonl line 1: ")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_seed_is_the_same_alone_and_among_others(play: Play, things: Path, dtype: str) -> None:
    base = ["a", "--chords", CHORDS, "--bpm", "96", "--drums", "things/beat.wav", "--dtype", dtype]
    base += ["--loudness", "none", "--duration", "2"]
    assert play(*base, "--seed", "7", "--samples", "3", "-o", "many.wav") == 0
    assert play(*base, "--seed", "8", "-o", "alone.wav") == 0
    assert torch.equal(load_audio("many-2.wav").samples, load_audio("alone.wav").samples)
    many, alone = read_recipe("many-2.wav"), read_recipe("alone.wav")
    assert many == alone and many["batch"] == 1 and many["threads"] == torch.get_num_threads()
    assert play("--from", "many-2.wav", "-o", "again.wav", on=["--yes"]) == 0
    assert torch.equal(load_audio("again.wav").samples, load_audio("alone.wav").samples)


def test_a_batch_is_told_and_recorded(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("a", "--seed", "7", "--samples", "2", "--batch-size", "2", "-o", "a.wav") == 0
    assert read_recipe("a-1.wav")["batch"] == 2
    assert capsys.readouterr().out.count("(batch of 2)") == 2
    assert play("--from", "a-1.wav", "-o", "b.wav", on=["--yes"]) == 0
    assert "made in a batch of 2, now alone: the take may differ" in capsys.readouterr().err


def test_threads_are_those_of_the_take(play: Play) -> None:
    before = torch.get_num_threads()
    try:
        assert play("a", "--threads", "2", "-o", "a.wav") == 0
        torch.set_num_threads(1)
        assert play("--from", "a.wav", "-o", "b.wav", on=["--yes"]) == 0
        assert play("--from", "a.wav", "--threads", "1", "-o", "c.wav", on=["--yes"]) == 0
    finally:
        torch.set_num_threads(before)
    assert [read_recipe(f"{name}.wav")["threads"] for name in "abc"] == [2, 2, 1]


NUMBERS = {
    "samples of 10^10": ({"samples": 10**10}, f"at most {MAX_SAMPLES:,}"),
    "best of 10^10": ({"best_of": 10**10}, f"at most {MAX_BEST_OF:,}"),
    "steps of 30 digits": ({"steps": 10**29}, "at most 100,000"),
    "seed of 30 digits": ({"seed": 10**29}, "from 0 to"),
    "text of 1 MB": ({"text": "a" * 10**6}, "at most 20,000"),
    "duration of 400 digits": ({"duration": 10**400}, "duration is"),
    "guidance": ({"guidance": {"all": 1e30}}, "from -1000 to 1000"),
    "start of 400 digits": ({"start": 10**400}, "start is"),
    "bpm of 400 digits": ({"chords": "C | F", "bpm": 10**400}, "bpm"),
    "loudness": ({"loudness": -(10**400)}, "from -70 to 0"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_bounded_before_anything_is_made(name: str) -> None:
    values, says = NUMBERS[name]
    started = time.perf_counter()
    with pytest.raises((SettingError, ValueError), match=says) as caught:
        Request.build({"text": "a", "output": "a.wav", **values}, "line 1")
    assert isinstance(caught.value, SettingError) and len(str(caught.value)) < 300
    assert time.perf_counter() - started < 1


def test_takes_are_bounded_in_all(tmp_path: Path) -> None:
    many = Request.build({"text": "a", "samples": MAX_SAMPLES, "output": tmp_path / "a.wav"})
    with pytest.raises(SettingError, match=f"at most {MAX_TAKES:,}"):
        Plan([many] * (MAX_TAKES // MAX_SAMPLES + 1))


@pytest.mark.parametrize("option", ["--batch-size", "--threads"])
@pytest.mark.parametrize("value", ["0", "-1", str(10**10), "9" * 30])
def test_options_are_bounded(
    option: str, value: str, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("a", option, value, "-o", "a.wav") == 2
    assert "give at least 1, at most " in capsys.readouterr().err
