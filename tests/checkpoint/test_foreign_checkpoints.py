"""Checkpoints from outside: whole or refused, by name, before memory or time is spent."""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import T5Config, T5EncoderModel

from jasco.checkpoint.codec import CodecSource
from jasco.errors import CheckpointError, JascoError, SettingError
from jasco.io.assets import asset
from jasco.model import Jasco

PUBLISHED = "facebook/jasco-chords-drums-400M"


@pytest.fixture(scope="module")
def saved(tiny: Jasco, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a checkpoint; leave it as it is."""
    return tiny.save_pretrained(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture(scope="module")
def small(tiny: Jasco, hub_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Checkpoints of every kind, as folders or files that a test may damage."""

    def make(kind: str, place: Path) -> Path:
        if kind == "bundled":
            return Path(shutil.copytree(asset("demo"), place / "demo"))
        if kind == "converted":
            model = Jasco.from_pretrained(PUBLISHED, cache_dir=hub_cache)
            return model.save_pretrained(place / "converted")
        # A run keeps the parts that it was given beside its checkpoints.
        model = Jasco.from_pretrained(asset("demo"), device="cpu")
        run = place / "run" / "checkpoints"
        assert model.codec.decoder is not None
        model.codec.save(run / "codec")
        model.codec.decoder.save(run / "decoder")
        state = {f"model.{k}": v for k, v in model.state_dict().items()}
        package = {"hyper_parameters": model.config, "state_dict": state}
        torch.save(package, run / "last.ckpt")
        return place / "run"

    return make


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bundled", "converted", "trained"])
@pytest.mark.parametrize("part", ["codec", "text_encoder"])
def test_a_lost_part_is_never_made_of_random_numbers(
    kind: str, part: str, small: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small(kind, tmp_path)
    Jasco.from_pretrained(path, device="cpu")
    if (kind, part) == ("trained", "text_encoder"):
        package = torch.load(path / "checkpoints" / "last.ckpt", weights_only=True)
        prefix = "model.conditioners.text.encoder."
        own = {k: v for k, v in package["state_dict"].items() if not k.startswith(prefix)}
        torch.save(package | {"state_dict": own}, path / "checkpoints" / "last.ckpt")
    else:
        (place,) = path.rglob(part)
        # What lies in the working directory under the name of the part is no part of it.
        shutil.move(place, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=f"{part}/" if kind != "converted" else "Hub"):
        Jasco.from_pretrained(path, device="cpu", cache_dir=tmp_path / "empty")


@pytest.mark.parametrize("part", ["codec", "text_encoder"])
def test_a_part_that_lacks_a_tensor_is_refused(folder: Path, part: str) -> None:
    path = folder / part / "model.safetensors"
    tensors = load_file(path)
    lost = sorted(tensors)[3]
    del tensors[lost]
    # As many numbers as before, so that only the name tells.
    tensors["stranger"] = torch.zeros(100_000)
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=f"{part} lacks tensors .* missing: {lost}"):
        Jasco.from_pretrained(folder)


NAMES = ["codec", "./codec", "../other/codec", "/etc", "~/codec", "runs/a/codec", "a\\b", "C:\\x"]
NAMES += ["owner/..", "owner/na me", "", "owner/name\n", "a" * 300, "owner/\ud800", "owner/\0"]


@pytest.mark.parametrize("name", NAMES)
def test_a_part_comes_from_the_checkpoint_or_from_the_hub(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("codec", "runs/a/codec", "owner/na me"):
        shutil.copytree(folder / "codec", tmp_path / place)
    (tmp_path / "other").mkdir()
    shutil.move(folder / "codec", tmp_path / "other" / "codec")
    edit(folder, lambda c: c["model"]["codec"].update(pretrained=name, config=None))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"lacks its folder codec/|no YAML"):
        Jasco.from_pretrained(folder)


def test_a_hub_id_is_not_looked_for_in_the_working_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner").mkdir()
    shutil.move(folder / "codec", tmp_path / "owner" / "codec")
    edit(folder, lambda c: c["model"]["codec"].update(pretrained="owner/codec", revision=None))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="owner/codec .* Hub was not reached"):
        Jasco.from_pretrained(folder, cache_dir=tmp_path / "empty")
    for revision in ("../../../x", "/etc/passwd", "", "a" * 300):
        edit(folder, lambda c, r=revision: c["model"]["codec"].update(revision=r))
        with pytest.raises(CheckpointError, match="no branch, tag or commit"):
            Jasco.from_pretrained(folder, cache_dir=tmp_path / "empty")


