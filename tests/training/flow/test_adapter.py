"""Training of adapters: the first step, what trains, stop and resume, and two processes."""

from __future__ import annotations

import os
import signal

import pytest
import runs
import torch
from runs import differences, load
from safetensors.torch import load_file

from jasco.conditions import Conditions
from jasco.config import compose_config
from jasco.errors import CheckpointError, Interrupted, SettingError
from jasco.flow import Euler
from jasco.melody import Melody
from jasco.model import Jasco
from jasco.training.flow.adapter import (
    AdapterExport,
    AdapterSettings,
    trained_tensors,
    write_adapter,
)
from jasco.training.flow.start import pretrained_model
from jasco.training.footprint import footprint

SETTINGS = {"seed": 3, "solver": Euler(2)}
CLIP = Conditions(text="with a tune", chords=[("C", 0.0), ("Am", 0.5)])
KINDS = ({}, {"dora": True}, {"rslora": True})


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return runs.new_model().save_pretrained(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def base_without_melody(base, tmp_path_factory):
    words = [*runs.SMALL, "conditioners@model.conditioners=[text_bytes,chords]"]
    model = Jasco.from_config(compose_config(*words))
    model.codec.load_state_dict(from_base(base).codec.state_dict())  # of the same songs
    return model.save_pretrained(tmp_path_factory.mktemp("base") / "model")


def from_base(folder):
    return Jasco.from_pretrained(folder, device="cpu", dtype="float32")


def with_adapter(folder, **settings):
    return pretrained_model(str(folder), adapter={"rank": 4} | settings).train()


def moved(model):
    """The model with an adapter that changes it, in numbers that its file holds exactly."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in trained_tensors(model).items():
        noise = torch.randn(tensor.shape, generator=generator)
        changed = tensor.data * (1 + 0.1 * noise) if "magnitude" in name else 0.1 * noise
        tensor.data = changed.half().float()
    return model.eval()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_untrained_adapter_changes_nothing(base, kind):
    expected, model = from_base(base), with_adapter(base, **kind).eval()
    for dtype in (torch.float32, torch.bfloat16):
        expected.dtype = model.dtype = dtype
        before, now = (m.generate(CLIP, **SETTINGS).latents for m in (expected, model))
        assert torch.equal(before, now)


def test_a_base_in_bfloat16_gives_the_same_under_autocast(base):
    expected, model = from_base(base), with_adapter(base, base_dtype="bfloat16").eval()
    assert model.network.output.weight.dtype == torch.bfloat16
    assert {t.dtype for t in trained_tensors(model).values()} == {torch.float32}
    linear = [m for m in expected.network.modules() if isinstance(m, torch.nn.Linear)]
    saved = 2 * sum(p.numel() for layer in linear for p in layer.parameters())
    high, low = (footprint(m, 1, torch.bfloat16).state for m in (with_adapter(base), model))
    assert high - low == saved
    expected.dtype = model.dtype = torch.bfloat16
    before, now = (m.generate(CLIP, **SETTINGS).latents for m in (expected, model))
    assert torch.equal(before, now)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_loaded_adapter_is_what_was_trained(base, kind, tmp_path):
    """Merged and unmerged latents in float32: within 1e-5 by norm, here by each value too."""
    trained = moved(with_adapter(base, **kind))
    model = from_base(base)
    before = model.generate(CLIP, **SETTINGS).latents
    model.load_adapter(write_adapter(trained, tmp_path / "mine"))
    now, expected = (m.generate(CLIP, **SETTINGS).latents for m in (model, trained))
    assert (expected - before).abs().max() > 1e-2
    assert (now - expected).norm() < 1e-5 * expected.norm()
    torch.testing.assert_close(now, expected, rtol=0, atol=1e-5)


def test_peft_reads_the_file(base, tmp_path):
    from peft import PeftModel

    trained = moved(with_adapter(base))
    other = PeftModel.from_pretrained(from_base(base), write_adapter(trained, tmp_path / "mine"))
    expected = trained.generate(CLIP, **SETTINGS).latents
    assert torch.equal(other.base_model.model.generate(CLIP, **SETTINGS).latents, expected)


def test_only_the_adapter_trains(base, songs, tmp_path):
    export = AdapterExport(tmp_path / "adapter")
    model = with_adapter(base)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    size = runs.JascoModule(model).size(4, "bf16-mixed", averaged=True)
    assert "trained: network 0.0 M" in size[1] and "frozen: network" in size[2]
    _, module, watch = runs.fit(tmp_path, songs, steps=30, model=model, callbacks=[export])
    assert sum(watch.losses[-5:]) < sum(watch.losses[:5])
    trained = set(trained_tensors(module.model))
    changed = {n for n, value in module.model.state_dict().items() if not value.equal(start[n])}
    assert {name.replace(".default", "") for name in changed} <= trained
    assert any("cross_attention.q.lora_B" in name for name in trained)
    package = load(tmp_path)
    names = {name.removeprefix("model.") for name in package["state_dict"]}
    assert len(names) == len(trained) and all(".lora_" in name for name in names)
    # The average of the adapter is what is written, in half the precision.
    stored = load_file(export.folder / "adapter_model.safetensors")
    for name, value in package["state_dict"].items():
        key = name.replace("model.", "base_model.model.", 1).replace(".default", "")
        assert torch.equal(stored[key], value.half())
        assert not torch.equal(value, package["current_model_state"][name])
    alone = from_base(base)
    alone.load_adapter(tmp_path)  # the folder of the run
    assert alone.active_adapters == {tmp_path.name: 1.0}


def test_the_checkpoint_of_an_adapter_names_its_model(base, songs, tmp_path):
    runs.fit(tmp_path, songs, steps=1, model=with_adapter(base))
    with pytest.raises(CheckpointError, match="is of an adapter of model: give that as the model"):
        Jasco.from_pretrained(tmp_path)


def test_stopped_and_resumed_is_bit_equal_to_straight(base, songs, tmp_path):
    settings = {"rank": 2, "dropout": 0.1}
    torch.manual_seed(0)
    model = with_adapter(base, **settings)
    runs.fit(tmp_path / "straight", songs, steps=5, model=model)

    def stop(step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    torch.manual_seed(0)
    parts, watch = tmp_path / "parts", runs.Watch(after=stop)
    with pytest.raises(Interrupted):
        runs.fit(parts, songs, steps=5, model=with_adapter(base, **settings), watch=watch)
    last = str(parts / "checkpoints" / "last.ckpt")
    torch.manual_seed(99)
    again = pretrained_model(str(base), adapter=settings, resume_from=last).train()
    runs.fit(parts, songs, steps=5, model=again, resume=True)
    assert load(parts)["global_step"] == 5
    assert load(parts)["state_dict"]  # the adapter
    assert differences(load(tmp_path / "straight"), load(parts)) == []

    other = runs.new_model(seed=1).save_pretrained(tmp_path / "other")
    with pytest.raises(CheckpointError, match="was begun from the weights"):
        pretrained_model(str(other), adapter=settings, resume_from=last)


def test_a_new_control_trains_whole(base_without_melody, songs, tmp_path):
    add = compose_config("+conditioners@add=melody")["add"]
    options = {"add": add, "allow_new": ["melody"], "adapter": {"rank": 2}}
    model = pretrained_model(str(base_without_melody), **options).train()
    export = AdapterExport(tmp_path / "adapter")
    options = {"callbacks": [export]}
    _, module, _ = runs.fit(tmp_path, songs, steps=3, model=model, **options)
    assert module.model.conditioners["melody"].project.weight.abs().max() > 0

    model = from_base(base_without_melody)
    before = model.generate(CLIP, **SETTINGS).latents
    model.load_adapter(export.folder, scale=0.5)
    assert model.controls == ("text", "chords", "melody")
    tune = Conditions(CLIP.text, CLIP.chords, melody=Melody.from_rows(torch.arange(50) % 53, 50.0))
    takes = [model.generate(clip, **SETTINGS).latents for clip in (CLIP, tune)]
    assert not torch.equal(*takes)
    model.set_adapters([], [])
    assert torch.equal(model.generate(tune, **SETTINGS).latents, before)
    model.unload_adapter()
    assert model.controls == ("text", "chords")
    assert torch.equal(model.generate(CLIP, **SETTINGS).latents, before)


def test_two_processes_are_one(songs, tmp_path):
    model = runs.new_model("model.conditioners.text.config.dropout_rate=0.0")
    base = model.save_pretrained(tmp_path / "base")

    def run(folder, batch_size, **options):
        torch.manual_seed(0)
        options |= {"data": {"batch_size": batch_size}, "precision": "32-true"}
        runs.fit(folder, songs, steps=3, model=with_adapter(base), **options)

    (tmp_path / "two").mkdir()
    children = [
        runs.in_child(
            lambda: run(tmp_path / "two", 2, devices=2, strategy="ddp"), environment=place
        )
        for place in runs.ranks(2)
    ]
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    run(tmp_path / "one", 4)
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    for key in ("state_dict", "current_model_state"):
        assert one[key].keys() == two[key].keys()
        for name, value in one[key].items():
            torch.testing.assert_close(two[key][name], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank": 0}, "adapter.rank=0: give at least 1"),
        ({"rank": 1000}, "adapter.rank=1000: the smallest layer of adapter.targets has 32"),
        ({"targets": ["network.nothing.*"]}, "'network.nothing.*', which is no linear layer"),
        ({"targets": []}, "updates no layers"),
        ({"dropout": 1.0}, "adapter.dropout=1.0"),
        ({"base_dtype": "int8"}, "adapter.base_dtype=int8: give float32 or bfloat16"),
    ],
)
def test_what_cannot_be_trained_is_refused(base, settings, message):
    with pytest.raises(SettingError, match=message.replace("*", r"\*")):
        with_adapter(base, **settings)


def test_settings_are_those_of_the_configuration():
    node = compose_config("experiment/train=finetune", "init_from=demo", "data.root=x",
                          "adapter=dora", config_name="train")["adapter"]  # fmt: skip
    assert AdapterSettings(**node).dora and AdapterSettings(**node).rank == 16
