"""Commands of README and docs for clusters, training and evaluation, run with their own settings.

Only sizes, steps and data are cut: precision, workers, callbacks, loggers and launchers are those
that users get. Two processes of this machine stand for the nodes of a cluster.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
import runs
import soundfile
import torch
import yaml
from bands import prepare_band
from blocks import blocks, commands
from claps import save_clap
from warm import run_words, words_of

from jasco.checkpoint.codec import CodecSource
from jasco.model import Jasco

pytestmark = pytest.mark.slow

CHECKPOINT = "facebook/jasco-chords-drums-melody-400M"
RECIPE_PAGE = "docs/demo-training.md"  # its commands need each other
SIZES = {
    "codec": ("trainer.max_steps=2", "data.batch_size=2", "data.val_segments=2"),
    "codec_decoder": ("trainer.max_steps=2", "data.batch_size=2", "data.val_segments=2"),
    "text": ("trainer.max_steps=2", "data.batch_size=4", "data.val_descriptions=4"),
    "finetune": ("trainer.max_steps=2", "data.batch_size=2", "data.val_clips=2"),
    "distill": ("trainer.max_steps=2", "data.batch_size=2", "data.val_clips=2"),
    "chords_drums": (
        "trainer.max_steps=2", "data.batch_size=2", "data.val_clips=2", "solver.steps=2",
        "model.network.dim=32", "model.network.depth=2", "model.network.heads=2",
        "model.segment_duration=1",
    ),
}  # fmt: skip
SWEPT = re.compile(r"([\w.]+=[^\[,]+,[^,]+)(,.*)?")
SAMPLES = "callbacks.samples.clips=1"
SRUN = """#!/usr/bin/env bash
# Two tasks on two nodes, which are both this machine.
export SLURM_JOB_ID=2{port} SLURM_JOB_NAME=train SLURM_NTASKS=2 SLURM_NTASKS_PER_NODE=1 \\
    SLURM_NNODES=2 SLURM_JOB_NUM_NODES=2 SLURM_JOB_NODELIST=127.0.0.1 SLURM_NODELIST=127.0.0.1
for task in 0 1; do
    SLURM_PROCID=$task SLURM_NODEID=$task SLURM_LOCALID=0 "$@" &
    tasks+=($!)
done
for task in "${{tasks[@]}}"; do wait "$task" || exit 1; done
"""


def of(program: str) -> list[str]:
    """The commands of a program in the blocks that are not run as they stand."""
    shown = [b for b in blocks() if b.language == "sh" and b.page != RECIPE_PAGE]
    lines = [c for b in shown for c in commands(b)]
    return [c for c in lines if program in shlex.split(c, comments=True)]


def named(command: str) -> str:
    words = shlex.split(command)
    kept = (
        "experiment=",
        "hydra/launcher=",
        "manifest=",
        "srun",
        "torchrun",
        "guidance=",
        "metrics=",
    )
    return " ".join(word for word in words if word.startswith(kept)) or command


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def data(hub_cache: Path, soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands name: recordings, prepared datasets and a fine-tuned checkpoint."""
    folder = tmp_path_factory.mktemp("readme")
    model = Jasco.from_pretrained(CHECKPOINT, cache_dir=hub_cache, device="cpu")
    model.save_pretrained(folder / "mine")
    prepare_band(folder / "band", folder / "mine", 4, 3.0)
    (folder / "runs").mkdir()
    shutil.copytree(folder / "mine", folder / "runs" / "mine")
    frames = model.num_frames()
    runs.write_dataset(folder / "for_mine", model.codec, count=3, frames=frames)
    (snapshot,) = (hub_cache / "models--facebook--encodec_32khz" / "snapshots").iterdir()
    codec = CodecSource(str(snapshot)).load()
    runs.write_dataset(folder / "for_encodec", codec, count=3, frames=frames)
    (folder / "music").mkdir()
    for seed in range(3):
        sound = 0.2 * np.random.default_rng(seed).standard_normal(11 * 16000)
        soundfile.write(folder / "music" / f"{seed}.wav", sound, 16000)
    lines = [{"path": f"music/{k}.wav", "text": "a slow flute"} for k in range(2)]
    for name in ("songs", "musiccaps"):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return folder


@pytest.fixture
def place(data: Path, tmp_path: Path) -> Path:
    """A folder of its own with links to the data."""
    for path in data.iterdir():
        if path.name != "runs":
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine").symlink_to(data / "runs" / "mine")
    return tmp_path