def test_saving_brings_every_part_that_is_on_no_hub(
    tiny: Jasco, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = copy.deepcopy(tiny.config)
    config["model"]["codec"] |= {"pretrained": str(saved / "codec")}
    config["model"]["conditioners"]["text"] |= {"pretrained": str(saved / "text_encoder")}
    model = Jasco.from_config(config)
    again = model.save_pretrained(tmp_path / "model", text_encoder=False)
    assert str(saved) not in (again / "config.yaml").read_text()
    before, after = model.state_dict(), Jasco.from_pretrained(again).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_adapter_beside_a_part_is_not_followed(folder: Path) -> None:
    (folder / "text_encoder" / "adapter_config.json").write_text(
        '{"base_model_name_or_path": "owner/other"}'
    )
    with pytest.raises(CheckpointError, match="holds an adapter"):
        Jasco.from_pretrained(folder)


@pytest.mark.parametrize(
    "config",
    [None, "{}", '{"tokenizer_class": "T5Tokenizer"}', '{"tokenizer_class": "GPT2Tokenizer"}'],
)
def test_a_lost_tokenizer_is_never_made_up(config: str | None, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(asset("demo"), tmp_path / "demo"))
    path = folder / "text_encoder" / "tokenizer_config.json"
    path.unlink()
    if config is not None:
        path.write_text(config)
    with pytest.raises(CheckpointError, match="text_encoder.*tokenizer|tokenizer of .*encoder"):
        Jasco.from_pretrained(folder, device="cpu")


def test_a_tokenizer_of_another_encoder_is_refused(folder: Path) -> None:
    values = json.loads((folder / "text_encoder" / "config.json").read_text())
    T5EncoderModel(T5Config(**values | {"vocab_size": 300})).save_pretrained(
        folder / "text_encoder"
    )
    with pytest.raises(CheckpointError, match="384 tokens and its encoder knows 300"):
        Jasco.from_pretrained(folder)


# --- values of the configuration ------------------------------------------------------------------


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(config)
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


# Place in the configuration, value, and what the message says.
WRONG = [
    ("model", [1], "'model'"),
    ("model.codec", [1], r"model\.codec is \[1\]: give a node whose _target_ is EnCodec"),
    ("model.codec", "encodec", r"model\.codec is 'encodec'"),
    ("model.codec", None, r"model\.codec is None"),
    ("model.codec._target_", "jasco.network.VelocityNetwork", r"model\.codec is .*EnCodec"),
    ("model.codec.config", 3, r"model\.codec\.config is 3: give a mapping or null"),
    ("model.codec.pretrained", [1], r"model\.codec\.pretrained|codec/"),
    ("model.codec.revision", 7, r"model\.codec\.revision|codec/"),
    ("model.codec.latent_mean", "x", r"model\.codec\.latent_mean is 'x'"),
    ("model.codec.latent_mean", [0.5, 1], "latent_mean is .* channels"),
    ("model.codec.latent_std", 0, "latent_std is 0"),
    ("model.codec.latent_std", 1e300, "latent_std is 1e.300"),
    ("model.codec.latent_std", float("inf"), "not finite"),
    ("model.segment_duration", "x", r"model\.segment_duration is 'x': give a finite number"),
    ("model.segment_duration", True, r"model\.segment_duration is True"),
    ("model.segment_duration", 0, "segment_duration is 0"),
    ("model.segment_duration", -1, "segment_duration is -1"),
    ("model.segment_duration", 1e9, "segment_duration is 1000000000"),
    ("model.segment_duration", float("nan"), "not finite"),
    ("model.conditioners", ["text"], r"model\.conditioners is .*give a mapping"),
    ("model.conditioners.chords", 5, r"model\.conditioners is .*give a mapping to a node"),
    ("model.conditioners.chords.dim", 32, r"chords\.dim is 32|wrong shape"),
    ("model.conditioners.chords.width", 2.5, r"chords\.width is 2\.5: give a whole number"),
    ("model.conditioners.drums.blur", 0, "blur=0"),
    ("model.conditioners.drums.latent_dim", 10**12, r"drums\.latent_dim is 1000000000000"),
    ("model.conditioners.text.pooling_queries", "many", r"text\.pooling_queries is 'many'"),
    ("model.conditioners.text.finetune", "no", r"text\.finetune is 'no': give true or false"),
    (
        "model.conditioners.stranger",
        {"_target_": "jasco.conditioners.ChordConditioner", "dim": 64},
        "'stranger'",
    ),
    ("model.network", {}, r"model\.network is \{\}"),
    ("model.network.dim", None, r"network\.dim is None: give a whole number"),
    ("model.network.dim", 10**30, r"network\.dim is 10000"),
    ("model.network.dim", 2**19, "wrong shape|describes|channels"),
    ("model.network.depth", 10**6, "depth=1000000"),
    ("model.network.depth", 250, "missing"),
    ("model.network.depth", -1, "depth=-1"),
    ("model.network.heads", 0, "heads=0"),
    ("model.network.mlp_ratio", [4], r"network\.mlp_ratio is \[4\]"),
    ("model.network.positional_scale", "1", r"network\.positional_scale is '1'"),
    ("model.network.stranger", 1, "key 'stranger', which VelocityNetwork does not take"),
    ("solver", "euler", "solver in .* is 'euler': give a mapping"),
    ("solver", {"_target_": "jasco.flow.Euler", "steps": "x"}, r"solver\.steps is 'x'"),
    ("solver", {"_target_": "jasco.flow.Euler", "rtol": 1e-3}, "solver has a key 'rtol'"),
    ("solver", {"_target_": "jasco.flow.Euler", "steps": 10**30}, r"solver\.steps is 1000"),
    ("solver", {"_target_": "jasco.flow.Dopri5", "rtol": "x"}, r"solver\.rtol is 'x'"),
    ("guidance", [1], "guidance in .*: give a mapping"),
    ("guidance", {"_target_": "jasco.flow.Guidance", "all": "x"}, "guidance all='x'"),
    ("dropout", 3, "dropout in .*: give a mapping"),
    ("dropout", {"text": "x"}, r"dropout\.text in .* is 'x'"),
    ("dropout", {"text": 2}, r"dropout\.text in .* is 2"),
    ("source", "x", "source in .*: give a mapping"),
    ("source", {"id": [1]}, r"source\.id in .* is \[1\]"),
]


@pytest.mark.parametrize("place, value, message", WRONG, ids=lambda v: f"{v}"[:40])
def test_a_wrong_value_is_named(folder: Path, place: str, value: Any, message: str) -> None:
    def change(config: dict[str, Any]) -> None:
        *path, last = place.split(".")
        for key in path:
            config = config[key]
        config[last] = value

    edit(folder, change)
    started = time.process_time()
    with pytest.raises((CheckpointError, SettingError), match=message) as caught:
        Jasco.from_pretrained(folder, cache_dir=folder / "empty")
    assert len(str(caught.value)) < 700
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "part, key, value, message",
    [
        ("codec", "hidden_size", 10**9, "hidden_size is 1000000000"),
        ("codec", "hidden_size", "x", "codec"),
        ("codec", "num_filters", 4096, "weights and its files hold|codec"),
        ("codec", "num_lstm_layers", 10**5, "num_lstm_layers is 100000"),
        ("codec", "upsampling_ratios", [2] * 40, "upsampling_ratios has 40"),
        ("codec", "upsampling_ratios", [0, 4], "codec"),
        ("codec", "target_bandwidths", [], "codec"),
        ("codec", "target_bandwidths", [1e6], "codebooks"),
        ("codec", "sampling_rate", 1, "codec"),
        ("codec", "model_type", "t5", "that of a 't5', not of a 'encodec'"),
        ("codec", "norm_type", "stranger", "norm_type|codec"),
        ("text_encoder", "num_layers", 10**9, "num_layers is 1000000000"),
        ("text_encoder", "num_layers", 100, "weights and its files hold"),
        ("text_encoder", "vocab_size", 10**6, "weights and its files hold"),
        ("text_encoder", "d_model", [1], "d_model"),
        ("text_encoder", "relative_attention_max_distance", -128, "max_distance -128"),
        ("text_encoder", "relative_attention_max_distance", 8, "max_distance 8"),
        ("text_encoder", "feed_forward_proj", "x-y-z", "feed_forward_proj|text_encoder"),
    ],
)
def test_a_wrong_value_of_a_part_is_named(
    folder: Path, part: str, key: str, value: Any, message: str
) -> None:
    path = folder / part / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    started = time.process_time()
    with pytest.raises((CheckpointError, SettingError), match=message):
        Jasco.from_pretrained(folder)
    assert time.process_time() - started < 5


