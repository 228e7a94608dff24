"""``jasco-convert``: the written folder holds the same model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from jasco import ChordProgression, Conditions, Euler, Jasco
from jasco.cli import convert
from jasco.device import STORED

PACKS = ["facebook/jasco-chords-drums-400M", "facebook/jasco-chords-drums-melody-400M"]


def run(*arguments: object) -> int:
    try:
        return convert.main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)


def check_equal(one: Jasco, other: Jasco) -> None:
    """Bit-equal weights, and the same music."""
    before, after = one.state_dict(), other.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    clip = Conditions(text="warm", chords=ChordProgression.parse("C:0 Am:2"))
    made = [model.generate(clip, seed=1, solver=Euler(2)) for model in (one, other)]
    assert torch.equal(made[0].latents, made[1].latents)
    assert torch.equal(made[0].audio, made[1].audio)


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "without text encoder"])
def test_a_published_checkpoint(
    name: str, whole: bool, hub_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "model"
    where = ["--cache-dir", hub_cache, "--local-files-only"]
    assert run(name, out, *where, *([] if whole else ["--no-text-encoder"])) == 0
    shown = capsys.readouterr()
    controls = "text, chords, drums" + (", melody" if "melody" in name else "")
    assert shown.out.startswith(f"{out}: ") and f"controls {controls}\n" in shown.out
    assert shown.err == ""
    assert (out / "text_encoder").exists() == whole
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["source"] == {"id": name, "revision": "0" * 39 + "1"}

    options = {"device": "cpu", "dtype": "float32", "local_files_only": True}
    published = Jasco.from_pretrained(name, cache_dir=hub_cache, **options)
    # Whole, it needs no Hub; without the text encoder, the commit of that.
    cache = tmp_path / "empty" if whole else hub_cache
    check_equal(published, Jasco.from_pretrained(out, cache_dir=cache, **options))


def test_our_own_folder_over_an_earlier_one(tiny: Jasco, tiny_folder: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(tiny_folder, tmp_path / "again") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["again"]
    check_equal(tiny, Jasco.from_pretrained(tmp_path / "again", device="cpu", dtype="float32"))


def test_names_spelled_out_for_the_help_are_the_real_ones() -> None:
    assert set(convert.DTYPES) == set(STORED)


def test_half_the_size_and_a_card_of_ones_own(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.md").write_text("# Mine")
    card = ["--card", tmp_path / "card.md"]
    sizes = []
    for dtype in ("float32", "float16"):
        out = tmp_path / dtype
        assert run(tiny_folder, out, "--dtype", dtype, *card) == 0
        sizes.append(float(capsys.readouterr().out.partition(" MB")[0].split()[-1]))
        total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        assert sizes[-1] == pytest.approx(total / 1e6, abs=0.06)
        assert (out / "README.md").read_text() == "# Mine"
    assert sizes[1] < 0.6 * sizes[0]
    # What is rounded already stays bit by bit, in whichever format it is kept.
    assert run(tmp_path / "float16", tmp_path / "again") == 0
    check_equal(*(Jasco.from_pretrained(tmp_path / name) for name in ("float16", "again")))


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["nobody/nothing", "out"], "the Hub was not reached", 1),
        (["away", "out"], "is not in the Hub cache", 1),
        (["TINY", "taken"], "holds no checkpoint: choose another folder", 1),
        (["TINY", "taken/file.txt"], "choose another folder", 1),
        (["TINY", "taken/file.txt/deeper"], "could not be written", 1),
        (["TINY", "out", "--private"], "--private goes with --push", 2),
        (["TINY", "out", "--card", "none.md"], "none.md: No such file or directory", 1),
        (["TINY", "out", "--dtype", "int8"], "invalid choice: 'int8'", 2),
        (["TINY"], "arguments are required: out", 2),
        (["TINY", "out", "--revison", "a"], "unrecognized arguments", 2),
    ],
)
def test_bad_input(
    arguments: list[str],
    says: str,
    code: int,
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert run(*(tiny_folder if a == "TINY" else a for a in arguments)) == code
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("jasco-convert: error: ") and says in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_push_that_fails_leaves_the_folder(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests have no network, which is what fails here."""
    assert run(tiny_folder, tmp_path / "out", "--push", "someone/something", "--private") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "someone/something could not be written on the Hub" in lines[0]
    assert (tmp_path / "out" / "model.safetensors").is_file()