def run(script: str, place: Path, environment: dict[str, str]) -> str:
    """Run a command, or a script of the shell; returns what it says, and fails with it.

    Commands that start processes of their own by other means are started as by a user.
    """
    words = None if "executor=ray" in script or "hydra/launcher=" in script else words_of(script)
    if words is not None:
        return run_words(words, place, environment)
    done = subprocess.run(
        ["bash", "-euc", script], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def finished(run: Path, steps: int, *, samples: bool) -> None:
    """A run has what the docs say of it: settings, a checkpoint, losses and samples."""
    package = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert package["global_step"] == steps
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["max_steps"] == steps
    assert json.loads((run / "environment.json").read_text())["threads"] > 0
    (log,) = (run / "logs").iterdir()
    header, *rows = (log / "metrics.csv").read_text().splitlines()
    assert "train/loss" in header.split(",") and rows
    made = {path.suffix for path in run.glob(f"samples/step-{steps:07d}/*")}
    assert made == ({".flac", ".png", ".json"} if samples else set())
    assert not (run / ".hydra").exists() and not (run / "train.log").exists()


def settings(command: str) -> set[str]:
    """Words of a training, without those that name a checkpoint, start processes or count nodes."""
    words = shlex.split(command)
    starts = ("init_from=", "trainer.num_nodes=", "-")
    start = next(k for k, word in enumerate(words) if word in ("jasco-train", "jasco.cli.train"))
    return {word for word in words[start + 1 :] if not word.startswith(starts)}


(RECIPE,) = (b for b in blocks() if b.page == RECIPE_PAGE and b.language == "sh")
TRAINING: list[str] = []
for command in dict.fromkeys([*of("torchrun"), *of("srun"), *of("jasco-train")]):
    # Of those that differ only in the checkpoint or in processes, the ones of processes; what the
    # recipe shows too is run with it.
    words = shlex.split(command)
    if command in commands(RECIPE) or not {"jasco-train", "jasco.cli.train"} & set(words):
        continue
    same = any(settings(command) == settings(other) for other in TRAINING)
    if words[0] in ("srun", "torchrun") or not same:
        TRAINING.append(command)


@pytest.mark.parametrize("command", TRAINING, ids=named)
def test_training(command: str, place: Path, environment: dict[str, str]) -> None:
    words = shlex.split(command)
    (experiment,) = (w.partition("=")[2] for w in words if w.startswith("experiment="))
    (folder,) = (Path(w.partition("=")[2]) for w in words if w.startswith("run="))
    if experiment == "codec_decoder":
        (name,) = (w.partition("=")[2] for w in words if w.startswith("module.codec.name="))
        prepare(f"{LATENTS} codec.name={name}", place, environment)
    codec = "for_mine" if experiment in ("distill", "finetune") else "for_encodec"
    (place / "prepared").symlink_to(place / codec)
    samples = experiment in ("distill", "finetune", "chords_drums")
    words = [SWEPT.sub(r"\1", word) for word in words]  # two runs of a sweep
    words += [*SIZES[experiment], *([SAMPLES] if samples else [])]
    if "hydra/launcher=joblib" in words:
        words.append("data.workers=4")
    words = [word.replace("=submitit_slurm", "=submitit_local") for word in words]
    environment = dict(environment)
    port = free_port()
    if words[0] == "torchrun":
        words = [re.sub("--nproc-per-node=8", "--nproc-per-node=1", word) for word in words]
        words = [word.replace("node1:29500", f"127.0.0.1:{port}") for word in words]
        node = shlex.join(words)
        script = f"{node} & first=$!\n{node}\nwait $first"
    else:
        script = shlex.join(words)
        if words[0] == "srun":
            (place / "srun").write_text(SRUN.format(port=port))
            (place / "srun").chmod(0o755)
            environment["PATH"] = f"{place}{os.pathsep}{environment['PATH']}"
    said = run(script, place, environment)
    assert "Warning" not in said, said
    jobs = sorted(p for p in (place / folder).iterdir() if p.name.isdecimal())
    swept = [word for word in words if SWEPT.fullmatch(word)]
    assert len(jobs) == 2 * len(swept)
    for word in swept:
        swept_in(place / folder, word, said)
    for job in jobs or [place / folder]:
        finished(job, 2, samples=samples)
    if words[0] in ("torchrun", "srun"):
        assert "MEMBER: 2/2" in said
    if experiment == "codec":
        assert (place / folder / "codec" / "model.safetensors").is_file()
    if experiment == "codec_decoder":
        assert (place / folder / "decoder" / "model.safetensors").is_file()
    if experiment == "distill":
        (take,) = (place / folder / "samples" / "step-0000002").glob("*.json")
        ranges = Jasco.from_pretrained(place / folder).network.guidance.ranges
        assert json.loads(take.read_text())["guidance"].keys() == ranges.keys()
    if experiment == "text":
        assert (place / folder / "encoder" / "model.safetensors").is_file()


def swept_in(sweep: Path, word: str, said: str) -> None:
    """Each run of a sweep has its value and its row, and the table is named."""
    key, _, values = word.partition("=")
    assert str(sweep / "table.csv") in said
    for job, value in enumerate(values.split(",")):
        assert float(json.loads((sweep / str(job) / "row.json").read_text())["val/loss"]) > 0
        found = yaml.safe_load((sweep / str(job) / "config.yaml").read_text())
        for name in key.split("."):
            found = found[name]
        assert found == int(value)


LATENTS = "jasco-prepare manifest=songs.jsonl out=latents 'stages=[latents]'"
"""Preparation before a decoder is trained, which `test_training` runs."""
PREPARATION = [c for c in of("jasco-prepare") if not c.startswith(LATENTS)]


@pytest.mark.parametrize("command", PREPARATION, ids=named)
def test_preparation(
    command: str, place: Path, environment: dict[str, str], chordino: Path
) -> None:
    prepare(command, place, environment)


def test_the_preparations_for_decoders_are_run() -> None:
    names = {
        word.partition("=")[2]
        for command in of("jasco-train")
        for word in shlex.split(command)
        if word.startswith("module.codec.name=")
    }
    shown = [c for c in of("jasco-prepare") if c.startswith(LATENTS)]
    assert sorted(shown) == sorted(f"{LATENTS} codec.name={name}" for name in names)


def prepare(command: str, place: Path, environment: dict[str, str]) -> None:
    """Run a command for the two songs of a manifest, which are all prepared."""
    words = shlex.split(command)
    # The cluster that the lines before it start is here the one that Ray starts by itself.
    words = [word for word in words if not word.startswith("executor.address=")]
    said = run(shlex.join(words), place, environment)
    assert "2 done, 0 skipped, 0 quarantined" in said
    (out,) = (word.partition("=")[2] for word in words if word.startswith("out="))
    assert len(list((place / out / "tracks").iterdir())) == 2


@pytest.fixture
def with_clap(environment: dict[str, str], hub_cache: Path) -> dict[str, str]:
    """The golden Hub with a small CLAP under the name of the large one."""
    repository = hub_cache / "models--laion--larger_clap_music"
    if not repository.exists():
        commit = 40 * "2"
        (repository / "refs").mkdir(parents=True)
        (repository / "snapshots").mkdir()
        (repository / "refs" / "main").write_text(commit)
        save_clap(repository / "snapshots" / commit)
    return environment


@pytest.mark.parametrize("command", of("jasco-evaluate"), ids=named)
def test_evaluation(command: str, place: Path, with_clap: dict[str, str], chordino: Path) -> None:
    (place / "prepared").symlink_to(place / "band" / "exact")
    fewer = {"solver.steps=25,50": "solver.steps=2,3", "guidance.all=1,2,3": "guidance.all=1,3"}
    words = [fewer.get(word, word) for word in shlex.split(command)]
    words += ["data.duration=1"]
    if "experiment=musiccaps" not in words:
        words += ["data.items=2"]
    if "--multirun" not in words:  # which has a solver, whose steps are cut above
        words += ["solver=euler", "solver.steps=2"]
    said = run(shlex.join(words), place, with_clap)
    assert "Warning" not in said, said
    folder = next((w.partition("=")[2] for w in words if w.startswith("run=")), "evaluation")
    jobs = [p for p in (place / folder).iterdir() if p.name.isdecimal()]
    assert len(jobs) == (4 if "--multirun" in words else 0)
    for job in jobs or [place / folder]:
        report = json.loads((job / "report.json").read_text())
        assert report["frozen"]["threads"] > 0
        scores = report["scores"][report["frozen"]["settings"][0]]
        assert {"chords.iou", "drums.f1"} <= set(scores)
        assert (job / "report.html").stat().st_size > 1000
    if "experiment=musiccaps" in words:
        assert {"clap.fad", "clap.text_consistency", "chroma.similarity"} <= set(scores)
        assert set(report["published"]["figures"]) >= {CHECKPOINT}


def test_the_recipe_of_the_demo(
    tmp_path: Path, soundfont: Path, environment: dict[str, str]
) -> None:
    """Its commands in their order, each with the results of those before, in small numbers."""
    cuts = {
        "jasco-synthesize": ("songs=4", "seconds=11"),
        "experiment=codec": SIZES["codec"],
        "experiment=codec_decoder": SIZES["codec_decoder"],
        "experiment=text": SIZES["text"],
        "experiment=demo": (*SIZES["finetune"], SAMPLES),
    }
    small = []
    for command in commands(RECIPE):
        words = [word for word in shlex.split(command) if word != "--card" and "README" not in word]
        for word, cut in cuts.items():
            if word in words:
                replaced = {x.partition("=")[0] for x in cut}
                words = [x for x in words if x.partition("=")[0] not in replaced] + list(cut)
        small.append(shlex.join(words))
    said = "".join(run(command, tmp_path, environment) for command in small)
    assert "Warning" not in said, said
    finished(tmp_path / "runs" / "text", 2, samples=False)
    finished(tmp_path / "runs" / "demo", 2, samples=True)
    model = Jasco.from_pretrained(tmp_path / "assets" / "demo", device="cpu")
    bundled = Jasco.from_pretrained("demo", device="cpu")
    assert model.controls == bundled.controls
    shapes = {name: value.shape for name, value in bundled.state_dict().items()}
    assert {name: value.shape for name, value in model.state_dict().items()} == shapes
