"""``jasco-train`` from the command line: runs, their folders, and errors before the first step."""

from __future__ import annotations

import csv
import json
import random
import re
import signal
import subprocess
import sys
import time

import pytest
import runs
import soundfile
import torch
import yaml
from forked import Forked

from jasco.cli.train import main
from jasco.config import compose_config
from jasco.model import Jasco

# Sizes and steps; all else is as users get it.
SIZES = (
    "data.batch_size=2",
    "data.val_clips=2",
    "callbacks.samples.clips=1",
    "trainer.max_steps=1",
)


@pytest.fixture(scope="module")
def small_model():
    return runs.new_model()


@pytest.fixture(scope="module")
def start(songs, tmp_path_factory, small_model):
    """What every command of this file needs: a checkpoint and data."""
    folder = small_model.save_pretrained(tmp_path_factory.mktemp("start") / "model")
    return ("experiment=finetune", f"init_from={folder}", f"data.root={songs}", *SIZES)


@pytest.fixture
def train(start, tmp_path, monkeypatch, capfd):
    """Run the command; returns its exit code and the lines on stderr that are its own."""

    def run(*words):
        words = (*start, f"run={tmp_path / 'run'}", *words)
        monkeypatch.setattr(sys, "argv", ["jasco-train", *words])
        capfd.readouterr()
        code = main()
        lines = capfd.readouterr().err.splitlines()
        return code, [line for line in lines if line.startswith("jasco-train:")]

    return run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.root=nowhere"], "no dataset at nowhere"),
        (["init_from=./nowhere"], "no such folder"),
        (["conditioners@add=[melody]", "allow_new=[melody]"], "melody is not new"),
        (["+dropout.flute=0.5"], "the model has no control 'flute'"),
        (["data.without=[flute]"], "data.without names flute"),
        (["data.batch_size=0"], "data.batch_size is 0"),
        (["data.text.merge=2"], "merge is 2: give a probability"),
        (["trainer.precision=64-true"], "trainer.precision=64-true: give 32-true or bf16-mixed"),
        (["trainer.max_steps=-1"], "the schedule needs a number of steps"),
        (["trainer=fsdp", "~callbacks.ema"], "trainer=fsdp shards over GPUs, and none is here"),
        (["callbacks.samples.adherence=[drums]"], "adherence=drums: give some of chords, melody"),
        (["callbacks.checkpoints.spare_gb=1e9"], "GB free, and checkpoints need"),
    ],
)
def test_one_clear_error_before_the_first_step(words, message, train, tmp_path):
    code, said = train(*words)
    assert code == 1
    assert len(said) == 1 and message in said[0], said
    assert not list(tmp_path.rglob("*.ckpt"))


def test_data_that_does_not_fit_the_model(train, tmp_path, small_model):
    codec = small_model.codec
    other = runs.new_model(seed=9).codec
    runs.write_dataset(tmp_path / "other", other, count=1)
    runs.write_dataset(tmp_path / "toneless", codec, count=1, controls=("chords", "drums"))
    runs.write_dataset(tmp_path / "short", codec, count=1, frames=20)
    cases = {
        "other": "latents of .*other are of another codec",
        "toneless": "melody was not prepared for 1 of 1 tracks",
        "short": "none of the 1 tracks lasts 0.8 s",
    }
    for name, message in cases.items():
        code, said = train(f"data.root={tmp_path / name}")
        assert code == 1 and len(said) == 1
        assert re.search(message, said[0]), said
        assert not (tmp_path / "run").exists()
    assert train(
        f"data.root={tmp_path / 'toneless'}", "data.without=[melody]", STEPS.format(1)
    ) == (
        0,
        [],
    )


STEPS = "trainer.max_steps={}"


def test_a_run_and_its_folder(train, tmp_path, small_model, songs):
    sampled = ("callbacks.samples.every=2",)
    sampled += ("logger=[csv,tensorboard,wandb]", "logger.wandb.offline=true")
    checks = ("trainer.val_check_interval=2", "trainer.log_every_n_steps=1")
    assert train(STEPS.format(3), *sampled, *checks) == (0, [])
    run = tmp_path / "run"
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["data"]["root"], config["trainer"]["max_steps"]) == (str(songs), 3)
    facts = json.loads((run / "environment.json").read_text())
    assert facts["packages"]["torch"] == torch.__version__ and len(facts["commit"]) == 40
    rows = (run / "logs" / "version_0" / "metrics.csv").read_text().splitlines()
    assert {"train/loss", "train/grad_norm", "val/without/chords"} <= set(rows[0].split(","))
    names = {path.name for path in (run / "samples" / "step-0000002").iterdir()}
    assert names == {"0.flac", "0.png", "0.json"}
    assert list((run / "tensorboard").glob("events*"))
    assert list((run / "wandb").glob("offline-run-*/*.wandb"))
    package = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    config = package["hyper_parameters"]
    assert config["model"] == small_model.config["model"]
    assert config["dropout"] == small_model.config["dropout"]
    assert Jasco.from_pretrained(run).controls == small_model.controls

    assert train(STEPS.format(4), *sampled, *checks) == (0, [])
    again = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert (package["global_step"], again["global_step"]) == (3, 4)
    for version, steps in (("version_0", ["0", "1", "2"]), ("version_1", ["3"])):
        found = (run / "logs" / version / "metrics.csv").read_text().splitlines()[1:]
        assert list(dict.fromkeys(row.split(",")[1] for row in found)) == steps
    code, said = train(STEPS.format(5), "optim.lr=0.5")
    assert code == 1 and "was begun with other settings (optim.lr 2e-05 -> 0.5)" in said[0]


