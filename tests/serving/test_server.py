"""A server on loopback: takes, streams, jobs, load, and what clients and workers do to it."""

from __future__ import annotations

import base64
import io
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from servers import Running, running

from jasco import ChordProgression, Conditions, Jasco
from jasco.audio import read_mark, read_recipe
from jasco.io.assets import sample

SHORT = {"text": "a", "duration": 0.5, "steps": 2, "solver": "euler"}
ENDLESS = SHORT | {"steps": 100_000, "wait": False}


def samples(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data))[0]


def settled(server: Running) -> bool:
    """No file of a request is left, at the latest after some seconds."""
    end = time.monotonic() + 30
    while server.files() and time.monotonic() < end:
        time.sleep(0.02)
    return not server.files()


def test_a_take_is_that_of_the_model(server: Running, model: Jasco, tmp_path: Path) -> None:
    chords = {"chords": "C Am | F Csus4", "bpm": 240}
    answer = server.generate(**SHORT, **chords, seed=3, loudness="none", format="wav")
    assert answer.status_code == 200 and answer.headers["content-type"] == "audio/wav"
    (tmp_path / "a.wav").write_bytes(answer.content)
    assert answer.headers["x-jasco-seed"] == "3"
    recipe = read_recipe(tmp_path / "a.wav")
    assert recipe["conditions"]["chords"] and read_mark(tmp_path / "a.wav")
    clip = Conditions("a", chords=ChordProgression.parse("C Am | F Csus4", bpm=240))
    alone = model.generate(clip, seed=3, steps=2, solver="euler", duration=0.5)
    assert recipe["conditions"] == alone.recipe[0]["conditions"]
    alone.save(tmp_path / "b.wav", loudness=None)
    assert np.array_equal(*(soundfile.read(tmp_path / f"{name}.wav")[0] for name in "ab"))
    assert settled(server)


def test_files_come_as_parts_or_in_base64(server: Running) -> None:
    beat, tune = sample("beat.ogg"), sample("tune.mid")
    form = {"drums": ("beat.ogg", beat.read_bytes()), "melody": ("t.mid", tune.read_bytes())}
    text = '{"text": "a", "duration": 1, "steps": 2, "seed": 5}'
    parts = server.client.post("/v1/generate", data={"request": text}, files=form)
    encoded = {
        key: {"name": name, "base64": base64.b64encode(data).decode()}
        for key, (name, data) in form.items()
    }
    named = {"drums": "sample:beat.ogg", "melody": "sample:tune.mid"}
    for files in (encoded, named):
        answer = server.generate(text="a", duration=1, steps=2, seed=5, **files)
        assert answer.status_code == parts.status_code == 200
        assert np.array_equal(samples(answer.content), samples(parts.content))
    plain = server.generate(text="a", duration=1, steps=2, seed=5)
    assert not np.array_equal(samples(plain.content), samples(parts.content))
    assert settled(server)


def test_an_edit_keeps_the_rest_of_the_take(server: Running, tmp_path: Path) -> None:
    take = server.generate(text="a", duration=4, steps=2, seed=5, format="flac")
    parts = {"edit": ("mine.flac", take.content)}
    text = '{"text": "b", "seconds": "1:2", "steps": 2}'
    answer = server.client.post("/v1/generate", data={"request": text}, files=parts)
    assert answer.status_code == 200, answer.text
    before, after = samples(take.content), samples(answer.content)
    rate = 32000
    assert np.array_equal(before[2 * rate + 1600 :], after[2 * rate + 1600 :])
    assert not np.array_equal(before[rate : 2 * rate], after[rate : 2 * rate])
    (tmp_path / "b.flac").write_bytes(answer.content)
    recipe = read_recipe(tmp_path / "b.flac")
    assert recipe["song"]["source"]["path"] == "mine.flac"
    assert settled(server)


def test_a_stream_comes_in_pieces(server: Running) -> None:
    body = SHORT | {"stream": True, "duration": 3, "seed": 1}
    with server.client.stream("POST", "/v1/generate", json=body) as answer:
        assert answer.status_code == 200
        pieces = list(answer.iter_raw())
    assert len(samples(b"".join(pieces))) == 3 * 32000
    assert server.generate(**SHORT, stream=True, chords="Q").status_code == 422


def test_a_job_has_progress_and_a_result(server: Running) -> None:
    answer = server.generate(**SHORT, wait=False, seed=9, chords="Csus4", bpm=120)
    assert answer.status_code == 202
    place = answer.headers["location"]
    state = server.wait(answer.json()["id"], "done")
    assert state["steps"] == state["step"] == 2 and state["seed"] == 9
    assert any("Csus4 -> C" in line for line in state["notes"])
    sound = server.client.get(f"{place}/audio")
    assert np.array_equal(
        samples(sound.content),
        samples(server.generate(**SHORT, seed=9, chords="Csus4", bpm=120).content),
    )
    assert server.client.delete(place).status_code == 200
    assert server.client.get(place).status_code == 404
    assert settled(server)


