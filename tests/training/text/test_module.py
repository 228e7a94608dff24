"""Training of a text encoder: learning, resumption, and use in a model."""

from __future__ import annotations

import lightning.pytorch as pl
import pytest
import torch

from jasco.band.sketch import VALUES
from jasco.conditioners import TextConditioner
from jasco.errors import CheckpointError, SettingError
from jasco.training.callbacks import EMA, Checkpoints
from jasco.training.checkpoint_io import AtomicCheckpointIO
from jasco.training.optim import Optimization
from jasco.training.text.descriptions import DescriptionDataModule
from jasco.training.text.module import TextExport, TextModule, init_local_attention_bias

SIZES = {"vocab_size": 384, "d_model": 48, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 3}


def new_text(pooling_queries: int) -> TextConditioner:
    config = {**SIZES, "feed_forward_proj": "gated-gelu"}
    return TextConditioner(48, config=config, finetune=True, pooling_queries=pooling_queries)


def new_module(lr: float = 3e-3) -> TextModule:
    torch.manual_seed(0)
    return TextModule(new_text(len(VALUES)), Optimization(lr=lr, warmup=10, weight_decay=0.01))


def new_data(batch_size: int = 16) -> DescriptionDataModule:
    return DescriptionDataModule(batch_size, val_descriptions=64)


def new_trainer(steps: int, *callbacks) -> pl.Trainer:
    return pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        precision="bf16-mixed",
        logger=False,
        enable_checkpointing=any(isinstance(c, Checkpoints) for c in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        limit_val_batches=0,
        callbacks=list(callbacks),
        plugins=[AtomicCheckpointIO()],
    )


def evaluate(module: TextModule) -> dict[str, float]:
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False
    )
    (found,) = trainer.validate(module, new_data(), verbose=False)
    return found


def test_it_learns_what_descriptions_say():
    module = new_module()
    before = evaluate(module)
    new_trainer(150).fit(module, new_data())
    after = evaluate(module)
    assert after["val/loss"] < before["val/loss"] - 2
    assert {"val/genre", "val/lead", "val/tempo"} <= after.keys()
    assert not module.text.project.weight.requires_grad


def test_heads_begin_with_their_neighbours():
    encoder = new_text(0).encoder
    init_local_attention_bias(encoder)
    scores = encoder.encoder.block[0].layer[0].SelfAttention.bias(40)[0]
    back, forward, around = scores.softmax(-1)
    for query in range(2, 38):
        assert back[query].argmax() == query - 1 and back[query].max() > 0.85
        assert forward[query].argmax() == query + 1 and forward[query].max() > 0.85
    assert around[20].argmax() == 20
    assert (around[20, 20:].diff() <= 0).all() and (around[20, :21].diff() >= 0).all()
    assert around[20, 15:26].sum() > 0.5


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path):
    straight, resumed = new_module(), new_module()
    checkpoints = Checkpoints(tmp_path, every=3, keep_every=3, spare_gb=0)
    new_trainer(6, checkpoints).fit(straight, new_data(4))
    new_trainer(6).fit(resumed, new_data(4), ckpt_path=tmp_path / "step-0000003.ckpt")
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_average_is_exported_as_an_encoder_of_a_model(tmp_path):
    plain, module, folder = new_module(), new_module(), tmp_path / "encoder"
    new_trainer(3).fit(plain, new_data(4))
    new_trainer(3, EMA(decay=0.5, every=1), TextExport(folder)).fit(module, new_data(4))
    loaded = TextConditioner(32, pretrained=str(folder), finetune=True, pooling_queries=len(VALUES))
    for name in ("encoder", "summary"):
        last, average, found = (
            getattr(text, name).state_dict() for text in (plain.text, module.text, loaded)
        )
        assert all(torch.equal(found[key], average[key]) for key in average)
        assert not all(torch.equal(found[key], last[key]) for key in last)
    texts = ["slow jazz with flute lead"]
    assert torch.equal(loaded.tokenizer(texts)[0], module.text.tokenizer(texts)[0])


def test_the_export_is_of_a_text_module(tmp_path):
    with pytest.raises(SettingError, match="belongs to a Trainer with a TextModule"):
        TextExport(tmp_path).on_fit_end(new_trainer(1), pl.LightningModule())


def test_the_export_replaces_nothing_but_an_encoder(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(CheckpointError, match="holds no text encoder"):
        TextExport(tmp_path).on_fit_end(new_trainer(1), new_module())
    assert (tmp_path / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("queries", [0, 3])
def test_each_fact_has_a_query(queries):
    with pytest.raises(SettingError, match="give pooling_queries=10"):
        TextModule(new_text(queries))
