"""Takes of requests without a command line: events, and what is computed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco import ABM2, Conditions, Jasco, load_audio
from jasco.audio import read_recipe
from jasco.codec import EnCodec
from jasco.errors import AudioError, ConditionError
from jasco.pipeline.check import Checker
from jasco.pipeline.events import Drawn, Event, Failure, Note, Saved
from jasco.pipeline.plan import Plan, groups
from jasco.pipeline.reading import check_fit
from jasco.pipeline.request import Request
from jasco.pipeline.takes import Reader, make_takes
from jasco.t5 import T5Encoder

RATE = 32000


@pytest.fixture
def beat(tmp_path: Path) -> Path:
    """Two seconds of a pulse of noise."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * RATE)
    noise *= np.arange(2 * RATE) % (RATE // 4) < RATE // 40
    soundfile.write(tmp_path / "beat.wav", noise, RATE)
    return tmp_path / "beat.wav"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Batch sizes of every call of the text encoder, and of the codec for drums."""
    found: dict[str, list[int]] = {"text": [], "drums": []}
    forward, codes = T5Encoder.forward, EnCodec.coarse_codes

    def encode(self: T5Encoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        found["text"].append(len(ids))
        return forward(self, ids, mask)

    def coarse_codes(self: EnCodec, wav: torch.Tensor) -> torch.Tensor:
        found["drums"].append(len(wav))
        return codes(self, wav)

    monkeypatch.setattr(T5Encoder, "forward", encode)
    monkeypatch.setattr(EnCodec, "coarse_codes", coarse_codes)
    return found


def events(model: Jasco, *requests: Request, batch_size: int = 1, check: bool = False) -> list:
    plan = Plan(requests, check=check)
    check_fit(requests, model)
    reader = Reader(model, alone=len(requests) == 1)
    checker = Checker(plan.checked, model.device) if plan.checked else None
    return list(make_takes(plan, model, reader, batch_size=batch_size, checker=checker))


def request(folder: Path, label: str | None = None, **values: object) -> Request:
    base = {"text": "a", "steps": 1, "duration": 0.5, "seed": 3, "output": folder / "a.wav"}
    return Request.build({**base, **values}, label)


def of(kind: type, found: list[Event]) -> Iterator[object]:
    return (event for event in found if isinstance(event, kind))


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_a_request_is_encoded_once(
    tiny: Jasco, beat: Path, tmp_path: Path, calls: dict[str, list[int]], batch_size: int
) -> None:
    first = request(tmp_path, drums=str(beat), samples=3)
    second = request(tmp_path, text="another", samples=2, best_of=2, drums=str(beat))
    found = events(tiny, first, second, batch_size=batch_size)
    assert calls == {"text": [1, 1], "drums": [1, 1]}
    assert [saved.take.path.name for saved in of(Saved, found)] == [
        f"a-{number}.wav" for number in range(1, 6)
    ]


def test_codes_of_drums_are_only_measured(
    tiny: Jasco, beat: Path, tmp_path: Path, calls: dict[str, list[int]]
) -> None:
    frames = tiny.num_frames(0.5)
    coded = tiny.with_codes(Conditions(drums=load_audio(beat)), frames).drums
    calls["drums"].clear()
    assert len(events(tiny, request(tmp_path, drums=coded))) == 1
    assert calls == {"text": [1], "drums": []}
    with pytest.raises(ConditionError, match=f"{frames} drum codes given"):
        events(tiny, request(tmp_path, drums=coded, duration=1.0))
    assert calls == {"text": [1], "drums": []}


def test_takes_are_those_of_generate(tiny: Jasco, beat: Path, tmp_path: Path) -> None:
    (saved,) = of(Saved, events(tiny, request(tmp_path, drums=str(beat), loudness="none")))
    clip = Conditions("a", drums=load_audio(beat))
    out = tiny.generate(clip, seed=3, steps=1, duration=0.5)
    assert torch.equal(saved.chosen.audio.samples, out.audio[0])
    assert read_recipe(tmp_path / "a.wav") == out.recipe[0] | {"loudness": "none"}


def test_steps_alone_are_those_of_the_solver_of_the_model(
    tiny: Jasco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "solver", ABM2(9, shift=3.0))
    given = {"steps": {"steps": 2}, "shift": {"shift": 2}, "solver": {"solver": "heun", "steps": 1}}
    values = {"text": "a", "seed": 7, "duration": 0.5}
    requests = [
        Request.build(values | {"output": str(tmp_path / f"{name}.flac")} | settings)
        for name, settings in given.items()
    ]
    events(tiny, *requests, batch_size=3)
    found = {name: read_recipe(tmp_path / f"{name}.flac")["solver"] for name in given}
    assert found == {
        "steps": {"name": "abm2", "steps": 2, "shift": 3.0},
        "shift": {"name": "abm2", "steps": 9, "shift": 2.0},
        "solver": {"name": "heun", "steps": 1},
    }


def test_takes_of_near_lengths_run_together(tiny: Jasco, tmp_path: Path) -> None:
    lengths = (0.5, 0.52, 0.6, 0.64, 0.6)
    requests = [
        request(tmp_path, duration=length, seed=k, output=str(tmp_path / f"{k}.wav"))
        for k, length in enumerate(lengths)
    ]
    found = list(of(Saved, events(tiny, *requests, batch_size=4)))
    assert [saved.batch for saved in found] == [3, 3, 3, 2, 2]
    for one, saved in zip(requests, found, strict=True):
        (alone,) = of(Saved, events(tiny, one))
        assert saved.chosen.audio.duration == alone.chosen.audio.duration == one.duration
        assert np.allclose(*(x.chosen.audio.samples for x in (saved, alone)), atol=1e-4)


@pytest.mark.parametrize("sections", [None, [{"seconds": "0:0.2", "text": "b"}]])
def test_settings_and_lengths_part_batches(tmp_path: Path, sections: list | None) -> None:
    lengths = (0.5, 0.52, None, None, 0.6, 0.75, 0.76, 0.6)
    requests = [
        request(tmp_path, duration=length, sections=sections, output=f"{k}.wav")
        for k, length in enumerate(lengths)
    ]
    sizes = [len(group) for group in groups(Plan(requests))]
    assert sizes == ([2, 2, 2, 1, 1] if sections is None else [1, 1, 2, 1, 1, 1, 1])


def test_events_are_yielded_and_nothing_is_printed(
    tiny: Jasco, beat: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.wav").write_text("no audio" * 100)
    broken = request(tmp_path, "line 1", drums=str(tmp_path / "broken.wav"))
    fine = request(tmp_path, "line 2", drums=str(beat), chords=[["Csus4", 0.0]], samples=2)
    capsys.readouterr()
    found = events(tiny, broken, fine, check=True)
    assert capsys.readouterr() == ("", "")
    kinds = [type(event) for event in found if not str(event).startswith("not checked")]
    assert kinds == [Failure, Note, Note, Saved, Drawn, Saved, Drawn]
    (failure,) = of(Failure, found)
    assert failure.request is broken and "broken.wav" in str(failure.error)
    assert "line 2: chords: Csus4 -> C (dropped: sus4)" in map(str, of(Note, found))
    for number, saved in enumerate(of(Saved, found), 2):
        assert saved.chosen.seed == saved.take.seeds[0] == number + 1
        assert [*saved.seconds] == ["encode", "flow", "decode", "check", "save"]
        assert saved.scores == {saved.chosen.seed: saved.chosen.report.score}
        assert saved.take.path == tmp_path / f"a-{number}.wav" and saved.take.path.is_file()
    assert [event.path.name for event in of(Drawn, found)] == ["a-2.check.png", "a-3.check.png"]


def test_the_only_request_raises(tiny: Jasco, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("no audio" * 100)
    with pytest.raises(AudioError, match="broken.wav"):
        events(tiny, request(tmp_path, drums=str(tmp_path / "broken.wav")))
