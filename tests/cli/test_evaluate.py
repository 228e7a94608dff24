"""The command line that evaluates: real generation, extractors and reports, at small sizes."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from bands import prepare_band

from jasco.cli.evaluate import PROGRAM, main
from jasco.evaluation.plan import noise_seed
from jasco.evaluation.settings import CEILING

SMALL = ("data.items=3", "data.duration=2", "batch_size=2", "workers=0", "solver=euler")
SMALL += ("solver.steps=2", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false")


@pytest.fixture(scope="session")
def songs_of_band(soundfont, tiny_folder, tmp_path_factory) -> Path:
    return prepare_band(tmp_path_factory.mktemp("evaluated") / "band", tiny_folder, 3, 3.0)


@pytest.fixture
def evaluate(songs_of_band, tiny_folder, salience_file, tmp_path, monkeypatch, capfd):
    """The command line with some words, in a folder of its own: exit code, output and errors."""
    start = (f"checkpoint={tiny_folder}", f"data.root={songs_of_band}", *SMALL)
    start += (f"hearing.weights={salience_file}",)

    def call(*more: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        # Hydra wants its own options first.
        words = sorted((*start, *more), key=lambda word: not word.startswith("--"))
        monkeypatch.setattr(sys, "argv", [PROGRAM, *words])
        capfd.readouterr()
        code = main()
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


class Page(HTMLParser):
    """What a page asks for, and whether its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "data")]
        if tag not in ("meta", "link", "circle", "line", "rect"):
            self.open.append(tag)
        elif tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read_report(folder: Path) -> dict:
    report = json.loads((folder / "report.json").read_text())
    assert report.pop("times")["total"] > 0
    return report


def test_a_report_that_a_stop_does_not_change(evaluate, chordino, tmp_path, songs_of_band):
    words = ("settings=[all,none,mismatched]", "data.duration=1")
    code, said, errors = evaluate(*words, "run=one")
    assert code == 0, errors
    assert "floor: shuffled" in said and "salience.cosine" in said and "flow" in said
    report = read_report(tmp_path / "one")
    settings = [CEILING, "all", "none", "mismatched"]
    assert list(report["scores"]) == list(report["shuffled"]) == settings
    for table in report["scores"].values():
        controls = {metric.partition(".")[0] for metric in table}
        assert controls == {"chords", "drums", "tempo", "melody", "salience"}
        assert table["chords.iou"]["items"] == 3
        for interval in table.values():
            if interval["low"] is not None:
                assert interval["low"] <= interval["mean"] + 1e-9
                assert interval["mean"] <= interval["high"] + 1e-9
    assert len(report["frozen"]["data"]["hash"]) == 64
    assert report["frozen"]["solver"] == {"name": "euler", "steps": 2}
    for item in report["items"]:
        assert item["noise"] == [noise_seed(0, item["id"])]
    lines = (tmp_path / "one" / "records.0.jsonl").read_text().splitlines()
    assert len(lines) == 4 * 3

    page = Page((tmp_path / "one" / "report.html").read_text())
    assert not page.open and "script" not in page.tags
    assert page.tags.count("audio") == 2 * len(report["ranking"]) == 6
    assert all(address.startswith("data:") for address in page.addresses)

    # Killed while it wrote the eighth record, and run again.
    records = tmp_path / "one" / "records.0.jsonl"
    records.write_text("\n".join(lines[:7]) + "\n" + lines[7][:40])
    (tmp_path / "one" / "report.json").unlink()
    assert evaluate(*words, "run=one")[0] == 0
    assert read_report(tmp_path / "one") == report
    assert len(records.read_text().splitlines()) == len(lines)
    # Nothing is missing: only the report is made, and the same.
    before = records.read_bytes()
    assert evaluate(*words, "run=one")[0] == 0
    assert records.read_bytes() == before and read_report(tmp_path / "one") == report

    code, _, errors = evaluate(*words, "run=one", "solver.steps=3")
    assert code == 1 and "holds another evaluation (solver" in errors
    assert read_report(tmp_path / "one") == report


def test_the_same_twice_and_seeds(evaluate, tmp_path):
    words = ("settings=[drums]", "metrics=[drums]", "seed=[0,5]", "guidance=all")
    for run in ("one", "two"):
        assert evaluate(*words, f"run={run}")[0] == 0
    report = read_report(tmp_path / "one")
    assert report == read_report(tmp_path / "two")
    assert report["frozen"]["guidance"] == {"all": 2.0} and report["frozen"]["seeds"] == [0, 5]
    assert len(list((tmp_path / "one" / "audio").rglob("*.flac"))) == 3 * (1 + 2)
    audio = {path.read_bytes() for path in (tmp_path / "one" / "audio").rglob("*.flac")}
    assert len(audio) == 9


def test_a_sweep(evaluate, tmp_path):
    words = ("settings=[none]", "metrics=[drums]", "--multirun", "seed=1,2", "run=sweep")
    assert evaluate(*words)[0] == 0
    seeds = [read_report(tmp_path / "sweep" / n)["frozen"]["seeds"] for n in ("0", "1")]
    assert seeds == [[1], [2]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.root=???"], "data.root is not given: add data.root=VALUE"),
        (["checkpoint=./nowhere"], "no such folder"),
        (["data.root=nowhere"], "nowhere is no folder"),
        (
            ["metrics=[flutes]"],
            "metrics=['flutes']: give some of chords, drums, melody, signal, chroma",
        ),
        (["settings=[flutes]"], "no 'flutes': give some of alone, without, all, text"),
        (["seed=[1,1]"], "give one, or several that differ"),
        (["data.items=1"], "give two or more"),
        (["data.duration=3.5"], "0 of the 3 tracks"),
        (["batch_size=0"], "batch_size=0"),
        (["itmes=3"], "itmes"),
    ],
)
def test_wrong_words_end_in_one_line(evaluate, words, message, tmp_path):
    code, _, errors = evaluate("metrics=[drums]", *words)
    lines = [line for line in errors.splitlines() if line.startswith(PROGRAM)]
    assert code == 1
    assert len(lines) == 1 and message in lines[0], errors
    assert not list(tmp_path.rglob("*.json*"))
