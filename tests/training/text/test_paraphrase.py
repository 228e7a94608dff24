"""Paraphrases: what the encoder is taught, what stays as it was, and a run of the command."""

from __future__ import annotations

import sys
from itertools import islice

import lightning.pytorch as pl
import pytest
import runs
import torch
from torch.utils.data import DataLoader

from jasco.band.description import GENRE_WORDS
from jasco.band.everyday import SCENES, split_scenes
from jasco.cli.train import main
from jasco.errors import SettingError
from jasco.model import Jasco
from jasco.training.flow.start import text_conditioner, text_model
from jasco.training.optim import Optimization
from jasco.training.text.everyday import GENRES, ParaphraseDataModule
from jasco.training.text.paraphrase import ParaphraseModule

TEXT = "conditioners.text."
POOLED = "+model.conditioners.text.pooling_queries=4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint whose text has pooling queries."""
    model = runs.new_model(POOLED)
    return str(model.save_pretrained(tmp_path_factory.mktemp("checkpoint") / "model"))


def new_module(folder, lr=3e-3):
    optim = Optimization(lr=lr, warmup=3, weight_decay=0.0)
    return ParaphraseModule(text_model(folder), text_conditioner(folder), optim)


def new_data(**changes):
    return ParaphraseDataModule(**{"batch_size": 8, "workers": 0, "val_texts": 16} | changes)


def first(loader, count=1):
    return list(islice(loader, count))


def fit(module, batch, steps):
    """Train on one batch, again and again."""
    trainer = pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        precision="32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(module, DataLoader([batch] * steps, batch_size=None, collate_fn=lambda item: item))


def test_half_of_the_texts_are_everyday_prompts():
    (batch,) = first(new_data(drop_word=0.0).train_dataloader())
    assert batch.everyday.tolist() == [True, False] * 4
    for text, description, genre, everyday in zip(*batch, strict=True):
        assert (text != description) == bool(everyday)
        if everyday:
            name = GENRES[genre]
            assert any(word in description for word in GENRE_WORDS[name])
            assert any(scene.lower() in text.lower() for scene in SCENES[name])


def test_validation_has_scenes_that_training_has_not():
    known, held_out = split_scenes()
    data = new_data(drop_word=0.0, val_texts=64)
    for loader, there in ((data.train_dataloader(), known), (data.val_dataloader(), held_out)):
        for batch in first(loader, 4):
            prompts = [t.lower() for t, e in zip(batch.texts, batch.everyday, strict=True) if e]
            scenes = [p.lower() for phrases in there.values() for p in phrases]
            assert prompts and all(any(s in prompt for s in scenes) for prompt in prompts)


def test_a_seed_gives_the_same_texts_and_another_others():
    texts = [first(new_data(seed=seed).train_dataloader())[0].texts for seed in (0, 0, 1)]
    assert texts[0] == texts[1] and not set(texts[0]) & set(texts[2])


@pytest.mark.parametrize("change", [{"drop_word": 2}, {"batch_size": 0}, {"val_texts": -1}])
def test_values_out_of_range(change):
    with pytest.raises(SettingError, match=next(iter(change))):
        new_data(**change)


@torch.no_grad()
def test_vectors_are_those_that_the_network_is_given(folder):
    module = new_module(folder).eval()
    texts = ["rainy window", "a slow jazz tune with flute lead"]
    text = module.text
    given = text(text.prepare(texts, 1, module.model.codec)).values[:, 0]
    for found in (module(texts), module.taught(texts)):
        torch.testing.assert_close(found, given, rtol=0, atol=1e-5)


@torch.no_grad()
def test_descriptions_have_no_error_at_the_start(folder):
    module = new_module(folder).eval()
    (batch,) = first(new_data().train_dataloader())
    errors = module.errors(batch)
    assert errors[~batch.everyday].max() < 1e-6 < 1e-4 < errors[batch.everyday].min()


def test_the_loss_falls_and_the_text_alone_changes(folder):
    module = new_module(folder)
    (batch,) = first(new_data().train_dataloader())
    before = {name: tensor.clone() for name, tensor in module.model.state_dict().items()}
    with torch.no_grad():
        start = module.eval().errors(batch).mean()
    fit(module, batch, 30)
    with torch.no_grad():
        assert module.eval().errors(batch).mean() < 0.7 * start
    for name, tensor in module.model.state_dict().items():
        if not name.startswith(TEXT):
            assert torch.equal(tensor, before[name]), name
    moved = {n for n, t in module.model.state_dict().items() if not torch.equal(t, before[n])}
    for part in ("encoder.", "summary.", "project."):
        assert any(name.startswith(TEXT + part) for name in moved), part


def test_a_text_that_does_not_train_is_refused(tmp_path):
    model = runs.new_model()  # its text has no pooling queries
    folder = str(model.save_pretrained(tmp_path / "model"))
    with pytest.raises(SettingError, match="has no text encoder that trains and pools"):
        text_model(folder)


def test_a_run_resumes_and_is_a_whole_model(folder, tmp_path, monkeypatch, capfd):
    run = tmp_path / "run"

    def train(steps):
        words = ["experiment=everyday", f"init_from={folder}", f"run={run}"]
        words += ["data.batch_size=4", "data.val_texts=8", "optim.warmup=1"]
        words += ["trainer.val_check_interval=2", "trainer.log_every_n_steps=1"]
        monkeypatch.setattr(sys, "argv", ["jasco-train", *words, f"trainer.max_steps={steps}"])
        assert main() == 0
        return runs.load(run)

    first = train(2)
    header = (run / "logs" / "version_0" / "metrics.csv").read_text().splitlines()[0].split(",")
    kinds = {"loss", "everyday", "descriptions"}
    assert {f"{stage}/{kind}" for stage in ("train", "val") for kind in kinds} <= set(header)
    assert {"val/genre", "train/grad_norm"} <= set(header)
    assert not any("teacher" in name for name in first["state_dict"])
    assert (first["global_step"], train(3)["global_step"]) == (2, 3)

    start, end = (Jasco.from_pretrained(p, device="cpu", dtype="float32") for p in (folder, run))
    assert end.config["model"] == start.config["model"]
    assert end.config["dropout"] == start.config["dropout"]
    old, new = start.state_dict(), end.state_dict()
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed and all(name.startswith(TEXT) for name in changed)
    saved = end.save_pretrained(tmp_path / "saved")
    assert Jasco.from_pretrained(saved, device="cpu").controls == start.controls
