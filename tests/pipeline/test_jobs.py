"""Jobs: a step at a time, and ended where they are closed."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
import soundfile
import torch

from jasco import Jasco
from jasco.errors import AudioError
from jasco.pipeline.events import Saved, Streamed
from jasco.pipeline.jobs import Sound, Step, run_job
from jasco.pipeline.plan import Plan
from jasco.pipeline.request import Request
from jasco.pipeline.takes import Reader


def job(model: Jasco, **values: object):
    base = {"text": "a", "steps": 4, "solver": "euler", "duration": 0.5, "seed": 3}
    plan = Plan([Request.build({**base, **values})])
    return run_job(plan, model, Reader(model, alone=True), batch_size=1)


def test_each_step_is_an_event(tiny: Jasco, tmp_path: Path) -> None:
    found = list(job(tiny, output=tmp_path / "a.wav", samples=2))
    steps = [(event.done, event.total) for event in found if isinstance(event, Step)]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)] * 2
    assert all(event.left >= 0 for event in found if isinstance(event, Step))
    first, _ = (event for event in found if isinstance(event, Saved))
    alone = tiny.generate("a", seed=3, steps=4, solver="euler", duration=0.5)
    plain = job(tiny, output=tmp_path / "b.wav", loudness="none")
    (saved,) = (event for event in plain if isinstance(event, Saved))
    assert torch.equal(saved.chosen.audio.samples, alone.audio[0])
    assert first.take.path.is_file()


def test_a_closed_job_ends_at_the_next_step(
    tiny: Jasco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluations = []
    forward = type(tiny.network).forward

    def counted(self, *args, **kwargs):
        evaluations.append(threading.current_thread())
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(tiny.network), "forward", counted)
    running = job(tiny, output=tmp_path / "a.wav", steps=100_000)
    assert next(running).done == 1
    running.close()
    assert len(evaluations) < 100_000
    assert not evaluations[0].is_alive()
    assert not list(tmp_path.iterdir())


def test_a_stream_comes_in_pieces(tiny: Jasco) -> None:
    found = list(job(tiny, output="-", stream=True, duration=2.0))
    sound = b"".join(event.data for event in found if isinstance(event, Sound))
    kinds = [type(event) for event in found]
    assert kinds[0] is Step and kinds[-1] is Streamed and kinds.count(Sound) > 2
    audio, rate = soundfile.read(io.BytesIO(sound))
    assert len(audio) == 2 * rate


def test_an_error_ends_the_job(tiny: Jasco, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("no audio" * 100)
    with pytest.raises(AudioError, match="broken.wav"):
        list(job(tiny, output=tmp_path / "a.wav", drums=str(tmp_path / "broken.wav")))