# --- weights --------------------------------------------------------------------------------------


def first(tensors: dict[str, Tensor]) -> str:
    return next(name for name in sorted(tensors) if name.endswith(("weight", "conv.bias")))


def spoil(change: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], str]:
    def apply(tensors: dict[str, Tensor]) -> str:
        name = first(tensors)
        tensors[name] = change(tensors[name].clone())
        return name

    return apply


def holding(value: float, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        tensor.view(-1)[0] = value
        return tensor.to(dtype)

    return change


SPOILED = {
    "nan": holding(float("nan"), torch.float32),
    "inf": holding(float("inf"), torch.float32),
    "-inf in half": holding(-float("inf"), torch.float16),
    "nan in bfloat16": holding(float("nan"), torch.bfloat16),
    "beyond float32": lambda t: torch.full_like(t, 1e300, dtype=torch.float64),
    "int64": lambda t: t.to(torch.int64),
    "int8": lambda t: t.to(torch.int8),
    "bool": lambda t: t > 0,
    "shape": lambda t: t[:1],
    "empty": lambda t: t[:0],
}


@pytest.mark.parametrize("file", ["model", "codec/model", "text_encoder/model"])
@pytest.mark.parametrize("change", SPOILED.values(), ids=SPOILED)
def test_weights_that_are_no_weights_are_named(
    folder: Path, file: str, change: Callable[[Tensor], Tensor]
) -> None:
    path = folder / f"{file}.safetensors"
    tensors = load_file(path)
    name = spoil(change)(tensors)
    save_file(tensors, path)
    with pytest.raises(CheckpointError) as caught:
        Jasco.from_pretrained(folder)
    message = str(caught.value)
    assert name in message or "weights and its files hold" in message, message


def test_statistics_that_nothing_reads_may_be_infinite(folder: Path, tiny: Jasco) -> None:
    path = folder / "codec" / "model.safetensors"
    tensors = {k: v.half() for k, v in load_file(path).items()}
    for name, tensor in tensors.items():
        if name.endswith(("embed_avg", "cluster_size")):
            tensor.fill_(float("inf"))
    save_file(tensors, path)
    again = Jasco.from_pretrained(folder)
    assert torch.isfinite(again.codec.dequantize(torch.zeros(1, 5, dtype=torch.long))).all()


def test_a_pipe_as_weights_does_not_block(folder: Path) -> None:
    for name in ("model.safetensors", "codec/model.safetensors", "config.yaml"):
        path = folder / name
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        started = time.perf_counter()
        with pytest.raises(CheckpointError):
            Jasco.from_pretrained(folder)
        assert time.perf_counter() - started < 60
        path.unlink()
        path.write_bytes(content)


# --- files of torch -------------------------------------------------------------------------------


def cyclic() -> dict[str, Any]:
    node: dict[str, Any] = {}
    node["model"] = node
    return node


def deep() -> dict[str, Any]:
    node: dict[str, Any] = {}
    for _ in range(300):
        node = {"model": node}
    return node


TORCH_FILES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda p: [1],
    "no configuration": lambda p: {"state_dict": p["state_dict"]},
    "no tensors": lambda p: {"hyper_parameters": p["hyper_parameters"]},
    "tensors as list": lambda p: p | {"state_dict": [torch.zeros(1)]},
    "numbers as tensors": lambda p: p | {"state_dict": dict.fromkeys(p["state_dict"], 1.0)},
    "numbers as names": lambda p: p | {"state_dict": {1: torch.zeros(1)}},
    "wide views": lambda p: (
        p | {"state_dict": {k: torch.zeros(1).expand(v.shape) for k, v in p["state_dict"].items()}}
    ),
    "huge view": lambda p: (
        p | {"state_dict": p["state_dict"] | {"model.x": torch.zeros(1).expand(10**6, 10**6)}}
    ),
    "sparse": lambda p: (
        p | {"state_dict": {k: v.to_sparse() for k, v in p["state_dict"].items() if v.dim() == 2}}
    ),
    "tensor in the configuration": lambda p: (
        p | {"hyper_parameters": {"model": {"x": torch.zeros(2)}}}
    ),
    "set in the configuration": lambda p: p | {"hyper_parameters": {"model": {"x": {1, 2}}}},
    "configuration in itself": lambda p: p | {"hyper_parameters": cyclic()},
    "deep configuration": lambda p: p | {"hyper_parameters": deep()},
    "foreign class": lambda p: (
        p | {"hyper_parameters": {"model": {"_target_": "os.system", "command": "true"}}}
    ),
    "no codec": lambda p: (
        p | {"state_dict": {k: v for k, v in p["state_dict"].items() if "codec" not in k}}
    ),
}