def test_a_cancelled_job_frees_the_worker(server: Running) -> None:
    running, waiting = (server.generate(**ENDLESS).json()["id"] for _ in range(2))
    other = server.generate(**ENDLESS | {"text": "other"}).json()["id"]
    server.wait(running, "running", step=1)
    assert server.client.get(f"/v1/jobs/{running}/audio").status_code == 409
    for id in (other, waiting, running):
        assert server.client.delete(f"/v1/jobs/{id}").json()["status"] == "cancelled"
    assert server.generate(**SHORT).status_code == 200
    assert settled(server)


def test_a_client_that_leaves_is_not_computed_for(server: Running) -> None:
    for stream in (False, True):
        with pytest.raises(httpx.ReadTimeout):
            server.client.post(
                "/v1/generate",
                json=ENDLESS | {"wait": True, "stream": stream, "duration": 2},
                timeout=httpx.Timeout(30, read=1.0),
            )
    assert server.generate(**SHORT).status_code == 200
    assert settled(server)


def test_a_slow_client_keeps_nobody_waiting(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n")
        assert server.generate(**SHORT).status_code == 200
        slow.sendall(b"Content-Type: application/json\r\n\r\n{")
        assert server.generate(**SHORT).status_code == 200


def test_load_is_answered_within_the_queue(server: Running, model: Jasco) -> None:
    refused: list[str] = []

    def ask(client: int) -> list[tuple[int, bytes]]:
        found = []
        for number in range(3):
            seed = 10 * client + number
            settings = {"text": "ab"[client % 2], "seed": seed, "loudness": "none"}
            settings |= {"duration": (0.5, 0.7)[number % 2], "guidance": 1.0 + client % 3}
            while (answer := server.generate(**SHORT | settings)).status_code == 429:
                refused.append(answer.headers["retry-after"])
                time.sleep(0.05)
            assert answer.status_code == 200, answer.text
            found.append((settings, answer.content))
        return found

    with ThreadPoolExecutor(8) as pool:
        answers = [pair for own in pool.map(ask, range(8)) for pair in own]
    assert len(answers) == 24 and all(int(seconds) >= 1 for seconds in refused)
    for settings, data in answers[::5]:
        settings.pop("loudness")
        alone = model.generate(settings.pop("text"), **settings, steps=2, solver="euler")
        expected = alone.audio[0, 0].numpy()
        assert np.std(samples(data) - expected) < 0.01 * np.std(expected)
    assert settled(server)


def test_a_full_queue_says_when_to_come_back(server: Running) -> None:
    jobs = [server.generate(**ENDLESS).json()["id"]]
    server.wait(jobs[0], "running")
    jobs += [server.generate(**ENDLESS | {"duration": 0.6}).json()["id"] for _ in range(6)]
    answer = server.generate(**SHORT)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
    assert server.job(jobs[-1])["position"] == 5
    for id in reversed(jobs):
        server.client.delete(f"/v1/jobs/{id}")
    assert server.generate(**SHORT).status_code == 200


def test_models_health_and_counters(server: Running, model: Jasco) -> None:
    assert server.client.get("/health").json() == {"status": "ok"}
    (found,) = server.client.get("/v1/models").json()["models"]
    assert found["controls"] == list(model.controls) and found["sample_rate"] == model.sample_rate
    assert found["name"] == "tiny"
    server.generate(**SHORT)
    text = server.client.get("/metrics").text
    assert (
        'jasco_jobs_total{status="done"}' in text and 'jasco_responses_total{status="200"}' in text
    )


def test_killed_processes_cost_no_answer(server: Running) -> None:
    reader, worker = server.children()
    os.kill(reader, signal.SIGKILL)
    id = server.generate(**ENDLESS).json()["id"]
    server.wait(id, "running", step=1)
    os.kill(worker, signal.SIGKILL)
    short = server.generate(**SHORT, wait=False).json()["id"]
    second = new_child(server, worker, reader)
    server.wait(id, "running", step=1)
    os.kill(second, signal.SIGKILL)
    assert "died, twice" in server.wait(id, "failed")["error"]
    assert server.wait(short, "done")["seed"] >= 0
    assert "jasco_worker_restarts_total 2.0" in server.client.get("/metrics").text
    server.client.delete(f"/v1/jobs/{short}")
    assert settled(server)


def new_child(server: Running, worker: int, reader: int) -> int:
    """Worker in place of the one that was killed; the reader was restarted before it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        *_, last = server.children()
        if worker not in server.children() and len(server.children()) == 2:
            return last
        time.sleep(0.02)
    raise AssertionError(server.children())


def test_a_signal_lets_what_runs_finish_and_no_file_is_left(
    tiny_folder: Path, tmp_path: Path
) -> None:
    options = ["--model", str(tiny_folder), "--device", "cpu", "--max-steps", "100000"]
    (tmp_path / "temporary" / "jasco-serve-killed" / "reader").mkdir(parents=True)
    with running(tmp_path, *options) as server, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.generate, **SHORT | {"steps": 500})
        while "jasco_batch_count 1.0" not in httpx.get(f"{server.url}/metrics").text:
            time.sleep(0.02)
        assert server.stop() == 0
        assert answer.result().status_code == 200
        assert len(samples(answer.result().content)) == 16000
        assert not list(server.temporary.iterdir())
