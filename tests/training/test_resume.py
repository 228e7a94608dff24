"""Stopped, killed and distributed runs equal an uninterrupted run."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import time

import pytest
import runs
import torch
from runs import differences, load

from jasco.errors import CheckpointError, Interrupted, SettingError
from jasco.training.checkpoint_io import AtomicCheckpointIO
from jasco.training.optim import Optimization


@pytest.mark.parametrize("accumulate", [1, 2])
def test_stopped_and_resumed_is_bit_equal_to_straight(accumulate, songs, tmp_path):
    options = {"steps": 9, "accumulate_grad_batches": accumulate, "val_check_interval": 3}
    options |= {"limit_val_batches": 1.0}
    _, _, straight = runs.fit(tmp_path / "straight", songs, **options)

    def stop(step):
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    watch = runs.Watch(after=stop)
    with pytest.raises(Interrupted, match="SIGTERM: saved at step 4"):
        runs.fit(tmp_path / "parts", songs, watch=watch, **options)
    assert signal.getsignal(signal.SIGTERM) == before
    assert load(tmp_path / "parts")["global_step"] == 4
    torch.manual_seed(99)  # nothing may hang on the state of a process
    _, _, rest = runs.fit(tmp_path / "parts", songs, resume=True, **options)

    assert watch.sample_ids + rest.sample_ids == straight.sample_ids
    assert watch.losses + rest.losses == straight.losses
    ends = [load(tmp_path / name) for name in ("straight", "parts")]
    assert ends[0]["global_step"] == 9 and differences(*ends) == []
    assert straight.sample_ids == [tuple(range(4 * k, 4 * k + 4)) for k in range(9 * accumulate)]
    text = "model.conditioners.text.encoder.shared.weight"
    start = runs.new_model().state_dict()[text.removeprefix("model.")]
    assert not torch.equal(ends[0]["state_dict"][text], start)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lr": 1e-3}, r"optim\.lr 0\.003 -> 0\.001\), and"),
        ({"weight_decay": 0.0}, r"optim\.weight_decay 0\.1 -> 0\.0"),
        ({"betas": [0.8, 0.9]}, r"optim\.betas \(0\.9, 0\.95\) -> \(0\.8, 0\.9\)"),
        ({"groups": {"network.": {"lr": 1e-3}}}, r"network\.\.lr 0\.002 -> 0\.001"),
        ({"betas": [0.9, 0.95], "warmup": 2, "min_lr_ratio": 0.1}, None),
    ],
)
def test_a_changed_optimiser_is_refused(changed, message, begun, songs, tmp_path):
    """Lightning would restore the one of the checkpoint; a changed schedule takes effect."""
    shutil.copytree(begun, tmp_path / "run")
    optim = Optimization(**OPTIM | changed)
    context = pytest.raises(SettingError, match=message) if message else contextlib.nullcontext()
    with context:
        runs.fit(tmp_path / "run", songs, steps=2, optim=optim, resume=True)
    assert load(tmp_path / "run")["global_step"] == (1 if message else 2)


OPTIM = {"lr": 3e-3, "warmup": 3, "groups": {"network.": {"lr": 2e-3}}}


@pytest.fixture(scope="module")
def begun(songs, tmp_path_factory):
    """Folder of a run of one step."""
    folder = tmp_path_factory.mktemp("begun")
    runs.fit(folder, songs, steps=1, optim=Optimization(**OPTIM))
    return folder


def test_workers_change_nothing(songs, tmp_path):
    alone = runs.fit(tmp_path / "0", songs, steps=3)[2]
    helped = runs.fit(tmp_path / "2", songs, steps=3, data={"workers": 2})[2]
    assert (alone.sample_ids, alone.losses) == (helped.sample_ids, helped.losses)


def test_killed_at_any_moment(songs, tmp_path):
    """SIGKILL four times, with checkpoints every 10 steps."""
    folder, log = tmp_path / "killed", tmp_path / "log"
    log.touch()
    model = runs.new_model()
    chance = random.Random(4)

    def run(place, **options):
        options |= {"steps": 40, "every": 10, "model": model}
        return runs.in_child(lambda: runs.fit(place, songs, **options))

    def note(step):
        with log.open("a") as file:
            file.write(f"{step}\n")

    def steps():
        return [int(line) for line in log.read_text().split()]

    reached = 0
    for _ in range(4):
        begun = len(steps())
        child = run(folder, resume=True, watch=runs.Watch(after=note))
        aim = begun + chance.randint(3, 12)
        while child.is_alive() and len(steps()) < aim:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.03)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert steps()[begun] > reached - 10, "more than 10 steps are lost"
        reached = steps()[-1]
        if (folder / "checkpoints" / "last.ckpt").exists():
            assert load(folder)["global_step"] % 10 == 0  # whole, whenever the kill came
    ends = [run(folder, resume=True, watch=runs.Watch(after=note)), run(tmp_path / "straight")]
    for child in ends:
        child.join()
        assert child.exitcode == 0
    assert steps()[-1] == 40
    assert differences(load(tmp_path / "straight"), load(folder)) == []


def test_two_processes_are_one_with_the_same_global_batch(songs, tmp_path):
    def run(folder, batch_size, **options):
        model = runs.new_model("model.conditioners.text.config.dropout_rate=0.0")
        # In float32, whose rounding is small against what another order of the sums changes.
        options |= {"data": {"batch_size": batch_size}, "precision": "32-true"}
        _, _, watch = runs.fit(folder, songs, steps=8, model=model, **options)
        rank = os.environ.get("RANK", "0")
        torch.save((watch.sample_ids, watch.dropped), folder / f"rank{rank}.pt")

    (tmp_path / "two").mkdir()
    (tmp_path / "one").mkdir()
    children = []
    for environment in runs.ranks(2):
        options = {"devices": 2, "strategy": "ddp"}
        children.append(
            runs.in_child(lambda o=options: run(tmp_path / "two", 2, **o), environment=environment)
        )
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    child = runs.in_child(run, tmp_path / "one", 4)
    child.join()
    assert child.exitcode == 0

    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    assert one["global_step"] == two["global_step"] == 8
    for key in ("state_dict", "current_model_state"):
        for name, value in one[key].items():
            torch.testing.assert_close(two[key][name], value, rtol=1e-5, atol=1e-5)
    sample_ids, dropped = zip(
        *(torch.load(tmp_path / "two" / f"rank{r}.pt", weights_only=True) for r in "01"),
        strict=True,
    )
    alone, _ = torch.load(tmp_path / "one" / "rank0.pt", weights_only=True)
    assert [a + b for a, b in zip(*sample_ids, strict=True)] == alone
    assert dropped[0] != dropped[1]


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    """A limit of file size stands for a full disk: the write fails half way."""
    io, path = AtomicCheckpointIO(), tmp_path / "last.ckpt"
    io.save_checkpoint({"step": 1}, path)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(CheckpointError, match="could not be written"):
            io.save_checkpoint({"step": 2, "weights": torch.zeros(1_000_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert io.load_checkpoint(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_links_and_the_best(songs, tmp_path):
    folder, keep = tmp_path / "checkpoints", {"keep_every": 2}
    runs.fit(tmp_path, songs, steps=5, keep=keep, val_check_interval=3, limit_val_batches=1.0)
    steps = {path.name: load(tmp_path, path.name)["global_step"] for path in folder.iterdir()}
    assert steps == {
        "last.ckpt": 5, "best.ckpt": 3, "step-0000002.ckpt": 2, "step-0000004.ckpt": 4
    }  # fmt: skip


def test_a_disk_too_small_is_told_before_the_first_step(songs, tmp_path):
    watch = runs.Watch()
    with pytest.raises(CheckpointError, match="GB free, and checkpoints need"):
        runs.fit(tmp_path, songs, steps=1, keep={"spare_gb": 1e9}, watch=watch)
    assert watch.sample_ids == []