@pytest.mark.parametrize("change", TORCH_FILES.values(), ids=TORCH_FILES)
def test_a_lightning_checkpoint_from_outside(
    tiny: Jasco, change: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    state = {f"model.{k}": v for k, v in tiny.state_dict().items()}
    package = {"hyper_parameters": tiny.config, "state_dict": state}
    torch.save(package, tmp_path / "right.ckpt")
    again = Jasco.from_pretrained(tmp_path / "right.ckpt", device="cpu").state_dict()
    assert all(torch.equal(again[k], v) for k, v in tiny.state_dict().items())
    torch.save(change(package), tmp_path / "wrong.ckpt")
    started = time.process_time()
    with pytest.raises(CheckpointError):
        Jasco.from_pretrained(tmp_path / "wrong.ckpt", device="cpu")
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda p: p.update({"xp.cfg": "a: &a [*a]"}), "xp.cfg"),
        (lambda p: p.update({"xp.cfg": 7}), "xp.cfg"),
        (lambda p: p.update({"xp.cfg": "[]"}), "xp.cfg"),
        (lambda p: p.update({"xp.cfg": p["xp.cfg"].replace("flow_dim", "flow_mid")}), "xp.cfg|emb"),
        (lambda p: p.update({"best_state": []}), "holds a list"),
        (lambda p: p["best_state"].popitem(), "missing"),
        (
            lambda p: p["best_state"].update({"linear.weight": torch.tensor([float("nan")])}),
            "linear|output",
        ),
        (
            lambda p: p["best_state"]["linear.weight"].fill_(float("nan")),
            "not finite.*network.output.weight",
        ),
        (
            lambda p: p["best_state"].update({"emb.weight": torch.zeros(1).expand(10**5, 10**5)}),
            "emb.weight",
        ),
    ],
)
def test_a_published_checkpoint_that_was_changed(
    hub_cache: Path, change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path
) -> None:
    (found,) = hub_cache.glob(f"models--{PUBLISHED.replace('/', '--')}/snapshots/*")
    for path in found.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    assert Jasco.from_pretrained(tmp_path, cache_dir=hub_cache).controls
    package = torch.load(tmp_path / "state_dict.bin", weights_only=True)
    change(package)
    torch.save(package, tmp_path / "state_dict.bin")
    with pytest.raises(CheckpointError, match=message):
        Jasco.from_pretrained(tmp_path, cache_dir=hub_cache)


def test_a_codec_is_taken_from_a_checkpoint_under_the_same_rules(folder: Path) -> None:
    assert CodecSource(str(folder)).load().latent_dim
    path = folder / "codec" / "model.safetensors"
    tensors = load_file(path)
    tensors[first(tensors)].view(-1)[0] = float("nan")
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    save_file(tensors, other / "codec" / "model.safetensors")
    for name in (str(other), str(other / "codec")):
        with pytest.raises(JascoError, match="not finite"):
            CodecSource(name).load()
