"""Ray on this machine: the files of one process, also where a worker is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

KILLED = '''
import os
import signal
from pathlib import Path

from jasco.pipeline.many import TakesPass


class KilledPass(TakesPass):
    """Pass whose process is killed at its third batch, once."""

    def _work(self, model, checker, adapters, job):
        killed = Path("killed")
        if job.number == 2 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._work(model, checker, adapters, job)
'''


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "killed_pass.py").write_text(KILLED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    import killed_pass

    monkeypatch.setattr("jasco.pipeline.many.TakesPass", killed_pass.KilledPass)


def test_many_requests_on_ray(play: Callable[..., int], things: Path, killed: None) -> None:
    rows = [
        {"text": f"song {n}", "seed": n, "duration": 0.3 + 0.1 * (n // 3), "steps": 1}
        for n in range(8)
    ]
    rows[3]["drums"] = "beat.wav"
    (things / "big.jsonl").write_text("\n".join(map(json.dumps, rows)))
    many = ["--request", "things/big.jsonl", "--threads", "1"]
    assert play(*many, "-o", "one/a.flac") == 0
    ray = [*many, "-o", "ray/a.flac", "executor=ray", "executor.workers=2"]
    assert play(*ray) == 0
    assert Path("killed").exists()
    one, other = ({p.name: p.read_bytes() for p in Path(f).iterdir()} for f in ("one", "ray"))
    assert one == other and len(one) == 8


def test_options_that_belong_to_the_executor(
    play: Callable[..., int], things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (things / "a.jsonl").write_text('{"text": "a", "stream": true, "output": "a.wav"}')
    asked = ["--request", "things/a.jsonl"]
    assert play("a", "-o", "a.wav", "executor=ray") == 1
    assert "give --request FILE" in capsys.readouterr().err
    assert play(*asked, "--executor-workers", "2") == 2
    assert play(*asked, "executor=spark") == 2
    assert "invalid choice: 'spark'" in capsys.readouterr().err
    assert play(*asked, "--executor", "ray") == 1
    assert "--executor has no part for --stream" in capsys.readouterr().err