def test_a_text_encoder_that_a_model_takes(tmp_path, monkeypatch, capfd):
    words = ["experiment=text", f"run={tmp_path / 'text'}", "data.val_descriptions=2"]
    words += ["data.batch_size=2", "trainer.max_steps=1"]
    monkeypatch.setattr(sys, "argv", ["jasco-train", *words])
    assert main() == 0
    out = capfd.readouterr().out
    assert "text: text" in out and "step 1" in out
    folder = tmp_path / "text" / "encoder"
    choice = "conditioners@model.conditioners=[text_trained,chords]"
    config = compose_config("+model=tiny", choice, f"model.conditioners.text.pretrained={folder}")
    model = Jasco.from_config(config)
    assert model.controls == ("text", "chords")
    assert model.conditioners["text"].summary.out_features == 10


def test_a_signal_saves_and_the_same_command_goes_on(start, tmp_path):
    """As a scheduler does it: SIGTERM to the process, then the same command again."""
    words = [*start, f"run={tmp_path / 'run'}", STEPS.format(100000), "trainer.log_every_n_steps=1"]
    words += ["callbacks.checkpoints.every=100000"]
    command = [sys.executable, "-m", "jasco.cli.train", *words]
    log, last = (
        tmp_path / "run" / "logs" / "version_0" / "metrics.csv",
        tmp_path / "run" / "checkpoints" / "last.ckpt",
    )
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    while process.poll() is None and not log.exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, error
    step = torch.load(last, weights_only=True)["global_step"]
    assert f"jasco-train: SIGTERM: saved at step {step}, the same command resumes" in error


def test_a_sweep_ends_in_a_table(start, tmp_path, monkeypatch, capfd, chordino):
    """A run that cannot begin is not in it; with another in its place, the first is kept."""
    words = ["adapter=lora", f"run={tmp_path / 'sweep'}", "callbacks.samples.adherence=[chords]"]
    columns = ["run", "adapter.rank", "val/loss", "adherence/chords", "adapter MB"]
    for ranks, code in (("2,1000", 1), ("2,4", 0)):
        more = [f"adapter.rank={ranks}", "--multirun"]
        monkeypatch.setattr(sys, "argv", ["jasco-train", *start, *words, *more])
        assert main() == code
        with (tmp_path / "sweep" / "table.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2 - code
    assert [row["adapter.rank"] for row in rows] == ["2", "4"]
    for row in rows:
        assert sorted(row) == sorted(columns)
        assert float(row["val/loss"]) > 0 and 0 <= float(row["adherence/chords"]) <= 1
    sizes = [float(row["adapter MB"]) for row in rows]
    assert 0 < sizes[0] < sizes[1] < 2.1 * sizes[0]
    said = capfd.readouterr().out.splitlines()
    assert any(all(name in line for name in columns) for line in said)


def log_steps(run):
    """Steps in the rows of each start of a run, which all have rows that are whole."""
    found = []
    for version in sorted((run / "logs").iterdir(), key=lambda path: int(path.name.split("_")[1])):
        with (version / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows and all(None not in row and None not in row.values() for row in rows)
        found.append([int(row["step"]) for row in rows])
    return found


@pytest.mark.slow
def test_stopped_at_any_moment(start, tmp_path):
    """By SIGKILL, SIGTERM and Ctrl-C; what comes of it is what an undisturbed run comes to."""
    chance = random.Random(5)
    run, steps = tmp_path / "run", 24
    words = ["jasco-train", *start, STEPS.format(steps), "trainer.log_every_n_steps=2"]
    words += ["callbacks.checkpoints.every=4", "callbacks.samples.every=8"]
    last = run / "checkpoints" / "last.ckpt"

    def begin(folder):
        return Forked(main, [*words, f"run={folder}"], tmp_path, tmp_path / "written")

    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        before = last.stat().st_mtime_ns if last.exists() else 0
        process = begin(run)
        while process.poll() is None and not (last.exists() and last.stat().st_mtime_ns > before):
            time.sleep(0.002)
        time.sleep(chance.random() * 0.3)
        process.send_signal(number)
        said = process.wait(timeout=120)
        if process.returncode == 0:
            break  # quicker than the signal
        assert process.returncode == (-number if number == signal.SIGKILL else 128 + number), said
        assert "Traceback" not in said
        step = torch.load(last, weights_only=True)["global_step"]
        # A signal after the last step finds its checkpoint written and the run about to end.
        assert step <= steps and (number != signal.SIGKILL or step % 4 == 0)
        assert all(log_steps(run))
        for path in run.rglob("*.flac"):
            assert soundfile.info(path).frames > 0
    for folder in (run, tmp_path / "straight"):
        process = begin(folder)
        said = process.wait(timeout=120)
        assert process.returncode == 0, said
    ends = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (run, tmp_path / "straight")
    ]
    assert ends[0]["global_step"] == ends[1]["global_step"] == steps
    for part in ("state_dict", "averaging_state", "current_model_state"):
        for name, tensor in ends[1][part].items():
            if isinstance(tensor, torch.Tensor):
                assert torch.equal(ends[0][part][name], tensor), name
    logs = log_steps(run)
    assert logs[-1][-1] == steps - 1
    # A stop between a step, or its checkpoint, and its row leaves out the row before the next log.
    absent = set(range(1, steps, 2)) - {step for log in logs for step in log}
    assert absent <= {log[0] - 2 for log in logs[1:]}, logs
    made = [sorted(path.name for path in folder.rglob("samples/*/*")) for folder in (run,)]
    assert made[0] == sorted(f"0.{kind}" for kind in ("flac", "json", "png") for _ in range(3))
    assert not [path for path in run.rglob("*") if ".part" in path.name]
