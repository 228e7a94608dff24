"""``scripts/draw_curves.py``: losses of a run that was stopped, in order."""

from __future__ import annotations

import numpy as np
import pytest
from programs import load_script


@pytest.fixture
def run(tmp_path):
    for version, (first, last) in enumerate([(0, 60), (60, 100)]):
        folder = tmp_path / "run" / "logs" / f"version_{version}"
        folder.mkdir(parents=True)
        lines = ["step,train/loss,val/loss"]
        lines += [
            f"{step},{100.0 - step},{'' if step % 10 else 1.0}" for step in range(first, last)
        ]
        (folder / "metrics.csv").write_text("\n".join(lines))
    return tmp_path / "run"


def test_the_losses_of_all_logs_of_a_run(run, tmp_path, capsys):
    script = load_script("draw_curves")
    losses = script.read_losses(run)
    assert list(losses) == ["loss"]
    steps, values = script.smooth(*losses["loss"])
    assert len(steps) == script.POINTS and np.allclose(values, 100 - steps)
    picture = tmp_path / "curves.png"
    assert script.main([str(run), "-o", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(SystemExit, match="no logs"):
        load_script("draw_curves").main([str(tmp_path)])
