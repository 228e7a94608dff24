"""``--adapter``, adapters of requests and recipes, and ``jasco-convert --merge``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch
from adapter_files import write

from jasco import Jasco
from jasco.audio import read_recipe
from jasco.cli import convert

Play = Callable[..., int]
ASKED = ["pop", "--duration", "1", "--seed", "4", "--loudness", "none"]


@pytest.fixture
def mine(tiny: Jasco, tmp_path: Path) -> Path:
    """Two adapters of the tiny model, ``a`` and ``b``; the first lies in the folder of a run."""
    write(tiny, tmp_path / "runs" / "a" / "adapter", 0)
    write(tiny, tmp_path / "b", 1)
    return tmp_path


def samples(name: str) -> torch.Tensor:
    return torch.from_numpy(soundfile.read(name)[0])


def test_a_recipe_names_its_adapters_and_makes_the_take_again(
    play: Play, mine: Path, tiny: Jasco, capsys: pytest.CaptureFixture[str]
) -> None:
    two = ["--adapter", "runs/a:0.8", "--adapter", "b"]
    assert play(*ASKED, "-o", "plain.wav") == play(*ASKED, *two, "-o", "one.wav") == 0
    adapters = read_recipe("one.wav")["adapters"]
    assert [(one["name"], one["scale"]) for one in adapters] == [("a", 0.8), ("b", 1.0)]
    assert "adapters" not in read_recipe("plain.wav")
    assert not torch.equal(samples("plain.wav"), samples("one.wav"))
    again = ["--device", "cpu", "--yes", "--from", "one.wav"]
    assert play(*again, "-o", "again.wav", on=[]) == 0
    assert torch.equal(samples("one.wav"), samples("again.wav"))
    assert play(*again, "--adapter", "none", "-o", "without.wav", on=[]) == 0
    assert torch.equal(samples("plain.wav"), samples("without.wav"))

    shutil.rmtree("b")
    write(tiny, mine / "b", 2)
    assert play(*again, "-o", "changed.wav", on=[]) == 1
    shutil.rmtree("b")
    assert play(*again, "-o", "missing.wav", on=[]) == 1
    changed, missing = capsys.readouterr().err.splitlines()[-2:]
    assert "which has changed" in changed and "give --adapter" in changed
    assert "is neither a folder" in missing or "which is not here" in missing
    assert not Path("changed.wav").exists() and not Path("missing.wav").exists()


def test_each_request_has_adapters_of_its_own(play: Play, mine: Path, tmp_path: Path) -> None:
    common = {"text": "pop", "duration": 1, "seed": 4, "loudness": "none"}
    folder = tmp_path / "requests"
    folder.mkdir()
    own = [{}, {"adapter": "../b:0.5"}, {"adapter": ["../b", "../runs/a:-1"]}, {}]
    lines = [json.dumps(common | more | {"output": f"{k}.wav"}) for k, more in enumerate(own)]
    (folder / "songs.jsonl").write_text("\n".join(lines))
    assert play("--request", folder / "songs.jsonl", "--batch-size", "4") == 0
    assert play(*ASKED, "--adapter", "b:0.5", "-o", "alone.wav") == 0
    made = [samples(str(folder / f"{k}.wav")) for k in range(4)]
    assert torch.equal(made[0], made[3]) and torch.equal(made[1], samples("alone.wav"))
    assert not torch.equal(made[0], made[1]) and not torch.equal(made[1], made[2])


def test_a_merged_checkpoint_is_the_model_with_its_adapter(
    play: Play, mine: Path, tiny_folder: Path
) -> None:
    assert convert.main([str(tiny_folder), "merged", "--merge", "b:0.5"]) == 0
    assert play(*ASKED, "--adapter", "b:0.5", "-o", "loaded.wav") == 0
    merged = ["--model", "merged", "--device", "cpu", "--steps", "2"]
    assert play(*ASKED, "-o", "merged.wav", on=merged) == 0
    assert torch.equal(samples("loaded.wav"), samples("merged.wav"))


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ("nothing/at/all", "adapter 'nothing/at/all' is neither a folder nor a Hub id"),
        (":0.8", "adapter is ':0.8': give NAME"),
        ("b:1e9", "adapter is 'b:1e9'"),
        (".", "holds no adapter (adapter_config.json)"),
        ("other", "the adapter other belongs to model"),
    ],
)
def test_refusals(
    adapter: str, message: str, play: Play, mine: Path, tiny: Jasco,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    base = {"id": "model", "revision": None, "hash": "0"}
    write(tiny, mine / "other", base=base)
    assert play(*ASKED, "--adapter", adapter, "-o", "a.wav") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line and not Path("a.wav").exists()
    assert play(*ASKED, "--adapter", "b", "--adapter", "b", "-o", "a.wav") == 1
    assert "adapter b is named twice" in capsys.readouterr().err
