"""Memory of training: activation checkpointing, accumulated gradients, moments in 8 bits."""

from __future__ import annotations

import sys

import pytest
import runs
import torch

from jasco.conditions import Conditions
from jasco.config import current_words
from jasco.errors import MissingPartError, SettingError
from jasco.training.flow.module import JascoModule
from jasco.training.optim import Optimization

QUIET = "model.conditioners.text.config.dropout_rate=0.0"


def test_checkpointing_changes_no_figure(songs, tmp_path):
    """With the dropout of a trained text encoder, whose random numbers are drawn once."""
    found = []
    for checkpointing in (False, True):
        module = JascoModule(runs.new_model(), optim=Optimization(lr=3e-3, warmup=1), seed=3)
        module.model.network.transformer.checkpointing = checkpointing
        runs.fit(tmp_path / str(checkpointing), songs, steps=3, module=module)
        found.append(runs.load(tmp_path / str(checkpointing)))
    assert runs.differences(*found) == []


def test_checkpointing_stores_less():
    model, sizes = runs.new_model("model.network.depth=8"), []
    frames = model.num_frames()
    conditions = model.encode([Conditions(text="a", chords=[("C", 0.0)])], frames)
    for checkpointing in (False, True):
        model.network.transformer.checkpointing = checkpointing
        stored: list[int] = []

        def keep(tensor, stored=stored):
            stored.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.loss(torch.randn(1, frames, 128), conditions)
        sizes.append(sum(stored))
    assert sizes[1] < sizes[0] / 2


@pytest.mark.parametrize("accumulated", [1, 2])
def test_no_gradient_lies_beside_the_activations(accumulated, songs, tmp_path, monkeypatch):
    """Gradients of a step are freed before the next forward pass, unless they accumulate."""
    held, losses = [], JascoModule.losses

    def keep(module, *args):
        held.append(any(p.grad is not None for p in module.parameters()))
        return losses(module, *args)

    monkeypatch.setattr(JascoModule, "losses", keep)
    options = {"accumulate_grad_batches": accumulated, "limit_val_batches": 0}
    runs.fit(tmp_path, songs, steps=3, model=runs.new_model(QUIET), **options)
    assert held == ([False] * 3 if accumulated == 1 else [False, True] * 3)


def test_accumulated_gradients_are_those_of_one_batch(songs, tmp_path):
    ends = []
    for name, size, count in (("one", 4, 1), ("two", 2, 2)):
        model = runs.new_model(QUIET)
        options = {"data": {"batch_size": size}, "accumulate_grad_batches": count}
        options |= {"precision": "32-true", "steps": 5}
        _, _, watch = runs.fit(tmp_path / name, songs, model=model, **options)
        ends.append((runs.load(tmp_path / name), watch))
    (one, alone), (two, parts) = ends
    pairs = zip(parts.sample_ids[::2], parts.sample_ids[1::2], strict=True)
    assert [a + b for a, b in pairs] == alone.sample_ids
    for key in ("state_dict", "current_model_state"):
        for name, value in one[key].items():
            torch.testing.assert_close(two[key][name], value, rtol=1e-5, atol=1e-5)


def test_the_word_of_other_programs_is_read():
    words = current_words("train", ["trainer.checkpointing=true", "trainer.max_steps=3"])
    assert words == ["module.checkpointing=true", "trainer.max_steps=3"]


def test_eight_bits_need_their_package(monkeypatch):
    with pytest.raises(SettingError, match="optim.bits=4: give 8"):
        Optimization(bits=4)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    parameters = [("a", torch.nn.Parameter(torch.zeros(2)))]
    with pytest.raises(MissingPartError, match=r"pip install 'bitsandbytes"):
        Optimization(bits=8).optimizer(parameters)
