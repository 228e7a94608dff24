"""Overfitting of four clips by the command of users: all parts learn."""

from __future__ import annotations

import csv
import sys

import runs
from lightning.pytorch import Trainer

from jasco.cli.train import main
from jasco.data.datamodule import JascoDataModule
from jasco.data.dropout import TextDropout
from jasco.model import Jasco
from jasco.training.flow.module import JascoModule


def test_four_clips_by_heart(tmp_path, monkeypatch):
    codec = runs.new_model().codec
    codec.save(tmp_path / "codec")
    runs.write_dataset(tmp_path / "data", codec, count=4, frames=120)
    words = ["experiment=overfit_tiny", f"data.root={tmp_path / 'data'}", f"run={tmp_path / 'run'}"]
    words += ["codec@model.codec=trained", f"model.codec.pretrained={tmp_path / 'codec'}"]
    words += ["model.segment_duration=2.4", "trainer.enable_progress_bar=false"]
    words += ["trainer.accelerator=cpu", "callbacks.samples.every=100000"]
    monkeypatch.setattr(sys, "argv", ["jasco-train", *words])
    assert main() == 0
    with (tmp_path / "run" / "logs" / "version_0" / "metrics.csv").open() as file:
        found = [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]
    assert found[-1] < 0.3 * found[0]

    model = Jasco.from_pretrained(tmp_path / "run", device="cpu", dtype="float32")
    text = TextDropout(merge=0.0, drop_word=0.0)
    data = JascoDataModule(
        tmp_path / "data", text, batch_size=4, workers=0, val_share=0.0, val_clips=4
    )
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
    (tested,) = trainer.test(JascoModule(model), datamodule=data, verbose=False)
    assert tested["test/latent_correlation"] > 0.9
    # From the controls, not from a memory of what is common to all clips.
    assert tested["test/without/all"] > 3 * tested["test/loss"]
